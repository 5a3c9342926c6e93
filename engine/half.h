/// IEEE half precision, as some files store it.
#pragma once

#include <bit>
#include <cstdint>

namespace mone {

/// The value of 16 bits of f16, exactly.
inline float half_to_float(std::uint16_t half) {
  const std::uint32_t sign = std::uint32_t{half & 0x8000u} << 16;
  const std::uint32_t magnitude = half & 0x7fffu;
  if (magnitude >= 0x7c00) return std::bit_cast<float>(sign | 0x7f800000 | (magnitude & 0x3ff) << 13);
  // As an f32 with the exponent 112 too small; the product corrects it, subnormals too.
  const float unscaled = std::bit_cast<float>(magnitude << 13);
  return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(unscaled * 0x1p112f));
}

}  // namespace mone
