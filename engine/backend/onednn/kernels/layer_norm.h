/// Layer norm straight into the operand of the product that follows it.
#pragma once

#include "engine/backend/onednn/kernels/quantise.h"
#include "engine/backend/onednn/kernels/simd.h"

namespace mone::cpu::MONE_ISA {

template <class T>
MONE_INLINE void normalise_row(const LayerNorm& n, const float* x, float mean, float scale, T* out,
                               int columns) {
  int i = 0;
  for (; i + kLanes <= columns; i += kLanes)
    store_as(out + i, fma((load(x + i) - splat(mean)) * splat(scale), load(n.weight + i), load(n.bias + i)));
  for (; i < columns; ++i) store_as(out + i, (x[i] - mean) * scale * n.weight[i] + n.bias[i]);
}

/// Two passes over numbers that sit in the first-level cache: mean, then the centred squares.
Moments moments(const float* x, int count) {
  // Four chains hide the latency of an addition.
  Vec sum[4] = {};
  int i = 0;
  for (; i + 4 * kLanes <= count; i += 4 * kLanes)
    for (int j = 0; j < 4; ++j) sum[j] += load(x + i + j * kLanes);
  float total = sum_lanes((sum[0] + sum[1]) + (sum[2] + sum[3]));
  for (; i < count; ++i) total += x[i];
  const float mean = total / static_cast<float>(count);

  Vec square[4] = {};
  for (i = 0; i + 4 * kLanes <= count; i += 4 * kLanes)
    for (int j = 0; j < 4; ++j) {
      const Vec d = load(x + i + j * kLanes) - splat(mean);
      square[j] = fma(d, d, square[j]);
    }
  float squares = sum_lanes((square[0] + square[1]) + (square[2] + square[3]));
  for (; i < count; ++i) squares += (x[i] - mean) * (x[i] - mean);
  return {mean, squares};
}

/// Moments of `a`'s and `b`'s numbers together (Chan, Golub, LeVeque 1983, eq. 2.1).
MONE_INLINE Moments merge(Moments a, int a_count, Moments b, int b_count) {
  const float share = static_cast<float>(b_count) / static_cast<float>(a_count + b_count);
  const float apart = b.mean - a.mean;
  return {a.mean + apart * share,
          a.squares + b.squares + apart * apart * static_cast<float>(a_count) * share};
}

template <class T>
void layer_norm(const LayerNorm& n, int row_begin, int row_end) {
  for (int row = row_begin; row < row_end; ++row) {
    const float* x = n.x + row * n.ldx;
    const int width = n.widths ? n.widths[row] : n.columns;
    const Moments all = n.tails && width < n.columns
                            ? merge(moments(x, width), width, n.tails[row], n.columns - width)
                            : moments(x, n.columns);
    const float mean = all.mean;
    const float scale = 1.0f / __builtin_sqrtf(all.squares / static_cast<float>(n.columns) + n.eps);
#if defined(__AVX512VNNI__)
    if (n.out_int8) {  // computed twice, for the largest and for the bytes: nothing is stored in between
      quantise_row(
          width,
          [&](int c, __mmask16 mask) __attribute__((always_inline)) {
            return fma((load_masked(x + c, mask) - splat(mean)) * splat(scale),
                       load_masked(n.weight + c, mask), load_masked(n.bias + c, mask));
          },
          static_cast<std::uint8_t*>(n.out) + row * n.ldo, n.ldo);
      continue;
    }
#endif
    if (n.out_f32) {
      normalise_row(n, x, mean, scale, static_cast<float*>(n.out) + row * n.ldo, width);
    } else {
      T* out = static_cast<T*>(n.out) + row * n.ldo;
      normalise_row(n, x, mean, scale, out, width);
      __builtin_memset(out + width, 0, (n.ldo - width) * sizeof(T));
    }
  }
}

}  // namespace mone::cpu::MONE_ISA
