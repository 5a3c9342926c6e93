/// The 16-bit formats that products read, on host and device alike.
#pragma once

#include <cstdint>
#include <cstring>

#include "engine/host_device.h"

namespace mone::cuda {

/// bfloat16: the upper half of an f32.
struct Bf16 {
  std::uint16_t bits;
};
/// IEEE half precision.
struct F16 {
  std::uint16_t bits;
};

MONE_BOTH std::uint32_t float_bits(float value) {
  std::uint32_t bits;
  memcpy(&bits, &value, 4);
  return bits;
}
MONE_BOTH float bits_float(std::uint32_t bits) {
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

MONE_BOTH float to_float(float value) { return value; }
MONE_BOTH float to_float(Bf16 value) { return bits_float(std::uint32_t{value.bits} << 16); }
MONE_BOTH float to_float(F16 value) {
  const std::uint32_t sign = std::uint32_t{value.bits & 0x8000u} << 16, magnitude = value.bits & 0x7fffu;
  // Scaling by 2^112 moves the exponent's bias from 15 to 127, and makes subnormal halves normal.
  if (magnitude >= 0x7c00u) return bits_float(sign | 0x7f800000u | magnitude << 13);
  return bits_float(sign | float_bits(bits_float(magnitude << 13) * 5.192296858534828e33f));
}

template <class T>
MONE_BOTH T from_float(float value);

template <>
MONE_BOTH float from_float<float>(float value) {
  return value;
}

/// To nearest, ties to even; NaN stays NaN.
template <>
MONE_BOTH Bf16 from_float<Bf16>(float value) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  std::uint16_t result;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(result) : "f"(value));
  return {result};
#else
  const std::uint32_t bits = float_bits(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return {static_cast<std::uint16_t>((bits >> 16) | 0x40u)};
  return {static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16)};
#endif
}

template <>
MONE_BOTH F16 from_float<F16>(float value) {
#ifdef __CUDA_ARCH__
  std::uint16_t result;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(result) : "f"(value));
  return {result};
#else
  const std::uint32_t bits = float_bits(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000u);
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return {static_cast<std::uint16_t>(sign | 0x7e00u)};
  if (magnitude >= 0x477ff000u) return {static_cast<std::uint16_t>(sign | 0x7c00u)};
  if (magnitude < 0x38800000u) {
    // Subnormal: adding 0.5 leaves the 24 bits' last ten as the half's, rounded by the addition itself.
    const std::uint32_t rounded = float_bits(bits_float(magnitude) + 0.5f) - 0x3f000000u;
    return {static_cast<std::uint16_t>(sign | rounded)};
  }
  const std::uint32_t odd = (magnitude >> 13) & 1u;
  return {static_cast<std::uint16_t>(sign | ((magnitude - 0x38000000u + 0xfffu + odd) >> 13))};
#endif
}

/// Two numbers as the 32 bits of a register or store, the first one low.
template <class T>
MONE_BOTH std::uint32_t pack2(float low, float high) {
  return from_float<T>(low).bits | std::uint32_t{from_float<T>(high).bits} << 16;
}

MONE_BOTH constexpr int ceil_div(int a, int b) { return (a + b - 1) / b; }
MONE_BOTH constexpr int round_up(int a, int b) { return ceil_div(a, b) * b; }
MONE_BOTH constexpr int smaller(int a, int b) { return a < b ? a : b; }
MONE_BOTH constexpr int larger(int a, int b) { return a > b ? a : b; }

}  // namespace mone::cuda
