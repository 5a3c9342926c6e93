#include "elements/actors/backdrop.h"

#include <array>
#include <cmath>

namespace mone::actors {
namespace {

constexpr int kTable = 128;

/// Random values to interpolate between; the same for every picture, looked up at drawn offsets.
const std::array<float, kTable * kTable>& noise_table() {
  static const auto table = [] {
    std::array<float, kTable * kTable> values;
    Rng rng(77);
    for (float& value : values) value = rng.unit();
    return values;
  }();
  return table;
}

float lattice(int x, int y) {
  return noise_table()[static_cast<size_t>((y & (kTable - 1)) * kTable + (x & (kTable - 1)))];
}

float smooth_noise(float x, float y) {
  const int ix = static_cast<int>(std::floor(x)), iy = static_cast<int>(std::floor(y));
  float fx = x - static_cast<float>(ix), fy = y - static_cast<float>(iy);
  fx = fx * fx * (3 - 2 * fx);
  fy = fy * fy * (3 - 2 * fy);
  return mix(mix(lattice(ix, iy), lattice(ix + 1, iy), fx),
             mix(lattice(ix, iy + 1), lattice(ix + 1, iy + 1), fx), fy);
}

enum class Fill { kFlat, kClouds, kGrain, kStripes, kGrid, kChecks };

/// How a surface is painted. Lengths are in picture heights.
struct Paint {
  Colour colour, second;
  Fill fill = Fill::kFlat;
  float size = 0.1f, fine = 3, depth = 0, angle = 0, duty = 0.5f;
  float slope_x = 0, slope_y = 0;  ///< of brightness
  float shift_x = 0, shift_y = 0;
};

Colour draw_wall_colour(Rng& rng) {
  if (rng.chance(0.55f)) return from_hsv(rng.unit(), rng.in(0, 0.25f), rng.in(0.2f, 0.95f));
  return from_hsv(rng.unit(), rng.in(0.05f, 0.65f), rng.in(0.12f, 0.9f));
}

Paint draw_paint(Rng& rng, float strength) {
  Paint paint;
  paint.colour = draw_wall_colour(rng);
  paint.second = from_hsv(rng.unit(), rng.in(0, 0.5f), rng.in(0.1f, 0.95f));
  paint.fill = static_cast<Fill>(rng.below(6));
  const bool soft = paint.fill == Fill::kClouds || paint.fill == Fill::kGrain;
  paint.size = soft ? rng.in(0.02f, 0.25f) : rng.in(0.03f, 0.25f);
  paint.fine = rng.in(1.5f, 4);
  paint.depth = (soft ? rng.in(0.05f, 0.5f) : rng.in(0.05f, 0.6f)) * strength;
  paint.angle = rng.chance(0.7f) ? 0 : rng.in(0, kPi);
  paint.duty = rng.in(0.06f, 0.6f);
  paint.slope_x = rng.in(-0.25f, 0.25f);
  paint.slope_y = rng.in(-0.25f, 0.25f);
  paint.shift_x = rng.in(0, 100);
  paint.shift_y = rng.in(0, 100);
  return paint;
}

class Painter {
 public:
  Painter(Backdrop& out, float unit_x, float unit_y) : out_(out), unit_x_(unit_x), unit_y_(unit_y) {}

  /// Fills pixels [x0, x1) x [y0, y1).
  void fill(int x0, int y0, int x1, int y1, const Paint& paint) const {
    x0 = std::max(0, x0), y0 = std::max(0, y0), x1 = std::min(out_.width, x1), y1 = std::min(out_.height, y1);
    if (x0 >= x1 || y0 >= y1) return;
    const Channels first = channels(paint.colour), second = channels(paint.second);
    const float c = std::cos(paint.angle) / paint.size, s = std::sin(paint.angle) / paint.size;
    for (int y = y0; y < y1; ++y) {
      const float v = static_cast<float>(y) * unit_y_,
                  down = (static_cast<float>(y - y0)) * unit_y_ * paint.slope_y;
      for (int x = x0; x < x1; ++x) {
        const float u = static_cast<float>(x) * unit_x_;
        const float a = u * c + v * s + paint.shift_x, b = v * c - u * s + paint.shift_y;
        float bright = 1 + down + static_cast<float>(x - x0) * unit_x_ * paint.slope_x, other = 0;
        texture(paint, a, b, &bright, &other);
        const size_t at = static_cast<size_t>(y) * static_cast<size_t>(out_.width) + static_cast<size_t>(x);
        for (int p = 0; p < out_.planes; ++p) {
          const float value =
              mix(first[static_cast<size_t>(p)], second[static_cast<size_t>(p)], other) * bright;
          out_.pixels[p][at] = static_cast<uint8_t>(255 * clamp01(value) + 0.5f);
        }
      }
    }
  }

 private:
  using Channels = std::array<float, 3>;
  Channels channels(const Colour& c) const {
    if (out_.planes == 1) return {luma(c), 0, 0};
    return {c.x, c.y, c.z};
  }
  static void texture(const Paint& paint, float a, float b, float* bright, float* other) {
    const auto part = [](float x) { return x - std::floor(x); };
    switch (paint.fill) {
      case Fill::kFlat:
        return;
      case Fill::kClouds:
        *bright += paint.depth * (smooth_noise(a, b) - 0.5f);
        return;
      case Fill::kGrain:
        *bright +=
            paint.depth * (smooth_noise(a, b) + 0.6f * smooth_noise(a * paint.fine, b * paint.fine) - 0.8f);
        return;
      case Fill::kStripes:
        *other = part(a) < paint.duty ? paint.depth : 0;
        return;
      case Fill::kGrid:
        *other = part(a) < paint.duty * 0.3f || part(b) < paint.duty * 0.3f ? paint.depth : 0;
        return;
      case Fill::kChecks:
        *other = (static_cast<int>(std::floor(a)) + static_cast<int>(std::floor(b))) & 1 ? paint.depth : 0;
        return;
    }
  }

  Backdrop& out_;
  float unit_x_, unit_y_;
};

}  // namespace

Backdrop draw_backdrop(Rng& rng, const BackdropOptions& options) {
  Backdrop out;
  out.planes = options.planes;
  out.margin_x = 2 * static_cast<int>(std::ceil(static_cast<float>(options.width) * options.margin / 2));
  out.margin_y = 2 * static_cast<int>(std::ceil(static_cast<float>(options.height) * options.margin / 4));
  out.width = options.width + 2 * out.margin_x;
  out.height = options.height + 2 * out.margin_y;
  for (int p = 0; p < out.planes; ++p)
    out.pixels[p].resize(static_cast<size_t>(out.width) * static_cast<size_t>(out.height));

  const float unit = 1.0f / static_cast<float>(options.height);
  const Painter painter(out, unit * options.pixel_aspect, unit);
  const float strength = mix(0.15f, 1.0f, options.clutter);
  const float height = static_cast<float>(options.height), width = static_cast<float>(out.width);
  const int floor_from = out.margin_y + static_cast<int>(height * options.horizon);

  painter.fill(0, 0, out.width, out.height, draw_paint(rng, strength));
  const auto rectangle = [&](float x, float y, float w, float h, const Paint& paint) {
    painter.fill(static_cast<int>(x), static_cast<int>(y), static_cast<int>(x + w), static_cast<int>(y + h),
                 paint);
  };
  // Things on the wall: posters, windows, shelves.
  const int on_wall = static_cast<int>(options.clutter * rng.in(0, 10) + 0.5f);
  for (int i = 0; i < on_wall; ++i)
    rectangle(rng.in(-0.1f, 1) * width, rng.in(-0.1f, 0.8f) * static_cast<float>(floor_from),
              rng.in(0.03f, 0.5f) * height, rng.in(0.03f, 0.45f) * height, draw_paint(rng, strength));
  if (rng.chance(0.85f)) {
    if (rng.chance(0.35f))  // skirting board
      painter.fill(0, floor_from - std::max(1, static_cast<int>(0.02f * height)), out.width, floor_from,
                   draw_paint(rng, 0));
    painter.fill(0, floor_from, out.width, out.height, draw_paint(rng, strength));
  }
  // Things that stand on the floor: cupboards, boxes, doors.
  const int standing = static_cast<int>(options.clutter * rng.in(0, 8) + 0.5f);
  for (int i = 0; i < standing; ++i) {
    const float h = rng.in(0.06f, 0.6f) * height,
                foot = static_cast<float>(floor_from) + rng.in(-0.01f, 0.12f) * height;
    rectangle(rng.in(-0.1f, 1) * width, foot - h, rng.in(0.05f, 0.4f) * height, h, draw_paint(rng, strength));
  }
  // Litter: many small things.
  const int litter = rng.chance(0.3f * options.clutter) ? static_cast<int>(rng.in(5, 50)) : 0;
  for (int i = 0; i < litter; ++i)
    rectangle(rng.unit() * width, rng.unit() * static_cast<float>(out.height), rng.in(0.01f, 0.07f) * height,
              rng.in(0.01f, 0.08f) * height, draw_paint(rng, 0));
  return out;
}

void Backdrop::copy_row(int plane, int y, int dx, int dy, int x, int count, uint8_t* out) const {
  const auto mirrored = [](int i, int n) {
    i = ((i % (2 * n)) + 2 * n) % (2 * n);
    return i < n ? i : 2 * n - 1 - i;
  };
  const uint8_t* row = pixels[plane].data() +
                       static_cast<size_t>(mirrored(y + margin_y + dy, height)) * static_cast<size_t>(width);
  const int from = x + margin_x + dx;
  if (from >= 0 && from + count <= width) {
    std::copy(row + from, row + from + count, out);
    return;
  }
  for (int i = 0; i < count; ++i) out[i] = row[mirrored(from + i, width)];
}

}  // namespace mone::actors
