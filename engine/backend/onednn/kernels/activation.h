/// exp and both GELUs as vector polynomials; errors measured in tests/unit/onednn_kernels_test.cc.
#pragma once

#include "engine/backend/onednn/kernels/simd.h"

namespace mone::cpu::MONE_ISA {

/// Whether results are rounded to bf16, which hides errors below 2^-9.
enum class Precision { kF32, kBf16 };

#if defined(__AVX512F__)

/// 2^x for x >= -126 by x = n + f, 0 <= f < 1: 2^f by the polynomial of least relative error, 2^n by the
/// exponent. Relative error < 1e-7 in f32 (degree 6), < 2.7e-6 for bf16 (degree 4). Infinite above 127, NaN
/// stays.
template <Precision kPrecision>
MONE_INLINE Vec exp2_in_range(Vec x) {
  const Vec f = _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
  Vec p;
  if constexpr (kPrecision == Precision::kBf16) {
    p = fma(splat(1.353416791e-2f), f, splat(5.201146062e-2f));
    p = fma(p, f, splat(2.414427569e-1f));
    p = fma(p, f, splat(6.930038345e-1f));
    p = fma(p, f, splat(1.000002593f));
  } else {
    p = fma(splat(2.170225545e-4f), f, splat(1.243968783e-3f));
    p = fma(p, f, splat(9.678840996e-3f));
    p = fma(p, f, splat(5.548334198e-2f));
    p = fma(p, f, splat(2.402298363e-1f));
    p = fma(p, f, splat(6.931469838e-1f));
    p = fma(p, f, splat(1.0f));
  }
  return _mm512_scalef_ps(p, x);
}

#else

/// 2^x for x in [-126, 127] by x = n + f, |f| <= 1/2: 2^f by its Taylor polynomial, 2^n by the exponent bits.
/// Relative error < 2e-7.
template <Precision>
MONE_INLINE Vec exp2_in_range(Vec x) {
  const Vec shift = splat(12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer, kept in the low bits
  const Vec shifted = x + shift;
  const Vec f = x - (shifted - shift);
  Vec p = fma(splat(1.5252734e-5f), f, splat(1.5403530e-4f));
  p = fma(p, f, splat(1.3333558e-3f));
  p = fma(p, f, splat(9.6181291e-3f));
  p = fma(p, f, splat(5.5504109e-2f));
  p = fma(p, f, splat(2.4022651e-1f));
  p = fma(p, f, splat(6.9314718e-1f));
  p = fma(p, f, splat(1.0f));
  return (Vec)((IntVec)p + ((IntVec)shifted << 23));
}

#endif

/// 2^x; x below -126 give 2^-126, above 127 2^127, NaN stays.
MONE_INLINE Vec exp2(Vec x) {
  return exp2_in_range<Precision::kF32>(at_most(at_least(x, splat(-126.0f)), splat(127.0f)));
}
/// 2^x for x <= 0.
template <Precision kPrecision>
MONE_INLINE Vec exp2_below_1(Vec x) {
  return exp2_in_range<kPrecision>(at_least(x, splat(-126.0f)));
}

/// e^x; relative error < 2e-7 + 1e-7 |x|.
MONE_INLINE Vec exp(Vec x) { return exp2(x * splat(1.4426950408889634f)); }

/// 1 / x, for 1 <= x <= 2^127; relative error 2^-14 for bf16 where the CPU has it, else of the last bit or
/// two.
template <Precision kPrecision>
MONE_INLINE Vec reciprocal(Vec x) {
#if defined(__AVX512F__)
  const Vec r = _mm512_rcp14_ps(x);
  if constexpr (kPrecision == Precision::kBf16) return r;
  return fma(r, fma(-x, r, splat(1.0f)), r);  // a step of Newton's is cheaper than a division
#else
  return splat(1.0f) / x;
#endif
}

/// x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) = x / (1 + e^-2y); absolute error < 1e-6 for |x| <= 10,
/// in kBf16 relative to the result < 7e-5.
template <Precision kPrecision>
MONE_INLINE Vec gelu_tanh(Vec x) {
  const Vec y =
      x * fma(x * x, splat(0.044715f * -2.302208198f), splat(-2.302208198f));  // -2 sqrt(2 / pi) log2(e)
  const Vec e = exp2_in_range<kPrecision>(at_most(at_least(y, splat(-126.0f)), splat(126.0f)));
  return x * reciprocal<kPrecision>(splat(1.0f) + e);
}

/// x / 2 (1 + erf(x / sqrt 2)); absolute error < 1e-6 for |x| <= 10. erfc(z) = t p(t) e^-z^2 with t = 1 / (1
/// + 0.3275911 z), Abramowitz and Stegun 7.1.26, whose own error is 1.5e-7.
MONE_INLINE Vec gelu_erf(Vec x) {
  const Vec size = x < splat(0.0f) ? -x : x;
  const Vec z = size * splat(0.70710678f);
  const Vec t = splat(1.0f) / fma(z, splat(0.3275911f), splat(1.0f));
  Vec p = splat(1.061405429f);
  p = fma(p, t, splat(-1.453152027f));
  p = fma(p, t, splat(1.421413741f));
  p = fma(p, t, splat(-0.284496736f));
  p = fma(p, t, splat(0.254829592f));
  const Vec half_erfc = splat(0.5f) * p * t * exp(-(z * z));
  return x < splat(0.0f) ? x * half_erfc : x - x * half_erfc;
}

}  // namespace mone::cpu::MONE_ISA
