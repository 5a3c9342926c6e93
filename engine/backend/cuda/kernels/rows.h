/// Kernels that go over rows once: pixels, positions, permutation, layer norm, read-out. All are bound by
/// memory.
///
/// A warp takes a row, so that sums need no shared memory; lanes take neighbouring elements, four at a time
/// where widths allow.
#pragma once

#include "engine/backend/cuda/device_code.h"
#include "engine/backend/cuda/extents.h"
#include "engine/backend/cuda/kernel.h"

namespace mone::cuda {

constexpr int kWarpsPerBlock = 8;

MONE_DEVICE int row_of_warp() { return block_x() * kWarpsPerBlock + warp(); }
MONE_BOTH Grid grid_of_rows(int rows) { return {ceil_div(rows, kWarpsPerBlock), 1, 1}; }

struct alignas(16) Float4 {
  float v[4];
};

/// action(i, x[i]) for the lane's share of `n` elements.
template <class Action>
MONE_DEVICE void for_lane(const float* x, int n, Action action) {
  if (n % 4 == 0 && reinterpret_cast<std::uintptr_t>(x) % 16 == 0) {
    for (int i = lane() * 4; i < n; i += 128) {
      const Float4 four = *reinterpret_cast<const Float4*>(x + i);
      for (int j = 0; j < 4; ++j) action(i + j, four.v[j]);
    }
  } else {
    for (int i = lane(); i < n; i += 32) action(i, x[i]);
  }
}

/// Mean and centred sum of squares of `count` numbers; identity I4 merges them.
struct Moments {
  float mean, squares;
};

/// Of one row's elements, in two passes, by a warp; the same in every lane.
MONE_DEVICE Moments row_moments(const float* x, int n) {
  if (n == 0) return {0, 0};
  float sum = 0, squares = 0;
  for_lane(x, n, [&](int, float value) { sum += value; });
  const float mean = warp_sum(sum) / static_cast<float>(n);
  for_lane(x, n, [&](int, float value) { squares += (value - mean) * (value - mean); });
  return {mean, warp_sum(squares)};
}

/// Those of `a_count` and `b_count` numbers together. Source: Chan et al. 1979, updating formulae for
/// variances.
MONE_BOTH Moments merge(Moments a, int a_count, Moments b, int b_count) {
  if (b_count == 0) return a;
  const auto na = static_cast<float>(a_count), nb = static_cast<float>(b_count);
  const float delta = b.mean - a.mean;
  return {a.mean + delta * nb / (na + nb), a.squares + b.squares + delta * delta * na * nb / (na + nb)};
}

MONE_BOTH float inverse_deviation(Moments moments, int n, float eps) {
  return 1 / sqrtf(moments.squares / static_cast<float>(n) + eps);
}

/// u8 pixels to operands: out[token][k] = table[k % 3][pixel], zero from `depth` on. A thread takes eight.
template <class T>
struct UnpackPixels {
  static constexpr int kThreads = 256;
  const std::uint8_t* const* tubelets;  ///< of [per_tubelet, depth] pixels each
  const T* table;                       ///< [3, 256]
  T* out;                               ///< [tokens, stride]
  int tokens, per_tubelet, depth;
  int stride;  ///< a multiple of 8

  MONE_DEVICE void operator()() const {
    const long long eight = static_cast<long long>(block_x()) * kThreads + thread();
    const int per_row = stride / 8;
    const int token = static_cast<int>(eight / per_row);
    const int first = static_cast<int>(eight % per_row) * 8;
    if (token >= tokens) return;
    const std::uint8_t* from =
        tubelets[token / per_tubelet] + static_cast<long long>(token % per_tubelet) * depth;
    struct alignas(16) Eight {
      T v[8];
    } eights;
    for (int i = 0; i < 8; ++i) {
      const int k = first + i;
      eights.v[i] = k < depth ? table[k % 3 * 256 + from[k]] : from_float<T>(0);
    }
    *reinterpret_cast<Eight*>(out + static_cast<long long>(token) * stride + first) = eights;
  }
};

/// Class tokens of raster rows: rows[item * rows_per_item] = cls + its position.
struct FillCls {
  static constexpr int kThreads = 32 * kWarpsPerBlock;
  const float* cls_pos;  ///< [width]
  float* rows;
  int items, rows_per_item, width;

  MONE_DEVICE void operator()() const {
    const int item = row_of_warp();
    if (item >= items) return;
    float* to = rows + static_cast<long long>(item) * rows_per_item * width;
    for_lane(cls_pos, width, [&](int i, float value) { to[i] = value; });
  }
};

/// Windows of spatial outputs with their positions; see Backend::assemble.
struct Assemble {
  static constexpr int kThreads = 32 * kWarpsPerBlock;
  const float* cls_pos;         ///< [has_cls + per_item, width]
  const float* const* sources;  ///< [items * per_item]
  float* rows;                  ///< [items * (has_cls + per_item), width]
  int items, per_item, has_cls, width;

  MONE_DEVICE void operator()() const {
    const int row = row_of_warp(), rows_per_item = has_cls + per_item;
    if (row >= items * rows_per_item) return;
    const int at = row % rows_per_item;
    const float* pos = cls_pos + static_cast<long long>(at) * width;
    float* to = rows + static_cast<long long>(row) * width;
    if (at < has_cls) {
      for_lane(pos, width, [&](int i, float value) { to[i] = value; });
    } else {
      const float* from = sources[row / rows_per_item * per_item + at - has_cls];
      for_lane(from, width, [&](int i, float value) { to[i] = value + pos[i]; });
    }
  }
};

/// sorted[i] = source[order[i]], with the moments of each row's frozen tail (identity I4).
struct GatherRows {
  static constexpr int kThreads = 32 * kWarpsPerBlock;
  const float* source;
  const int* order;  ///< [rows]
  float* sorted;
  Moments* tails;  ///< [rows]
  Stairs stairs;
  int rows, width;

  MONE_DEVICE void operator()() const {
    const int row = row_of_warp();
    if (row >= rows) return;
    const float* from = source + static_cast<long long>(order[row]) * width;
    float* to = sorted + static_cast<long long>(row) * width;
    for_lane(from, width, [&](int i, float value) { to[i] = value; });
    const int head = stairs.width_of(row, width);
    const Moments tail = row_moments(from + head, width - head);
    if (lane() == 0) tails[row] = tail;
  }
};

/// operand = LN(x), of which only what products read is written: the expert's features, then zeros (identity
/// I3).
template <class T>
struct Normalise {
  static constexpr int kThreads = 32 * kWarpsPerBlock;
  const float* x;
  const Moments* tails;  ///< [rows], or null: no tail is known, so whole rows are read
  const float *weight, *bias;
  T* out;
  Stairs stairs;
  int rows, width;
  float eps;

  MONE_DEVICE void operator()() const {
    const int row = row_of_warp();
    if (row >= rows) return;
    const float* from = x + static_cast<long long>(row) * width;
    T* to = out + static_cast<long long>(row) * width;
    const int head = stairs.width_of(row, width);
    const Moments moments =
        tails ? merge(row_moments(from, head), head, tails[row], width - head) : row_moments(from, width);
    const float inverse = inverse_deviation(moments, width, eps);
    for_lane(from, head, [&](int i, float value) {
      to[i] = from_float<T>((value - moments.mean) * inverse * weight[i] + bias[i]);
    });
    const int end = read_extent(stairs, row, width);
    for (int i = head + lane(); i < end; i += 32) to[i] = from_float<T>(0);
  }
};

/// outputs[item] = mean over the item's rows of LN(x). One block an item; the rows' moments first, then
/// features.
struct Pool {
  static constexpr int kThreads = 256;
  const float* x;
  const float *weight, *bias;
  const int* item_rows;   ///< [items, rows_per_item]
  float* const* outputs;  ///< [items]
  Moments* scratch;       ///< [items, rows_per_item]
  int rows_per_item, width;
  float eps;

  MONE_DEVICE void operator()() const {
    const int item = block_x();
    const int* rows = item_rows + static_cast<long long>(item) * rows_per_item;
    Moments* moments = scratch + static_cast<long long>(item) * rows_per_item;
    for (int i = warp(); i < rows_per_item; i += kThreads / 32) {
      const Moments of_row = row_moments(x + static_cast<long long>(rows[i]) * width, width);
      if (lane() == 0) moments[i] = {of_row.mean, inverse_deviation(of_row, width, eps)};
    }
    sync_block();
    float* out = outputs[item];
    for (int o = thread(); o < width; o += kThreads) {
      float sum = 0;
      for (int i = 0; i < rows_per_item; ++i) {
        const float value = x[static_cast<long long>(rows[i]) * width + o];
        sum += (value - moments[i].mean) * moments[i].squares * weight[o] + bias[o];
      }
      out[o] = sum / static_cast<float>(rows_per_item);
    }
  }
};

/// Rows that lie anywhere, rounded like any operand, side by side.
template <class T>
struct GatherOperands {
  static constexpr int kThreads = 32 * kWarpsPerBlock;
  const float* const* sources;  ///< [rows]
  T* out;                       ///< [rows, width]
  int rows, width;

  MONE_DEVICE void operator()() const {
    const int row = row_of_warp();
    if (row >= rows) return;
    T* to = out + static_cast<long long>(row) * width;
    for_lane(sources[row], width, [&](int i, float value) { to[i] = from_float<T>(value); });
  }
};

}  // namespace mone::cuda
