/// Colour arithmetic on resized samples, in integers: the same pixels on every machine.
///
/// Samples are u16 with kSampleBits fractional bits (engine/resample.h), results u8.
#pragma once

#include <cstdint>

#include "engine/frame.h"

namespace mone {

/// y' = clamp((y - offset) gain): limited luma to full range, or full as it is.
struct LumaScale {
  std::int32_t offset, gain;  ///< offset in samples; gain with kColourBits fractional bits
};
LumaScale luma_scale(ColourRange range);

/// R, G, B from Y, Cb, Cr of one matrix and range.
struct YuvToRgb {
  LumaScale luma;
  std::int32_t red_cr, green_cb, green_cr, blue_cb;  ///< kColourBits fractional bits
};
YuvToRgb yuv_to_rgb(ColourMatrix matrix, ColourRange range);

constexpr int kColourBits = 13;  // 65280 x 2.2 x 2^13 twice still fits 31 bits

/// Rows of `n` samples.
void full_range_row(const std::uint16_t* y, LumaScale scale, int n, std::uint8_t* out);
void rgb_row(const std::uint16_t* y, const std::uint16_t* cb, const std::uint16_t* cr, const YuvToRgb& m,
             int n, std::uint8_t* red, std::uint8_t* green, std::uint8_t* blue);
void round_row(const std::uint16_t* in, int n, std::uint8_t* out);
/// Full-range luma of R, G, B: (77 R + 150 G + 29 B) / 256, BT.601's weights in 8 bits, rounded.
void luma_row(const std::uint16_t* red, const std::uint16_t* green, const std::uint16_t* blue, int n,
              std::uint8_t* out);

}  // namespace mone
