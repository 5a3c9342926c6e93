/// One head's keys and values as panels for dot(): K [keys / kPanel][width][kPanel], V [width /
/// kPanel][keys][kPanel], in bf16 with pairs of the second axis side by side.
#pragma once

#include "engine/backend/onednn/kernels/simd.h"

namespace mone::cpu::MONE_ISA {

/// Walks the rows of some runs.
class RowCursor {
 public:
  MONE_INLINE RowCursor(const RowRun* runs) : run_(runs) {}
  MONE_INLINE std::ptrdiff_t next() {
    while (at_ == run_->rows) ++run_, at_ = 0;
    return run_->row + at_++;
  }

 private:
  const RowRun* run_;
  int at_ = 0;
};

#if defined(__AVX512F__)
/// out[j * ldo] = lane j of each of 16 rows.
MONE_INLINE void transpose_16x16(const void* const (&rows)[16], std::ptrdiff_t offset, std::int32_t* out,
                                 std::ptrdiff_t ldo) {
  __m512i r[16], t[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) r[i] = _mm512_loadu_si512(static_cast<const char*>(rows[i]) + offset);
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4)
#pragma GCC unroll 2
    for (int j = 0; j < 2; ++j) {
      r[i + 2 * j] = _mm512_unpacklo_epi64(t[i + j], t[i + 2 + j]);
      r[i + 2 * j + 1] = _mm512_unpackhi_epi64(t[i + j], t[i + 2 + j]);
    }
    // r[4 q + c]: columns c, c + 4, c + 8, c + 12 of rows 4 q to 4 q + 3.
#pragma GCC unroll 4
  for (int c = 0; c < 4; ++c) {
    const __m512i a = _mm512_shuffle_i32x4(r[c], r[4 + c], 0x88),
                  b = _mm512_shuffle_i32x4(r[8 + c], r[12 + c], 0x88);
    const __m512i d = _mm512_shuffle_i32x4(r[c], r[4 + c], 0xdd),
                  e = _mm512_shuffle_i32x4(r[8 + c], r[12 + c], 0xdd);
    _mm512_storeu_si512(out + c * ldo, _mm512_shuffle_i32x4(a, b, 0x88));
    _mm512_storeu_si512(out + (c + 4) * ldo, _mm512_shuffle_i32x4(d, e, 0x88));
    _mm512_storeu_si512(out + (c + 8) * ldo, _mm512_shuffle_i32x4(a, b, 0xdd));
    _mm512_storeu_si512(out + (c + 12) * ldo, _mm512_shuffle_i32x4(d, e, 0xdd));
  }
}
#endif

/// A column of a K panel is one key's row, a pair of bf16 or one f32 at a time: both are 32 bits.
/// An odd bf16 at its end is paired with 0.
/// @param inner  rows of a K panel: head_width and more, which are 0
template <class T>
MONE_INLINE void pack_keys(const T* k, std::ptrdiff_t ldk, const RowRun* runs, int keys, int head_width,
                           int inner, T* packed) {
  constexpr int kPair = 4 / sizeof(T);
  const int words = inner / kPair, whole_words = head_width / kPair;
  const int own_words = (head_width + kPair - 1) / kPair;
  if (own_words < words)
    for (int panel = 0; panel * kPanel < keys; ++panel)
      __builtin_memset(packed + (static_cast<std::ptrdiff_t>(panel) * words + own_words) * kPanel * kPair, 0,
                       static_cast<std::size_t>(words - own_words) * kPanel * 4);
  RowCursor cursor(runs);
  const void* rows[16];
  for (int first = 0; first < keys; first += 16) {
    const int count = keys - first < 16 ? keys - first : 16;
    for (int i = 0; i < count; ++i) rows[i] = k + cursor.next() * ldk;
    const int in_panel = first % kPanel;
    int word = 0;
#if defined(__AVX512F__)
    std::int32_t* out = reinterpret_cast<std::int32_t*>(packed) +
                        static_cast<std::ptrdiff_t>(first / kPanel) * words * kPanel + in_panel;
    if (count == 16)
      for (; word + 16 <= whole_words; word += 16)
        transpose_16x16(rows, word * 4, out + static_cast<std::ptrdiff_t>(word) * kPanel, kPanel);
#endif
    for (int i = 0; i < count; ++i) {
      // Narrow panels: 16 keys span several.
      const int column = in_panel + i;
      std::int32_t* to = reinterpret_cast<std::int32_t*>(packed) +
                         (static_cast<std::ptrdiff_t>(first / kPanel) + column / kPanel) * words * kPanel +
                         column % kPanel;
      for (int w = word; w < whole_words; ++w)
        __builtin_memcpy(to + static_cast<std::ptrdiff_t>(w) * kPanel,
                         static_cast<const char*>(rows[i]) + w * 4, 4);
      if (whole_words < own_words) {
        std::int32_t last = 0;
        __builtin_memcpy(&last, static_cast<const char*>(rows[i]) + whole_words * 4, sizeof(T));
        to[static_cast<std::ptrdiff_t>(whole_words) * kPanel] = last;
      }
    }
  }
}

/// @param stride  rows of a V panel
/// @param summed  those of them that are read: `keys` and more, which are 0
MONE_INLINE void pack_values(const float* v, std::ptrdiff_t ldv, const RowRun* runs, int keys, int head_width,
                             int stride, int summed, float* packed) {
  RowCursor cursor(runs);
  for (int i = 0; i < keys; ++i) {
    const float* row = v + cursor.next() * ldv;
    for (int c = 0; c < head_width; c += kPanel)
      __builtin_memcpy(packed + (static_cast<std::ptrdiff_t>(c / kPanel) * stride + i) * kPanel, row + c,
                       (head_width - c < kPanel ? head_width - c : kPanel) * sizeof(float));
  }
  if (keys < summed)
    for (int c = 0; c < head_width; c += kPanel)
      __builtin_memset(packed + (static_cast<std::ptrdiff_t>(c / kPanel) * stride + keys) * kPanel, 0,
                       static_cast<std::size_t>(summed - keys) * kPanel * sizeof(float));
}

#if defined(__AVX512BF16__)
MONE_INLINE void pack_values(const Bf16* v, std::ptrdiff_t ldv, const RowRun* runs, int keys, int head_width,
                             int stride, int summed, Bf16* packed) {
  static const Bf16 zeros[32] = {};
  const __m512i low = _mm512_set_epi16(47, 15, 46, 14, 45, 13, 44, 12, 43, 11, 42, 10, 41, 9, 40, 8, 39, 7,
                                       38, 6, 37, 5, 36, 4, 35, 3, 34, 2, 33, 1, 32, 0);
  const __m512i high = _mm512_add_epi16(low, _mm512_set1_epi16(16));
  const int pairs = (keys + 1) / 2 * 2;
  if (pairs < summed)
    for (int c = 0; c < head_width; c += kPanel)
      __builtin_memset(packed + (static_cast<std::ptrdiff_t>(c / kPanel) * stride + pairs) * kPanel, 0,
                       static_cast<std::size_t>(summed - pairs) * kPanel * sizeof(Bf16));
  RowCursor cursor(runs);
  for (int i = 0; i < keys; i += 2) {
    const Bf16* even = v + cursor.next() * ldv;
    const bool alone = i + 1 == keys;
    const Bf16* odd = alone ? zeros : v + cursor.next() * ldv;
    for (int c = 0; c < head_width; c += kPanel) {
      const int left = head_width - c;
      const __mmask32 mask = left < kPanel ? (1u << left) - 1 : ~0u;
      const __m512i a = _mm512_maskz_loadu_epi16(mask, even + c);
      const __m512i b = _mm512_maskz_loadu_epi16(mask, alone ? zeros : odd + c);
      Bf16* to = packed + (static_cast<std::ptrdiff_t>(c / kPanel) * stride + i) * kPanel;
      _mm512_storeu_si512(to, _mm512_permutex2var_epi16(a, low, b));
      _mm512_storeu_si512(to + kPanel, _mm512_permutex2var_epi16(a, high, b));
    }
  }
}
#endif

}  // namespace mone::cpu::MONE_ISA
