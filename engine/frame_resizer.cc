#include "engine/frame_resizer.h"

#include <algorithm>

#include "engine/colour.h"

namespace mone {

FrameResizer::FrameResizer(const TubeletFormat& format, const ResampleKernels& kernels)
    : format_(format), kernels_(kernels) {}

void FrameResizer::resize(const Frame& whole, std::span<std::uint8_t> picture) {
  const Frame frame = field_of(whole);
  prepare(frame);
  const ImageFit& fit = plan_.fit;
  if (fit.x.size < format_.width || fit.y.size < format_.height) std::fill(picture.begin(), picture.end(), 0);
  for (int row = 0; row < fit.y.size; ++row) {
    resample_row(frame, row);
    colour_row(frame, row, picture.data());
  }
}

/// Axes are the same for all frames of a stream: made once.
void FrameResizer::prepare(const Frame& frame) {
  check_frame(frame);
  const ResizeKey key = key_of(frame);
  if (key == key_) return;
  key_ = {};
  plan_ = plan_resize(format_, frame);
  std::size_t bytes = 0, taps = 0;
  for (int c = 0; c < plan_.components; ++c) {
    const Axis &across = plan_.across[c], &down = plan_.down[c];
    samples_[c].resize(static_cast<std::size_t>(plan_.fit.x.size));
    bytes = std::max(bytes, static_cast<std::size_t>(across.end - across.begin + across.taps));
    taps = std::max(taps, static_cast<std::size_t>(down.taps));
  }
  line_.assign(bytes, 0);
  blended_.assign(bytes * 4 + 8, 0);
  rows_.resize(taps);
  key_ = key;
}

/// One output row of every component: the rows of each plane blended as bytes, then each component across.
void FrameResizer::resample_row(const Frame& frame, int row) {
  const FormatLayout& layout = *plan_.layout;
  const auto& across = plan_.across;
  int from = 0;  // byte of the plane that blended_[0] stands for
  for (int c = 0; c < plan_.components; ++c) {
    const Component& k = layout.component[c];
    const bool same_bytes = c > 0 && layout.component[c - 1].plane == k.plane;
    if (!same_bytes) {
      from = across[c].begin * k.step + k.offset;
      int to = (across[c].end - 1) * k.step + k.offset + 1;
      for (int other = c + 1; other < plan_.components && layout.component[other].plane == k.plane; ++other) {
        const Component& o = layout.component[other];
        from = std::min(from, across[other].begin * o.step + o.offset);
        to = std::max(to, (across[other].end - 1) * o.step + o.offset + 1);
      }
      const Axis& down = plan_.down[c];
      for (int t = 0; t < down.count[row]; ++t)
        rows_[t] = frame.planes[k.plane] + (down.first[row] + t) * frame.strides[k.plane] + from;
      kernels_.blend(rows_.data(), down.weights.data() + static_cast<std::size_t>(row) * down.taps,
                     down.count[row], to - from, blended_.data());
    }
    const std::int16_t* in = blended_.data() + across[c].begin * k.step + k.offset - from;
    if (k.step > 1) {
      const int n = across[c].end - across[c].begin;
      for (int x = 0; x < n; ++x) line_[x] = in[x * k.step];
      in = line_.data();
    }
    kernels_.gather(in, across[c], samples_[c].data());
  }
}

void FrameResizer::colour_row(const Frame& frame, int row, std::uint8_t* picture) const {
  const ImageFit& fit = plan_.fit;
  const std::size_t plane = static_cast<std::size_t>(format_.width) * format_.height;
  std::uint8_t* out = picture + static_cast<std::size_t>(fit.y.begin + row) * format_.width + fit.x.begin;
  const int n = fit.x.size;
  const std::uint16_t *a = samples_[0].data(), *b = samples_[1].data(), *c = samples_[2].data();
  switch (plan_.colouring) {
    case Colouring::kLuma:
      full_range_row(a, luma_scale(frame.range), n, out);
      break;
    case Colouring::kLumaOfRgb:
      luma_row(a, b, c, n, out);
      break;
    case Colouring::kYuv:
      rgb_row(a, b, c, yuv_to_rgb(frame.matrix, frame.range), n, out, out + plane, out + 2 * plane);
      break;
    case Colouring::kGrey:
      full_range_row(a, luma_scale(frame.range), n, out);
      std::copy_n(out, n, out + plane);
      std::copy_n(out, n, out + 2 * plane);
      break;
    case Colouring::kRgb:
      round_row(a, n, out);
      round_row(b, n, out + plane);
      round_row(c, n, out + 2 * plane);
  }
}

}  // namespace mone
