/// Colour arithmetic on rows of resized samples, in integers (engine/samples.h): the same pixels on every
/// machine.
#pragma once

#include <cstdint>

#include "engine/frame.h"
#include "engine/samples.h"

namespace mone {

LumaScale luma_scale(ColourRange range);
YuvToRgb yuv_to_rgb(ColourMatrix matrix, ColourRange range);

/// Rows of `n` samples.
void full_range_row(const std::uint16_t* y, LumaScale scale, int n, std::uint8_t* out);
void rgb_row(const std::uint16_t* y, const std::uint16_t* cb, const std::uint16_t* cr, const YuvToRgb& m,
             int n, std::uint8_t* red, std::uint8_t* green, std::uint8_t* blue);
void round_row(const std::uint16_t* in, int n, std::uint8_t* out);
void luma_row(const std::uint16_t* red, const std::uint16_t* green, const std::uint16_t* blue, int n,
              std::uint8_t* out);

}  // namespace mone
