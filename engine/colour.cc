#include "engine/colour.h"

#include <algorithm>
#include <cmath>

#include "engine/resample.h"

namespace mone {
namespace {

constexpr std::int32_t kOne = 1 << kColourBits;
constexpr int kShift = kColourBits + kSampleBits;
constexpr std::int32_t kHalf = 1 << (kShift - 1);
constexpr std::int32_t kGrey = 128 << kSampleBits;

std::uint8_t to_byte(std::int32_t value) {
  return static_cast<std::uint8_t>(std::clamp((value + kHalf) >> kShift, 0, 255));
}

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
  for (int x = 0; x < n; ++x) out[x] = to_byte((y[x] - scale.offset) * scale.gain);
}

void rgb_row(const std::uint16_t* y, const std::uint16_t* cb, const std::uint16_t* cr, const YuvToRgb& m,
             int n, std::uint8_t* red, std::uint8_t* green, std::uint8_t* blue) {
  for (int x = 0; x < n; ++x) {
    const std::int32_t luma = (y[x] - m.luma.offset) * m.luma.gain;
    const std::int32_t u = cb[x] - kGrey, v = cr[x] - kGrey;
    red[x] = to_byte(luma + v * m.red_cr);
    green[x] = to_byte(luma + u * m.green_cb + v * m.green_cr);
    blue[x] = to_byte(luma + u * m.blue_cb);
  }
}

void round_row(const std::uint16_t* in, int n, std::uint8_t* out) {
  for (int x = 0; x < n; ++x)
    out[x] = static_cast<std::uint8_t>((in[x] + (1 << (kSampleBits - 1))) >> kSampleBits);
}

void luma_row(const std::uint16_t* red, const std::uint16_t* green, const std::uint16_t* blue, int n,
              std::uint8_t* out) {
  constexpr int kRound = 1 << (kSampleBits + 7);
  for (int x = 0; x < n; ++x)
    out[x] = static_cast<std::uint8_t>((77 * red[x] + 150 * green[x] + 29 * blue[x] + kRound) >>
                                       (kSampleBits + 8));
}

}  // namespace mone
