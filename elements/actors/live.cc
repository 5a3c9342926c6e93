#include "elements/actors/live.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstring>

namespace mone::actors {
namespace {

SceneOptions in_colour(SceneOptions options, mone_actors_format format) {
  options.planes = format == MONE_ACTORS_GRAY8 ? 1 : 3;
  return options;
}

/// Integer weights of 1/256 for limited-range luma and chroma.
struct Matrix {
  int yr, yg, yb, ur, ug, ub, vr, vg, vb;
};
constexpr Matrix kBt601 = {66, 129, 25, -38, -74, 112, 112, -94, -18};
constexpr Matrix kBt709 = {47, 157, 16, -26, -86, 112, 112, -102, -10};

void luma_row(const Matrix& m, const uint8_t* r, const uint8_t* g, const uint8_t* b, int n, uint8_t* out) {
  for (int i = 0; i < n; ++i)
    out[i] = static_cast<uint8_t>(((m.yr * r[i] + m.yg * g[i] + m.yb * b[i] + 128) >> 8) + 16);
}

/// One chroma sample per 2x2 pixels; the last column or row of an odd size stands for itself.
void chroma_row(const Matrix& m, const uint8_t* r0, const uint8_t* g0, const uint8_t* b0, size_t below, int n,
                int step, uint8_t* u, uint8_t* v) {
  const auto pair = [&](const uint8_t* p, int x, int next) {
    return p[x] + p[next] + p[below + static_cast<size_t>(x)] + p[below + static_cast<size_t>(next)];
  };
  for (int i = 0; i < (n + 1) / 2; ++i) {
    const int x = 2 * i, next = std::min(x + 1, n - 1);
    const int r = pair(r0, x, next), g = pair(g0, x, next), b = pair(b0, x, next);
    u[i * step] = static_cast<uint8_t>(((m.ur * r + m.ug * g + m.ub * b + 512) >> 10) + 128);
    v[i * step] = static_cast<uint8_t>(((m.vr * r + m.vg * g + m.vb * b + 512) >> 10) + 128);
  }
}

constexpr size_t kGrainSize = 1 << 16;
const std::array<int8_t, kGrainSize + 8192>& byte_grain() {
  static const auto table = [] {
    std::array<int8_t, kGrainSize + 8192> values;
    Rng rng(99);
    for (int8_t& value : values)
      value = static_cast<int8_t>(std::lround(std::clamp(rng.normal(), -3.0f, 3.0f) * 42));
    return values;
  }();
  return table;
}

void noisy_row(uint8_t* row, const int8_t* grain, int level, int n) {
  for (int i = 0; i < n; ++i) {
    const int value = row[i] + ((grain[i] * level) >> 7);
    row[i] = static_cast<uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
  }
}

}  // namespace

LivePicture::LivePicture(const SceneOptions& scene, mone_actors_format format, bool bt709)
    : scene_(in_colour(scene, format)), format_(format), bt709_(bt709) {
  Rng rng(scene.seed, 31);
  look_ = draw_look(rng, 0.5f * scene.clutter);
  noise_levels_ = static_cast<int>(std::max(0.0f, scene.clutter - 0.25f) * rng.in(0, 10));
  cache_backdrop();
}

void LivePicture::cache_backdrop() {
  const Backdrop& backdrop = scene_.backdrop();
  const int w = backdrop.width, h = backdrop.height;
  const auto plane = [&](int i, int shift, int bytes) {
    const int round = (1 << shift) - 1;
    cache_[i] = {(w + round) >> shift, (h + round) >> shift, bytes, shift, {}};
    cache_[i].pixels.resize(static_cast<size_t>(cache_[i].width) *
                            static_cast<size_t>(cache_[i].height * bytes));
    plane_count_ = i + 1;
  };
  const bool packed = format_ == MONE_ACTORS_RGBX || format_ == MONE_ACTORS_BGRX;
  plane(0, 0, format_ == MONE_ACTORS_RGB ? 3 : packed ? 4 : 1);
  if (format_ == MONE_ACTORS_NV12) plane(1, 1, 2);
  if (format_ == MONE_ACTORS_I420) plane(1, 1, 1), plane(2, 1, 1);

  std::vector<uint8_t> toned[3];
  for (int p = 0; p < backdrop.planes; ++p) {
    toned[p].resize(backdrop.pixels[p].size());
    const auto& tone = look_.tone[static_cast<size_t>(p)];
    for (size_t i = 0; i < toned[p].size(); ++i)
      toned[p][i] = tone[static_cast<size_t>(backdrop.pixels[p][i] * 1024 / 255)];
  }
  uint8_t* out[3];
  int32_t strides[3];
  for (int i = 0; i < plane_count_; ++i) {
    out[i] = cache_[i].pixels.data();
    strides[i] = cache_[i].width * cache_[i].sample_bytes;
  }
  convert_rows(toned[0].data(), toned[1].data(), toned[2].data(), static_cast<size_t>(w), w, h, out, strides);
}

void LivePicture::convert_rows(const uint8_t* r, const uint8_t* g, const uint8_t* b, size_t row_pixels,
                               int width, int height, uint8_t* const* out, const int32_t* strides) const {
  const Matrix& m = bt709_ ? kBt709 : kBt601;
  for (int y = 0; y < height; ++y) {
    const size_t at = static_cast<size_t>(y) * row_pixels;
    uint8_t* row = out[0] + static_cast<ptrdiff_t>(y) * strides[0];
    switch (format_) {
      case MONE_ACTORS_GRAY8:
        std::copy(r + at, r + at + width, row);
        break;
      case MONE_ACTORS_RGB:
        for (int x = 0; x < width; ++x)
          row[3 * x] = r[at + x], row[3 * x + 1] = g[at + x], row[3 * x + 2] = b[at + x];
        break;
      case MONE_ACTORS_RGBX:
        for (int x = 0; x < width; ++x)
          row[4 * x] = r[at + x], row[4 * x + 1] = g[at + x], row[4 * x + 2] = b[at + x],
                  row[4 * x + 3] = 255;
        break;
      case MONE_ACTORS_BGRX:
        for (int x = 0; x < width; ++x)
          row[4 * x] = b[at + x], row[4 * x + 1] = g[at + x], row[4 * x + 2] = r[at + x],
                  row[4 * x + 3] = 255;
        break;
      case MONE_ACTORS_I420:
      case MONE_ACTORS_NV12: {
        luma_row(m, r + at, g + at, b + at, width, row);
        if (y & 1) break;
        const size_t below = y + 1 < height ? row_pixels : 0;
        uint8_t* u = out[1] + static_cast<ptrdiff_t>(y / 2) * strides[1];
        const bool nv12 = format_ == MONE_ACTORS_NV12;
        uint8_t* v = nv12 ? u + 1 : out[2] + static_cast<ptrdiff_t>(y / 2) * strides[2];
        chroma_row(m, r + at, g + at, b + at, below, width, nv12 ? 2 : 1, u, v);
        break;
      }
    }
  }
}

void LivePicture::copy_backdrop(uint8_t* const* planes, const int32_t* strides) const {
  const Backdrop& backdrop = scene_.backdrop();
  const int x = backdrop.margin_x + frame_.shift_x, y = backdrop.margin_y + frame_.shift_y;
  for (int i = 0; i < plane_count_; ++i) {
    const Plane& plane = cache_[i];
    const int round = (1 << plane.shift) - 1;
    const int w = (scene_.options().width + round) >> plane.shift,
              h = (scene_.options().height + round) >> plane.shift;
    const size_t stride = static_cast<size_t>(plane.width * plane.sample_bytes);
    const uint8_t* from = plane.pixels.data() + static_cast<size_t>(y >> plane.shift) * stride +
                          static_cast<size_t>((x >> plane.shift) * plane.sample_bytes);
    for (int row = 0; row < h; ++row)
      std::memcpy(planes[i] + static_cast<ptrdiff_t>(row) * strides[i],
                  from + static_cast<size_t>(row) * stride, static_cast<size_t>(w * plane.sample_bytes));
  }
}

std::vector<Box> LivePicture::busy_boxes() const {
  std::vector<Box> boxes;
  const int width = scene_.options().width, height = scene_.options().height;
  for (const Figure& figure : frame_.figures) {
    Box box = figure.box;
    if (figure.shadow.radius > 0) {
      const Disc& s = figure.shadow;
      box = box.joined(
          {static_cast<int>(s.x - s.radius) - 1, static_cast<int>(s.y - figure.shadow_height) - 1,
           static_cast<int>(s.x + s.radius) + 2, static_cast<int>(s.y + figure.shadow_height) + 2});
    }
    box = box.within(width, height);
    if (box.empty()) continue;
    // Whole chroma samples.
    box = {box.left & ~1, box.top & ~1, std::min(width, (box.right + 1) & ~1),
           std::min(height, (box.bottom + 1) & ~1)};
    for (size_t i = 0; i < boxes.size();) {
      if (!boxes[i].meets(box)) {
        ++i;
        continue;
      }
      box = box.joined(boxes[i]);
      boxes.erase(boxes.begin() + static_cast<ptrdiff_t>(i));
      i = 0;
    }
    boxes.push_back(box);
  }
  return boxes;
}

void LivePicture::draw_box(const Box& box, uint8_t* const* planes, const int32_t* strides) {
  const int w = box.right - box.left, h = box.bottom - box.top;
  const size_t size = static_cast<size_t>(w) * static_cast<size_t>(h);
  canvas_.resize(std::max(canvas_.size(), size * 3));
  bytes_.resize(std::max(bytes_.size(), size * 3));
  const Canvas canvas{{canvas_.data(), canvas_.data() + size, canvas_.data() + 2 * size},
                      scene_.options().planes,
                      box.left,
                      box.top,
                      w,
                      h,
                      w};
  scene_.draw(frame_, canvas);
  for (int p = 0; p < canvas.planes; ++p) {
    const uint8_t* tone = look_.tone[static_cast<size_t>(p)].data();
    const float* in = canvas.plane[p];
    uint8_t* to = bytes_.data() + static_cast<size_t>(p) * size;
    tone_row(in, static_cast<int>(size), 1024.01f, 0, in, tone, 1, to);
  }
  uint8_t* out[3] = {};
  for (int i = 0; i < plane_count_; ++i)
    out[i] = planes[i] + static_cast<ptrdiff_t>(box.top >> cache_[i].shift) * strides[i] +
             (box.left >> cache_[i].shift) * cache_[i].sample_bytes;
  convert_rows(bytes_.data(), bytes_.data() + size, bytes_.data() + 2 * size, static_cast<size_t>(w), w, h,
               out, strides);
}

void LivePicture::add_noise(double time, uint8_t* const* planes, const int32_t* strides) const {
  Rng rng(scene_.options().seed, 2000003 + static_cast<uint64_t>(std::llround(time * 1e4)));
  const int bytes = cache_[0].sample_bytes, n = scene_.options().width * bytes;
  for (int y = 0; y < scene_.options().height; ++y) {
    uint8_t* row = planes[0] + static_cast<ptrdiff_t>(y) * strides[0];
    for (int x = 0; x < n; x += 8192)
      noisy_row(row + x, byte_grain().data() + rng.bits() % kGrainSize, noise_levels_, std::min(8192, n - x));
    if (bytes == 4)
      for (int x = 3; x < n; x += 4) row[x] = 255;
  }
}

void LivePicture::prepare(double time) {
  const double moment = std::max(0.0, time);
  if (moment == prepared_) return;
  scene_.prepare(moment, frame_);
  prepared_ = moment;
}

void LivePicture::render(double time, uint8_t* const* planes, const int32_t* strides) {
  prepare(time);
  copy_backdrop(planes, strides);
  for (const Box& box : busy_boxes()) draw_box(box, planes, strides);
  if (noise_levels_ > 0) add_noise(time, planes, strides);
}

void LivePicture::truth(double time, mone_actors_truth* out) {
  prepare(time);
  const Moment& moment = frame_.moment;
  *out = {};
  out->label = static_cast<int32_t>(moment.entry->cue.label);
  out->in_transition = moment.in_transition;
  out->phase = clamp01(moment.elapsed / moment.entry->seconds());
  out->entry = static_cast<int32_t>(std::min<int64_t>(moment.entry->number, INT32_MAX));
  Box box;
  for (const Figure& figure : frame_.figures) {
    if (figure.role != Role::kActor && figure.role != Role::kPartner) continue;
    const Box seen = figure.box.within(scene_.options().width, scene_.options().height);
    if (seen.empty()) continue;
    ++out->persons;
    box = box.empty() ? seen : box.joined(seen);
  }
  out->x = static_cast<float>(box.left);
  out->y = static_cast<float>(box.top);
  out->width = static_cast<float>(box.right - box.left);
  out->height = static_cast<float>(box.bottom - box.top);
}

std::vector<mone_actors_person> LivePicture::persons(double time) {
  prepare(time);
  std::vector<mone_actors_person> all;
  int32_t bystander = 3;
  for (const Figure& figure : frame_.figures) {
    if (figure.role == Role::kThing) continue;
    const int32_t id = figure.role == Role::kActor ? 1 : figure.role == Role::kPartner ? 2 : bystander++;
    const Box seen = figure.box.within(scene_.options().width, scene_.options().height);
    if (!seen.empty())
      all.push_back({id, static_cast<float>(seen.left), static_cast<float>(seen.top),
                     static_cast<float>(seen.right - seen.left), static_cast<float>(seen.bottom - seen.top)});
  }
  return all;
}

}  // namespace mone::actors
