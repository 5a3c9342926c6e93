// The same two passes with AVX2, chosen at run time. Sums are of integers, so their order changes no bit.
#include "engine/resample.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include <cstring>

namespace mone {
namespace {

// 64 bytes at a time: a whole cache line of each row, and eight sums, which leaves registers for the rest.
__attribute__((target("avx2"))) void blend64(const std::uint8_t* const* rows, const std::int16_t* weights,
                                             int taps, int x, std::int16_t* out) {
  const __m256i zero = _mm256_setzero_si256();
  const __m256i half = _mm256_set1_epi32(1 << (kBlendShift - 1));
  __m256i sums[8];
  for (auto& s : sums) s = half;
  for (int t = 0; t < taps; t += 2) {
    const bool pair = t + 1 < taps;
    const std::uint8_t* row_a = rows[t] + x;
    const std::uint8_t* row_b = rows[pair ? t + 1 : t] + x;
    const auto low = static_cast<std::uint16_t>(weights[t]);
    const auto high = static_cast<std::uint16_t>(pair ? weights[t + 1] : 0);
    const __m256i w = _mm256_set1_epi32(static_cast<int>(low | static_cast<std::uint32_t>(high) << 16));
#pragma GCC unroll 2
    for (int h = 0; h < 2; ++h) {
      const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row_a + 32 * h));
      const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row_b + 32 * h));
      const __m256i lo = _mm256_unpacklo_epi8(a, b), hi = _mm256_unpackhi_epi8(a, b);
      sums[4 * h + 0] =
          _mm256_add_epi32(sums[4 * h + 0], _mm256_madd_epi16(_mm256_unpacklo_epi8(lo, zero), w));
      sums[4 * h + 1] =
          _mm256_add_epi32(sums[4 * h + 1], _mm256_madd_epi16(_mm256_unpackhi_epi8(lo, zero), w));
      sums[4 * h + 2] =
          _mm256_add_epi32(sums[4 * h + 2], _mm256_madd_epi16(_mm256_unpacklo_epi8(hi, zero), w));
      sums[4 * h + 3] =
          _mm256_add_epi32(sums[4 * h + 3], _mm256_madd_epi16(_mm256_unpackhi_epi8(hi, zero), w));
    }
  }
  for (int h = 0; h < 2; ++h) {
    // Unpacking worked within 128-bit lanes: a lane of lo/hi holds bytes 0-7 and 8-15 of its 16.
    const __m256i first = _mm256_packs_epi32(_mm256_srai_epi32(sums[4 * h], kBlendShift),
                                             _mm256_srai_epi32(sums[4 * h + 1], kBlendShift));
    const __m256i second = _mm256_packs_epi32(_mm256_srai_epi32(sums[4 * h + 2], kBlendShift),
                                              _mm256_srai_epi32(sums[4 * h + 3], kBlendShift));
    auto* to = reinterpret_cast<__m256i*>(out + 32 * h);
    _mm256_storeu_si256(to, _mm256_permute2x128_si256(first, second, 0x20));
    _mm256_storeu_si256(to + 1, _mm256_permute2x128_si256(first, second, 0x31));
  }
}

void blend(const std::uint8_t* const* rows, const std::int16_t* weights, int taps, int bytes,
           std::int16_t* out) {
  int x = 0;
  for (; x + 64 <= bytes; x += 64) blend64(rows, weights, taps, x, out + x);
  if (x == bytes) return;
  // The last, partial strip: the same sums byte by byte.
  for (; x < bytes; ++x) {
    std::int32_t sum = 1 << (kBlendShift - 1);
    for (int t = 0; t < taps; ++t) sum += weights[t] * rows[t][x];
    out[x] = static_cast<std::int16_t>(sum >> kBlendShift);
  }
}

__attribute__((target("avx2"))) inline __m256i dot(const std::int16_t* samples, const std::int16_t* weights,
                                                   int taps) {
  __m256i sum = _mm256_setzero_si256();
  for (int t = 0; t < taps; t += kTapStep)
    sum = _mm256_add_epi32(
        sum, _mm256_madd_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(samples + t)),
                               _mm256_loadu_si256(reinterpret_cast<const __m256i*>(weights + t))));
  return sum;
}

__attribute__((target("avx2"))) void gather(const std::int16_t* in, const Axis& axis, std::uint16_t* out) {
  const __m128i half = _mm_set1_epi32(1 << (kGatherShift - 1));
  const std::int16_t* weights = axis.weights.data();
  const int taps = axis.taps;
  for (int o = 0; o < axis.outputs; o += 4) {
    __m256i s[4];
    const int n = axis.outputs - o < 4 ? axis.outputs - o : 4;
    for (int i = 0; i < 4; ++i) {
      const int at = o + (i < n ? i : n - 1);
      s[i] = dot(in + axis.first[at] - axis.begin, weights + static_cast<std::size_t>(at) * taps, taps);
    }
    const __m256i quads = _mm256_hadd_epi32(_mm256_hadd_epi32(s[0], s[1]), _mm256_hadd_epi32(s[2], s[3]));
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(quads), _mm256_extracti128_si256(quads, 1));
    sum = _mm_srai_epi32(_mm_add_epi32(sum, half), kGatherShift);
    const __m128i packed = _mm_packus_epi32(sum, sum);
    std::uint16_t four[8];
    _mm_storeu_si128(reinterpret_cast<__m128i*>(four), packed);
    std::memcpy(out + o, four, static_cast<std::size_t>(n) * sizeof *out);
  }
}

}  // namespace

const ResampleKernels* avx2_kernels() {
  static constexpr ResampleKernels kernels{"avx2", blend, gather};
  static const bool here = __builtin_cpu_supports("avx2");
  return here ? &kernels : nullptr;
}

}  // namespace mone

#else

namespace mone {
const ResampleKernels* avx2_kernels() { return nullptr; }
}  // namespace mone

#endif
