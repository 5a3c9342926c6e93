#include "engine/frame_resizer.h"

#include <algorithm>
#include <string>

#include "engine/colour.h"
#include "engine/error.h"

namespace mone {
namespace {

constexpr FormatLayout packed_rgb(int red, int green, int blue, int step) {
  return {false, 3, {{{0, red, step, 1, 1}, {0, green, step, 1, 1}, {0, blue, step, 1, 1}}}};
}
constexpr FormatLayout kNv12{true, 3, {{{0, 0, 1, 1, 1}, {1, 0, 2, 2, 2}, {1, 1, 2, 2, 2}}}};
constexpr FormatLayout kI420{true, 3, {{{0, 0, 1, 1, 1}, {1, 0, 1, 2, 2}, {2, 0, 1, 2, 2}}}};
constexpr FormatLayout kYuy2{true, 3, {{{0, 0, 2, 1, 1}, {0, 1, 4, 2, 1}, {0, 3, 4, 2, 1}}}};
constexpr FormatLayout kGray8{true, 1, {{{0, 0, 1, 1, 1}}}};
constexpr FormatLayout kRgb = packed_rgb(0, 1, 2, 3), kBgr = packed_rgb(2, 1, 0, 3);
constexpr FormatLayout kRgba = packed_rgb(0, 1, 2, 4), kBgra = packed_rgb(2, 1, 0, 4);

void check(const Frame& frame, const FormatLayout& layout) {
  const Box box = frame.visible();
  const auto n = [](int v) { return std::to_string(v); };
  if (frame.width < 1 || frame.height < 1)
    throw ShapeError("frame of " + n(frame.width) + "x" + n(frame.height) + " pixels");
  if (box.x < 0 || box.y < 0 || box.width > frame.width - box.x || box.height > frame.height - box.y)
    throw ShapeError("crop " + n(box.width) + "x" + n(box.height) + "+" + n(box.x) + "+" + n(box.y) +
                     " leaves the frame of " + n(frame.width) + "x" + n(frame.height));
  for (int c = 0; c < layout.components; ++c)
    if (!frame.planes[layout.component[c].plane])
      throw ShapeError("frame without plane " + n(layout.component[c].plane));
}

/// One axis of one component. `begin`, `size` are the visible pixels of the frame.
Axis component_axis(const AxisFit& fit, int begin, int size, int sub, double site) {
  const double step = static_cast<double>(size) / fit.full;
  return make_axis((begin + fit.skip * step) / sub + site, step / sub, fit.size, begin / sub,
                   (begin + size + sub - 1) / sub);
}

}  // namespace

const FormatLayout& format_layout(PixelFormat format) {
  switch (format) {
    case PixelFormat::kNv12:
      return kNv12;
    case PixelFormat::kI420:
      return kI420;
    case PixelFormat::kYuy2:
      return kYuy2;
    case PixelFormat::kRgb:
      return kRgb;
    case PixelFormat::kBgr:
      return kBgr;
    case PixelFormat::kRgba:
    case PixelFormat::kRgbx:
      return kRgba;
    case PixelFormat::kBgra:
    case PixelFormat::kBgrx:
      return kBgra;
    case PixelFormat::kGray8:
      break;
  }
  return kGray8;
}

FrameResizer::FrameResizer(const TubeletFormat& format, const ResampleKernels& kernels)
    : format_(format), kernels_(kernels) {}

void FrameResizer::resize(const Frame& whole, std::span<std::uint8_t> picture) {
  const Frame frame = field_of(whole);
  prepare(frame);
  if (fit_.x.size < format_.width || fit_.y.size < format_.height)
    std::fill(picture.begin(), picture.end(), 0);
  for (int row = 0; row < fit_.y.size; ++row) {
    resample_row(frame, row);
    colour_row(frame, row, picture.data());
  }
}

/// Axes are the same for all frames of a stream: made once.
void FrameResizer::prepare(const Frame& frame) {
  layout_ = &format_layout(frame.format);
  check(frame, *layout_);
  const Box box = frame.visible();
  const Key key{frame.format, frame.width, frame.height, box, frame.chroma_site, frame.pixel_aspect};
  if (key == key_) return;
  key_ = {};
  fit_ = fit_image(format_, frame);
  components_ = format_.planes == Planes::kLumaMotion && layout_->yuv ? 1 : layout_->components;
  std::size_t bytes = 0, taps = 0;
  for (int c = 0; c < components_; ++c) {
    const Component& k = layout_->component[c];
    // Sample k of a halved line sits at pixel 2k (left) or 2k + 1/2 (centre): a quarter sample, or none,
    // away.
    const double site = k.sub_x == 2 && frame.chroma_site == ChromaSite::kLeft ? 0.25 : 0;
    across_[c] = component_axis(fit_.x, box.x, box.width, k.sub_x, site);
    down_[c] = component_axis(fit_.y, box.y, box.height, k.sub_y, 0);
    samples_[c].resize(static_cast<std::size_t>(fit_.x.size));
    bytes = std::max(bytes, static_cast<std::size_t>(across_[c].end - across_[c].begin + across_[c].taps));
    taps = std::max(taps, static_cast<std::size_t>(down_[c].taps));
  }
  line_.assign(bytes, 0);
  blended_.assign(bytes * 4 + 8, 0);
  rows_.resize(taps);
  key_ = key;
}

/// One output row of every component: the rows of each plane blended as bytes, then each component across.
void FrameResizer::resample_row(const Frame& frame, int row) {
  int from = 0;  // byte of the plane that blended_[0] stands for
  for (int c = 0; c < components_; ++c) {
    const Component& k = layout_->component[c];
    const bool same_bytes = c > 0 && layout_->component[c - 1].plane == k.plane;
    if (!same_bytes) {
      from = across_[c].begin * k.step + k.offset;
      int to = (across_[c].end - 1) * k.step + k.offset + 1;
      for (int other = c + 1; other < components_ && layout_->component[other].plane == k.plane; ++other) {
        const Component& o = layout_->component[other];
        from = std::min(from, across_[other].begin * o.step + o.offset);
        to = std::max(to, (across_[other].end - 1) * o.step + o.offset + 1);
      }
      const Axis& down = down_[c];
      for (int t = 0; t < down.count[row]; ++t)
        rows_[t] = frame.planes[k.plane] + (down.first[row] + t) * frame.strides[k.plane] + from;
      kernels_.blend(rows_.data(), down.weights.data() + static_cast<std::size_t>(row) * down.taps,
                     down.count[row], to - from, blended_.data());
    }
    const std::int16_t* in = blended_.data() + across_[c].begin * k.step + k.offset - from;
    if (k.step > 1) {
      const int n = across_[c].end - across_[c].begin;
      for (int x = 0; x < n; ++x) line_[x] = in[x * k.step];
      in = line_.data();
    }
    kernels_.gather(in, across_[c], samples_[c].data());
  }
}

void FrameResizer::colour_row(const Frame& frame, int row, std::uint8_t* picture) const {
  const std::size_t plane = static_cast<std::size_t>(format_.width) * format_.height;
  std::uint8_t* out = picture + static_cast<std::size_t>(fit_.y.begin + row) * format_.width + fit_.x.begin;
  const int n = fit_.x.size;
  const std::uint16_t *a = samples_[0].data(), *b = samples_[1].data(), *c = samples_[2].data();
  if (format_.planes == Planes::kLumaMotion) {
    if (layout_->yuv)
      full_range_row(a, luma_scale(frame.range), n, out);
    else
      luma_row(a, b, c, n, out);
  } else if (!layout_->yuv) {
    round_row(a, n, out);
    round_row(b, n, out + plane);
    round_row(c, n, out + 2 * plane);
  } else if (layout_->components == 1) {
    full_range_row(a, luma_scale(frame.range), n, out);
    std::copy_n(out, n, out + plane);
    std::copy_n(out, n, out + 2 * plane);
  } else {
    rgb_row(a, b, c, yuv_to_rgb(frame.matrix, frame.range), n, out, out + plane, out + 2 * plane);
  }
}

}  // namespace mone
