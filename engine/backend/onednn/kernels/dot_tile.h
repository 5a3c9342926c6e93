/// The innermost loop: up to kTileRows operand rows times one packed panel, f32 sums in registers over the
/// whole K extent.
///
/// Every sum runs over k in order whatever the number of rows, so a row's result does not depend on its
/// neighbours.
#pragma once

#include "engine/backend/onednn/kernels/simd.h"

namespace mone::cpu::MONE_ISA {

/// Lines to ask for while the arithmetic runs: the next panel, which comes from memory.
struct Ahead {
  const char* next = nullptr;
  const char* end = nullptr;
  int lines_per_step = 0;  ///< per 8 steps of k
  MONE_INLINE void step() {
    for (int i = 0; i < lines_per_step && next < end; ++i, next += 64) prefetch(next);
  }
};

/// Row addresses as base + {0, 1, 2} strides: x86 adds those for free, so 12 rows take 6 registers.
template <class T>
struct RowBases {
  const T* base[(kTileRows + 2) / 3];
  std::ptrdiff_t ld;
  MONE_INLINE RowBases(const T* x, std::ptrdiff_t ldx) : ld(ldx) {
    for (int i = 0; i < (kTileRows + 2) / 3; ++i) base[i] = x + 3 * i * ldx;
  }
  MONE_INLINE const T* row(int i) const { return base[i / 3] + (i % 3) * ld; }
};

/// What a loop keeps from one call to the next: nothing, but for matrix tiles (matrix_tile.h).
template <class T>
struct Unit {};

template <class T>
struct Dot;

template <>
struct Dot<float> {
  typedef Vec Sum;
  static constexpr int kStep = 1;   // values of k that one instruction sums
  static constexpr int kBlock = 1;  // a packed panel has a multiple of so many
  static constexpr int kRows = kTileRows;
  typedef Vec Weights;
  static MONE_INLINE Weights weights(const float* p) { return load(p); }
  static MONE_INLINE Weights value(const float* p) { return splat(*p); }
  static MONE_INLINE Vec add(Vec sum, Weights x, Weights w) { return fma(x, w, sum); }
};

#if defined(__AVX512BF16__) && !defined(__AMX_BF16__)
template <>
struct Dot<Bf16> {
  typedef Vec Sum;
  static constexpr int kStep = 2;
  static constexpr int kBlock = 2;
  static constexpr int kRows = kTileRows;
  typedef __m512i Weights;
  static MONE_INLINE Weights weights(const Bf16* p) { return _mm512_loadu_si512(p); }
  static MONE_INLINE Weights value(const Bf16* p) {
    std::int32_t pair;
    __builtin_memcpy(&pair, p, 4);
    return _mm512_set1_epi32(pair);
  }
  static MONE_INLINE Vec add(Vec sum, Weights x, Weights w) {
    return _mm512_dpbf16_ps(sum, (__m512bh)x, (__m512bh)w);
  }
};
#endif

#if defined(__AVX512VNNI__) && !defined(__AMX_INT8__)
template <>
struct Dot<Int8> {
  typedef IntVec Sum;
  static constexpr int kStep = 4;
  static constexpr int kBlock = 4;
  static constexpr int kRows = kTileRows;
  typedef __m512i Weights;
  static MONE_INLINE Weights weights(const Int8* p) { return _mm512_loadu_si512(p); }
  static MONE_INLINE Weights value(const Int8* p) {
    std::int32_t four;
    __builtin_memcpy(&four, p, 4);
    return _mm512_set1_epi32(four);
  }
  static MONE_INLINE IntVec add(IntVec sum, Weights x, Weights w) {
    return (IntVec)_mm512_dpbusd_epi32((__m512i)sum, x, w);
  }
};
#endif

template <class T, int M>
[[gnu::noinline]] void dot_tile(const T* x, std::ptrdiff_t ldx, const T* panel, int k, float* sums,
                                std::ptrdiff_t ldsums, Ahead& ahead) {
  using D = Dot<T>;
  typename D::Sum sum[M][2] = {};
  RowBases<T> rows(x, ldx);
  const auto step = [&](int i) __attribute__((always_inline)) {
    const typename D::Weights w0 = D::weights(panel + i * kPanel);
    const typename D::Weights w1 = D::weights(panel + i * kPanel + kLanes * D::kStep);
#pragma GCC unroll 12
    for (int m = 0; m < M; ++m) {
      const typename D::Weights value = D::value(rows.row(m) + i);
      sum[m][0] = D::add(sum[m][0], value, w0);
      sum[m][1] = D::add(sum[m][1], value, w1);
    }
  };
  int i = 0;
  for (; i + 8 * D::kStep <= k; i += 8 * D::kStep) {
    ahead.step();
#pragma GCC unroll 8
    for (int j = 0; j < 8; ++j) step(i + j * D::kStep);
  }
  for (; i < k; i += D::kStep) step(i);
#pragma GCC unroll 12
  for (int m = 0; m < M; ++m) {
    store(sums + m * ldsums, (Vec)sum[m][0]);
    store(sums + m * ldsums + kLanes, (Vec)sum[m][1]);
  }
}

/// sums f32 (int8: whole numbers of 32 bits) [rows, kPanel], ldsums apart, = x [rows, k] * panel [k, kPanel]
template <class T>
MONE_INLINE void dot(Unit<T>&, const T* x, std::ptrdiff_t ldx, int rows, const T* panel, int k, float* sums,
                     std::ptrdiff_t ldsums, Ahead& ahead) {
  switch (rows) {
    case 1:
      return dot_tile<T, 1>(x, ldx, panel, k, sums, ldsums, ahead);
    case 2:
      return dot_tile<T, 2>(x, ldx, panel, k, sums, ldsums, ahead);
    case 3:
      return dot_tile<T, 3>(x, ldx, panel, k, sums, ldsums, ahead);
    case 4:
      return dot_tile<T, 4>(x, ldx, panel, k, sums, ldsums, ahead);
    case 5:
      return dot_tile<T, 5>(x, ldx, panel, k, sums, ldsums, ahead);
    case 6:
      return dot_tile<T, 6>(x, ldx, panel, k, sums, ldsums, ahead);
#if defined(__AVX512F__)
    case 7:
      return dot_tile<T, 7>(x, ldx, panel, k, sums, ldsums, ahead);
    case 8:
      return dot_tile<T, 8>(x, ldx, panel, k, sums, ldsums, ahead);
    case 9:
      return dot_tile<T, 9>(x, ldx, panel, k, sums, ldsums, ahead);
    case 10:
      return dot_tile<T, 10>(x, ldx, panel, k, sums, ldsums, ahead);
    case 11:
      return dot_tile<T, 11>(x, ldx, panel, k, sums, ldsums, ahead);
    case 12:
      return dot_tile<T, 12>(x, ldx, panel, k, sums, ldsums, ahead);
#endif
  }
}

}  // namespace mone::cpu::MONE_ISA
