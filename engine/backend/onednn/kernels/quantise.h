/// Rows as int8 products read them (engine/int8.h): bytes q + 128, and in the last four of a row its scale.
///
/// vpdpbusd takes one side unsigned. With the operand's bytes 128 too large, each sum is too large by 128
/// times the sum of the weights it read, which is known when they are packed.
#pragma once

#include "engine/backend/onednn/kernels/simd.h"

#if defined(__AVX512VNNI__)
namespace mone::cpu::MONE_ISA {

/// Bits of the sizes |x|: as integers they stand in order, and NaN above infinity.
MONE_INLINE __m512i larger_size(__m512i most, Vec x) {
  return _mm512_max_epi32(most, _mm512_and_si512((__m512i)x, _mm512_set1_epi32(0x7fffffff)));
}

struct RowScale {
  float scale, factor;
};

/// What engine/int8.h says of the largest size.
MONE_INLINE RowScale row_scale(__m512i sizes) {
  const std::int32_t bits = _mm512_reduce_max_epi32(sizes);
  float most;
  __builtin_memcpy(&most, &bits, 4);
  if (bits >= 0x7f800000) return {__builtin_nanf(""), 0};
  if (most < 1e-30f) return {0, 0};
  return {most / 127.0f, 127.0f / most};
}

/// 16 bytes.
MONE_INLINE void store_quantised(std::uint8_t* out, Vec x, float factor) {
  const __m512i q = _mm512_cvtps_epi32(x * splat(factor));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out),
                   _mm512_cvtepi32_epi8(_mm512_add_epi32(q, _mm512_set1_epi32(128))));
}

/// Quantises `columns` values that `get` reads, 16 at column i or, with a mask, what is left there. Bytes up
/// to the next fourth column are those of zeros.
template <class Get>
MONE_INLINE void quantise_row(int columns, const Get& get, std::uint8_t* out, std::ptrdiff_t ldo) {
  const int whole = columns / kLanes * kLanes;
  const __mmask16 rest = static_cast<__mmask16>((1u << (columns - whole)) - 1);
  __m512i sizes[2] = {};
  int i = 0;
  for (; i + 2 * kLanes <= whole; i += 2 * kLanes) {
    sizes[0] = larger_size(sizes[0], get(i, 0xffff));
    sizes[1] = larger_size(sizes[1], get(i + kLanes, 0xffff));
  }
  for (; i < whole; i += kLanes) sizes[0] = larger_size(sizes[0], get(i, 0xffff));
  if (rest) sizes[1] = larger_size(sizes[1], get(whole, rest));
  const RowScale row = row_scale(_mm512_max_epi32(sizes[0], sizes[1]));
  // Where a value is not finite the scale says so; 0 times it is no byte, so nothing is multiplied.
  if (row.factor == 0) {
    __builtin_memset(out, 128, (columns + 3) / 4 * 4);
  } else {
    for (i = 0; i < whole; i += kLanes) store_quantised(out + i, get(i, 0xffff), row.factor);
    if (rest) {
      std::uint8_t last[kLanes];
      store_quantised(last, get(whole, rest), row.factor);
      __builtin_memcpy(out + whole, last, (columns - whole + 3) / 4 * 4);
    }
  }
  __builtin_memcpy(out + ldo - 4, &row.scale, 4);
}

MONE_INLINE Vec load_masked(const float* p, __mmask16 mask) { return _mm512_maskz_loadu_ps(mask, p); }
MONE_INLINE Vec load_masked(const Bf16* p, __mmask16 mask) {
  return (Vec)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, p)), 16);
}

/// out[row] = x[row] quantised, all `columns` of it.
inline void quantise_rows(const Bf16* x, std::ptrdiff_t ldx, int columns, int rows, Int8* out,
                          std::ptrdiff_t ldo) {
  for (int row = 0; row < rows; ++row, x += ldx, out += ldo)
    quantise_row(
        columns,
        [&](int i, __mmask16 mask) __attribute__((always_inline)) { return load_masked(x + i, mask); },
        reinterpret_cast<std::uint8_t*>(out), ldo);
}

/// f32 sums from those of bytes, in place: `sums` holds whole numbers.
MONE_INLINE void dequantise(const Product& p, const RowTile& tile, int column, float* sums) {
  const std::int32_t* offsets = p.offsets + (p.nested_inputs ? tile.halvings : 0) * p.offset_stride + column;
  const __m512i low = _mm512_loadu_si512(offsets), high = _mm512_loadu_si512(offsets + kLanes);
  const Vec scale_low = load(p.scales + column), scale_high = load(p.scales + column + kLanes);
  const char* row = static_cast<const char*>(p.x) + (tile.row + 1) * p.ldx - 4;
  for (int i = 0; i < tile.rows; ++i, row += p.ldx, sums += kPanel) {
    float scale;
    __builtin_memcpy(&scale, row, 4);
    const __m512i a = _mm512_sub_epi32(_mm512_loadu_si512(sums), low),
                  b = _mm512_sub_epi32(_mm512_loadu_si512(sums + kLanes), high);
    store(sums, _mm512_cvtepi32_ps(a) * (splat(scale) * scale_low));
    store(sums + kLanes, _mm512_cvtepi32_ps(b) * (splat(scale) * scale_high));
  }
}

}  // namespace mone::cpu::MONE_ISA
#endif
