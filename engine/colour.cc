#include "engine/colour.h"

#include <cmath>

namespace mone {
namespace {

constexpr std::int32_t kOne = 1 << kColourBits;

std::int32_t fixed(double value) { return static_cast<std::int32_t>(std::lround(value * kOne)); }

struct LumaWeights {
  double red, blue;
};
LumaWeights luma_weights(ColourMatrix matrix) {  // ITU-R BT.601, BT.709, BT.2020
  switch (matrix) {
    case ColourMatrix::kBt601:
      return {0.299, 0.114};
    case ColourMatrix::kBt709:
      return {0.2126, 0.0722};
    case ColourMatrix::kBt2020:
      break;
  }
  return {0.2627, 0.0593};
}

}  // namespace

LumaScale luma_scale(ColourRange range) {
  if (range == ColourRange::kFull) return {0, kOne};
  return {16 << kSampleBits, fixed(255.0 / 219)};
}

YuvToRgb yuv_to_rgb(ColourMatrix matrix, ColourRange range) {
  const auto [red, blue] = luma_weights(matrix);
  const double green = 1 - red - blue;
  const double chroma = range == ColourRange::kFull ? 1 : 255.0 / 224;
  return {luma_scale(range), fixed(2 * (1 - red) * chroma), fixed(-2 * (1 - blue) * blue / green * chroma),
          fixed(-2 * (1 - red) * red / green * chroma), fixed(2 * (1 - blue) * chroma)};
}

void full_range_row(const std::uint16_t* y, LumaScale scale, int n, std::uint8_t* out) {
  for (int x = 0; x < n; ++x) out[x] = full_range(y[x], scale);
}

void rgb_row(const std::uint16_t* y, const std::uint16_t* cb, const std::uint16_t* cr, const YuvToRgb& m,
             int n, std::uint8_t* red, std::uint8_t* green, std::uint8_t* blue) {
  for (int x = 0; x < n; ++x) {
    const RgbBytes rgb = rgb_of(y[x], cb[x], cr[x], m);
    red[x] = rgb.red;
    green[x] = rgb.green;
    blue[x] = rgb.blue;
  }
}

void round_row(const std::uint16_t* in, int n, std::uint8_t* out) {
  for (int x = 0; x < n; ++x) out[x] = round_sample(in[x]);
}

void luma_row(const std::uint16_t* red, const std::uint16_t* green, const std::uint16_t* blue, int n,
              std::uint8_t* out) {
  for (int x = 0; x < n; ++x) out[x] = luma_of(red[x], green[x], blue[x]);
}

}  // namespace mone
