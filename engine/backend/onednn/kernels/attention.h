/// One head of one attention set: scores of a row tile live in the caches only.
///
/// K and V are packed once per head (50 KiB in bf16 for 197 keys of width 64), then each tile of query rows
/// makes its scores, their softmax and its outputs. Probabilities are rounded to the operand type before they
/// are divided by their sum; the sum is taken in f32 before rounding.
#pragma once

#include "engine/backend/onednn/kernels/activation.h"
#include "engine/backend/onednn/kernels/dot_tile.h"
#include "engine/backend/onednn/kernels/matrix_tile.h"
#include "engine/backend/onednn/kernels/pack_heads.h"

namespace mone::cpu::MONE_ISA {

MONE_INLINE constexpr int round_up(int x, int to) { return (x + to - 1) / to * to; }

/// Where the parts of the scratch lie, in bytes. Row strides are odd multiples of a cache line, so that the
/// rows of a tile spread over the sets of the first-level cache.
template <class T>
struct AttentionScratch {
  static constexpr int kRows = Dot<T>::kRows, kBlock = Dot<T>::kBlock;
  /// inner: columns of keys that a score sums; summed: keys that an output sums, both with what is 0.
  int score_columns, score_stride, prob_stride, out_columns, inner, summed, query_stride;
  std::size_t keys, values, scores, probs, outs, queries, bytes;

  AttentionScratch(int key_count, int head_width) {
    constexpr std::size_t element = sizeof(T);
    score_columns = round_up(key_count, kPanel);
    score_stride = round_up(score_columns, 32) + 16;
    prob_stride = round_up(score_columns, 32) + 32;
    out_columns = round_up(head_width, kPanel);
    inner = round_up(head_width, kBlock);
    summed = round_up(key_count, kBlock > 2 ? kBlock : 2);
    query_stride = round_up(inner, 32) + 32;
    keys = 0;
    values = keys + line(element * score_columns * inner);
    scores = values + line(element * score_columns * out_columns);
    probs = scores + line(sizeof(float) * kRows * score_stride);
    outs = probs + line(element * kRows * prob_stride);
    queries = outs + line(sizeof(float) * kRows * kPanel);
    bytes = queries + line(element * kRows * query_stride);
  }
  static std::size_t line(std::size_t x) { return (x + 63) / 64 * 64; }
};

/// The largest of `keys` scores.
MONE_INLINE float largest(const float* scores, int keys) {
  Vec most = splat(-__builtin_inff());
  int i = 0;
  for (; i + kLanes <= keys; i += kLanes) most = at_least(load(scores + i), most);
  if (i < keys) most = at_least(first_lanes(load(scores + i), keys - i, -__builtin_inff()), most);
  return max_lanes(most);
}

/// scores -> exp((score - top) scale) as operand, zero past `keys`; returns the sum.
template <class T>
MONE_INLINE float exponentials(const float* scores, float top, int keys, int columns, float scale, T* probs) {
  constexpr Precision kPrecision = sizeof(T) == 2 ? Precision::kBf16 : Precision::kF32;
  const Vec tops = splat(top), factor = splat(scale * 1.4426950408889634f);
  Vec sum = {};
  int i = 0;
  for (; i + kLanes <= keys; i += kLanes) {
    const Vec e = exp2_below_1<kPrecision>((load(scores + i) - tops) * factor);
    sum += e;
    store_as(probs + i, e);
  }
  if (i < keys) {
    const Vec e = first_lanes(exp2_below_1<kPrecision>((load(scores + i) - tops) * factor), keys - i, 0);
    sum += e;
    store_as(probs + i, e);
    i += kLanes;
  }
  for (; i < columns; i += kLanes) store_as(probs + i, Vec{});
  return sum_lanes(sum);
}

template <class T>
struct Head {
  static constexpr int kRows = Dot<T>::kRows;
  const Attention& a;
  AttentionScratch<T> layout;
  Unit<T> unit;
  T *keys, *values, *probs, *queries;
  float *scores, *outs;

  explicit Head(const Attention& attention) : a(attention), layout(a.keys, a.head_width) {
    char* base = static_cast<char*>(a.scratch);
    keys = reinterpret_cast<T*>(base + layout.keys);
    values = reinterpret_cast<T*>(base + layout.values);
    scores = reinterpret_cast<float*>(base + layout.scores);
    probs = reinterpret_cast<T*>(base + layout.probs);
    outs = reinterpret_cast<float*>(base + layout.outs);
    queries = reinterpret_cast<T*>(base + layout.queries);
  }

  void pack() {
    pack_keys(static_cast<const T*>(a.k), a.ldk, a.kv_runs, a.keys, a.head_width, layout.inner, keys);
    pack_values(static_cast<const T*>(a.v), a.ldv, a.kv_runs, a.keys, a.head_width, layout.score_columns,
                layout.summed, values);
  }

  /// Outputs of query rows [row, row + rows) of the buffer.
  void attend(std::ptrdiff_t row, int rows) {
    Ahead ahead;
    const T* q = static_cast<const T*>(a.q) + row * a.ldq;
    std::ptrdiff_t ldq = a.ldq;
    constexpr int kStep = Dot<T>::kStep;
    if (a.head_width % kStep != 0) {  // odd: the pair's other half must be 0
      for (int i = 0; i < rows; ++i) {
        __builtin_memcpy(queries + i * layout.query_stride, q + i * ldq, a.head_width * sizeof(T));
        queries[i * layout.query_stride + a.head_width] = T{};
      }
      q = queries;
      ldq = layout.query_stride;
    }
    alignas(64) float sums[kRows * kPanel];
    for (int column = 0; column < layout.score_columns; column += kPanel)
      dot<T>(unit, q, ldq, rows, keys + static_cast<std::ptrdiff_t>(column) * layout.inner,
             round_up(a.head_width, kStep), scores + column, layout.score_stride, ahead);
    // All rows' maxima first: none then waits for its own.
    float inverse[kRows], top[kRows];
    for (int i = 0; i < rows; ++i) top[i] = largest(scores + i * layout.score_stride, a.keys);
    for (int i = 0; i < rows; ++i)
      inverse[i] = 1.0f / exponentials(scores + i * layout.score_stride, top[i], a.keys, layout.score_columns,
                                       a.scale, probs + i * layout.prob_stride);
    for (int column = 0; column < a.head_width; column += kPanel) {
      dot<T>(unit, probs, layout.prob_stride, rows,
             values + static_cast<std::ptrdiff_t>(column) * layout.score_columns, layout.summed, sums, kPanel,
             ahead);
      const int columns = a.head_width - column < kPanel ? a.head_width - column : kPanel;
      for (int i = 0; i < rows; ++i) {
        T* out = static_cast<T*>(a.out) + (row + i) * a.ldo + column;
        const float* sum = sums + i * kPanel;
        int c = 0;
        for (; c + kLanes <= columns; c += kLanes) store_as(out + c, load(sum + c) * splat(inverse[i]));
        for (; c < columns; ++c) store_as(out + c, sum[c] * inverse[i]);
      }
    }
  }
};

template <class T>
void attention(const Attention& a) {
  Head<T> head(a);
  head.pack();
  for (int run = 0; run < a.q_run_count; ++run)
    for (int i = 0; i < a.q_runs[run].rows; i += Head<T>::kRows) {
      const int left = a.q_runs[run].rows - i;
      head.attend(a.q_runs[run].row + i, left < Head<T>::kRows ? left : Head<T>::kRows);
    }
}

}  // namespace mone::cpu::MONE_ISA
