/// bfloat16 as 16 bits: the upper half of an f32, rounded to nearest even.
#pragma once

#include <bit>
#include <cstdint>

namespace mone {

/// Round to nearest, ties to even. Infinities stay, NaN stays NaN (quiet).
inline std::uint16_t float_to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>((bits >> 16) | 0x40u);
  return static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

inline float bf16_to_float(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); }

/// The f32 that a store to bf16 and a load back would give.
inline float round_to_bf16(float value) { return bf16_to_float(float_to_bf16(value)); }

}  // namespace mone
