/// One vector type per instruction set, so that every kernel is written once and compiled several times.
///
/// Files under kernels/ are compiled once per instruction set with MONE_ISA set to a namespace name; nothing
/// here may be reached from files compiled otherwise, and nothing from the standard library that could leave
/// a shared inline function with the wrong instructions behind.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__AVX2__) || defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "engine/backend/onednn/kernels.h"

#define MONE_INLINE __attribute__((always_inline)) inline

namespace mone::cpu::MONE_ISA {

// Register tile of the products, rows x (2 vectors): as many accumulators as the register file holds beside
// two weight vectors and a broadcast value. 32 registers with AVX-512 (24 + 2 + 1), 16 otherwise (12 + 2 +
// 1).
#if defined(__AVX512F__)
inline constexpr int kLanes = 16;
inline constexpr int kTileRows = 12;
#elif defined(__AVX2__)
inline constexpr int kLanes = 8;
inline constexpr int kTileRows = 6;
#else
inline constexpr int kLanes = 4;
inline constexpr int kTileRows = 6;
#endif
inline constexpr int kPanel = 2 * kLanes;  // columns of a packed weight panel

typedef float Vec __attribute__((vector_size(kLanes * 4)));
typedef std::int32_t IntVec __attribute__((vector_size(kLanes * 4)));
typedef float LooseVec __attribute__((vector_size(kLanes * 4), aligned(4), may_alias));

MONE_INLINE Vec load(const float* p) { return *reinterpret_cast<const LooseVec*>(p); }
MONE_INLINE void store(float* p, Vec v) { *reinterpret_cast<LooseVec*>(p) = v; }
/// x - 0 is x, which the compiler knows; x + 0 is not where x is -0, and would be added.
MONE_INLINE Vec splat(float x) { return x - Vec{}; }

MONE_INLINE Vec fma(Vec a, Vec b, Vec c) {
#if defined(__AVX512F__)
  return _mm512_fmadd_ps(a, b, c);
#elif defined(__AVX2__)
  return _mm256_fmadd_ps(a, b, c);
#else
  return a * b + c;
#endif
}

/// `v` with the lanes from `count` on replaced. No memory in between: a vector read back from single stores
/// waits.
MONE_INLINE Vec first_lanes(Vec v, int count, float rest) {
  IntVec lane;
  for (int i = 0; i < kLanes; ++i) lane[i] = i;
  return lane < count ? v : splat(rest);
}

// A NaN in `x` stays.
#if defined(__AVX512F__)
MONE_INLINE Vec at_least(Vec x, Vec low) { return _mm512_max_ps(low, x); }  // of NaN and a number: the second
MONE_INLINE Vec at_most(Vec x, Vec high) { return _mm512_min_ps(high, x); }
#elif defined(__AVX2__)
MONE_INLINE Vec at_least(Vec x, Vec low) { return _mm256_max_ps(low, x); }
MONE_INLINE Vec at_most(Vec x, Vec high) { return _mm256_min_ps(high, x); }
#else
MONE_INLINE Vec at_least(Vec x, Vec low) { return x < low ? low : x; }
MONE_INLINE Vec at_most(Vec x, Vec high) { return x > high ? high : x; }
#endif

// Halves folded until one lane is left: the same order for every row.
#if defined(__AVX512F__)
MONE_INLINE float sum_lanes(Vec v) { return _mm512_reduce_add_ps(v); }
MONE_INLINE float max_lanes(Vec v) { return _mm512_reduce_max_ps(v); }
#else
MONE_INLINE float sum_lanes(Vec v) {
  float x[kLanes];
  store(x, v);
  for (int half = kLanes / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) x[i] += x[i + half];
  return x[0];
}
MONE_INLINE float max_lanes(Vec v) {
  float x[kLanes];
  store(x, v);
  float m = x[0];
  for (int i = 1; i < kLanes; ++i) m = x[i] > m ? x[i] : m;
  return m;
}
#endif

MONE_INLINE void prefetch(const void* p) { __builtin_prefetch(p, 0, 2); }

MONE_INLINE float to_float(float x) { return x; }
MONE_INLINE float to_float(Bf16 x) {
  const std::uint32_t bits = static_cast<std::uint32_t>(x) << 16;
  float f;
  __builtin_memcpy(&f, &bits, 4);
  return f;
}

// A whole number in [-127, 127].
MONE_INLINE void store_as(Int8* p, float x) {
  *p = static_cast<Int8>(static_cast<std::uint8_t>(static_cast<std::int8_t>(x)));
}
MONE_INLINE void store_as(float* p, Vec v) { store(p, v); }
MONE_INLINE void store_as(float* p, float x) { *p = x; }
// Round to nearest even; NaN stays a quiet NaN.
MONE_INLINE void store_as(Bf16* p, float x) {
  std::uint32_t bits;
  __builtin_memcpy(&bits, &x, 4);
  *p = static_cast<Bf16>((bits & 0x7fffffffu) > 0x7f800000u ? (bits >> 16) | 0x40u
                                                            : (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}
#if defined(__AVX512BF16__)
MONE_INLINE void store_as(Bf16* p, Vec v) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), (__m256i)_mm512_cvtneps_pbh(v));
}
#else
MONE_INLINE void store_as(Bf16* p, Vec v) {
  for (int i = 0; i < kLanes; ++i) store_as(p + i, v[i]);
}
#endif

}  // namespace mone::cpu::MONE_ISA
