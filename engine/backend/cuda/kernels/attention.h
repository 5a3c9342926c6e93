/// softmax(q k^T / sqrt(dh)) v per item and head, scores never in memory. An item's rows lie anywhere in the
/// batch (sorted by expert across items), so rows are looked up in a table; keys come in the item's own
/// order, whoever shares the batch.
///
/// Source: Dao et al. 2022, FlashAttention; running maximum and sum after Milakov and Gimelshein 2018.
#pragma once

#include "engine/backend/cuda/device_code.h"
#include "engine/backend/cuda/kernel.h"

namespace mone::cuda {

struct Attention {
  const void *q = nullptr, *k = nullptr, *v = nullptr;  ///< operand rows; the slice's first column
  void* out = nullptr;                                  ///< operand [query rows, width]
  int q_stride = 0, k_stride = 0, v_stride = 0, width = 0;
  const int *q_rows = nullptr, *rows = nullptr;  ///< [items, queries], [items, keys]
  int items = 0, heads = 0, queries = 0, keys = 0, head_width = 0;
  float scale = 0;
};

constexpr float kLog2E = 1.4426950408889634f;

/// On tensor cores: a block takes 64 queries of one head, a warp 16 of them; keys come 64 at a time, the next
/// 64 on their way meanwhile. kWidth: the head's width rounded up; the rest is zero. kTurns: 1 where copies
/// do not run ahead and a block has 64 KiB of shared memory, as on sm_75, too little for two turns of 128.
template <class T, int kWidth, int kTurns = 2>
struct TensorAttention {
  static constexpr int kThreads = 128;
  static constexpr int kQueries = 64, kKeys = 64;
  static constexpr int kPieces = kWidth / 8;
  static constexpr int kTile = 64 * kWidth;                          // elements
  static constexpr int kSharedBytes = (1 + 2 * kTurns) * kTile * 2;  // q, each turn's k and v

  Attention a;

  MONE_BOTH static Grid grid(const Attention& a) { return {ceil_div(a.queries, kQueries), a.heads, a.items}; }

  /// Pieces of 16 bytes are XORed with the row's number so that eight rows' pieces lie in different banks.
  template <class E>
  MONE_DEVICE static E* piece(E* tile, int row, int index) {
    const int turned = kPieces >= 8 ? index ^ (row & 7) : index ^ ((row >> 1) & (kPieces - 1));
    return tile + row * kWidth + turned * 8;
  }

  MONE_DEVICE void fetch(T* tile, const void* from, int stride, const int* rows, int first, int count) const {
    const T* source = static_cast<const T*>(from) + block_y() * a.head_width;
    for (int i = thread(); i < 64 * kPieces; i += kThreads) {
      const int row = i / kPieces, index = i % kPieces;
      const bool valid = first + row < count && index * 8 < a.head_width;
      const long long at = valid ? static_cast<long long>(rows[first + row]) * stride + index * 8 : 0;
      copy_async16(piece(tile, row, index), source + at, valid);
    }
  }

  MONE_DEVICE void operator()() const {
    T* const q_tile = reinterpret_cast<T*>(shared_memory());
    const auto k_tile = [&](int turn) { return q_tile + (1 + turn % kTurns) * kTile; };
    const auto v_tile = [&](int turn) { return q_tile + (1 + kTurns + turn % kTurns) * kTile; };
    const int* rows = a.rows + static_cast<long long>(block_z()) * a.keys;
    const int* q_rows = a.q_rows + static_cast<long long>(block_z()) * a.queries;
    const int query0 = block_x() * kQueries, turns = ceil_div(a.keys, kKeys);
    const auto fetch_turn = [&](int turn) {
      if (turn < turns) {
        fetch(k_tile(turn), a.k, a.k_stride, rows, turn * kKeys, a.keys);
        fetch(v_tile(turn), a.v, a.v_stride, rows, turn * kKeys, a.keys);
      }
      copy_async_commit();
    };
    fetch(q_tile, a.q, a.q_stride, q_rows, query0, a.queries);
    for (int turn = 0; turn < kTurns - 1; ++turn) fetch_turn(turn);

    float sums[kWidth / 8][4]{};
    float most[2] = {-3.0e38f, -3.0e38f}, total[2]{};  // of this lane's two rows: l / 4 and 8 below
    const float scale = a.scale * kLog2E;              // so that exponentials are powers of two
    for (int turn = 0; turn < turns; ++turn) {
      fetch_turn(turn + kTurns - 1);
      copy_async_wait<kTurns - 1>();
      sync_block();
      float scores[kKeys / 8][4]{};
      for (int step = 0; step < kWidth / 16; ++step) {
        std::uint32_t query[4];
        load_matrices(query, piece(q_tile, warp() * 16 + lane() % 16, step * 2 + lane() / 16));
        for (int j = 0; j < kKeys / 16; ++j) {
          std::uint32_t key[4];
          load_matrices(
              key, piece(k_tile(turn), j * 16 + lane() % 8 + lane() / 16 * 8, step * 2 + lane() / 8 % 2));
          multiply_add(T{}, scores[2 * j], query, key[0], key[1]);
          multiply_add(T{}, scores[2 * j + 1], query, key[2], key[3]);
        }
      }
      float now[2] = {most[0], most[1]};
      for (int j = 0; j < kKeys / 8; ++j) {
        for (int i = 0; i < 4; ++i) {
          const int key = turn * kKeys + j * 8 + lane() % 4 * 2 + i % 2;
          scores[j][i] = key < a.keys ? scores[j][i] * scale : -3.0e38f;
          now[i / 2] = fmaxf(now[i / 2], scores[j][i]);
        }
      }
      for (int half = 0; half < 2; ++half) {
        now[half] = fmaxf(now[half], shuffle_xor(now[half], 1));
        now[half] = fmaxf(now[half], shuffle_xor(now[half], 2));
        const float shrink = fast_exp2(most[half] - now[half]);
        most[half] = now[half];
        total[half] *= shrink;
        for (int j = 0; j < kWidth / 8; ++j) {
          sums[j][half * 2] *= shrink;
          sums[j][half * 2 + 1] *= shrink;
        }
      }
      for (int j = 0; j < kKeys / 8; ++j) {
        for (int i = 0; i < 4; ++i) {
          scores[j][i] = fast_exp2(scores[j][i] - most[i / 2]);
          total[i / 2] += scores[j][i];
        }
      }
      for (int step = 0; step < kKeys / 16; ++step) {
        // A pair of score tiles is laid out as the left operand already.
        const float(&left)[4] = scores[2 * step];
        const float(&right)[4] = scores[2 * step + 1];
        const std::uint32_t weights[4] = {pack2<T>(left[0], left[1]), pack2<T>(left[2], left[3]),
                                          pack2<T>(right[0], right[1]), pack2<T>(right[2], right[3])};
        for (int j = 0; j < kWidth / 16; ++j) {
          std::uint32_t value[4];
          load_matrices_transposed(value, piece(v_tile(turn), step * 16 + lane() % 16, j * 2 + lane() / 16));
          multiply_add(T{}, sums[2 * j], weights, value[0], value[1]);
          multiply_add(T{}, sums[2 * j + 1], weights, value[2], value[3]);
        }
      }
      sync_block();  // before the next fetch overwrites this turn's tiles
    }
    for (int half = 0; half < 2; ++half) {
      total[half] += shuffle_xor(total[half], 1);
      total[half] += shuffle_xor(total[half], 2);
    }
    for (int half = 0; half < 2; ++half) {
      const int query = query0 + warp() * 16 + half * 8 + lane() / 4;
      if (query >= a.queries) continue;
      T* out =
          static_cast<T*>(a.out) + static_cast<long long>(q_rows[query]) * a.width + block_y() * a.head_width;
      const float inverse = 1 / total[half];
      for (int j = 0; j < kWidth / 8; ++j) {
        const int column = j * 8 + lane() % 4 * 2;
        if (column < a.head_width)
          *reinterpret_cast<std::uint32_t*>(out + column) =
              pack2<T>(sums[j][half * 2] * inverse, sums[j][half * 2 + 1] * inverse);
      }
    }
  }
};

/// In f32: a warp takes a query, its lanes 32 keys at a time, then its lanes the head's features.
struct FloatAttention {
  static constexpr int kThreads = 128;
  static constexpr int kQueries = kThreads / 32, kKeys = 32, kMaxWidth = 128;
  // Keys' rows are a word longer than a multiple of 32, so that 32 lanes read 32 keys without bank conflicts.
  static constexpr int kSharedBytes =
      (kKeys * (kMaxWidth + 1) + kKeys * kMaxWidth + kQueries * kMaxWidth) * 4;

  Attention a;

  MONE_BOTH static Grid grid(const Attention& a) { return {ceil_div(a.queries, kQueries), a.heads, a.items}; }

  MONE_DEVICE void operator()() const {
    const int width = a.head_width;
    float* keys = reinterpret_cast<float*>(shared_memory());
    float* values = keys + kKeys * (kMaxWidth + 1);
    float* mine = values + kKeys * kMaxWidth + warp() * kMaxWidth;
    const int* rows = a.rows + static_cast<long long>(block_z()) * a.keys;
    const int query = block_x() * kQueries + warp();
    const bool there = query < a.queries;
    const long long q_row = there ? a.q_rows[static_cast<long long>(block_z()) * a.queries + query] : 0;
    const float* q = static_cast<const float*>(a.q) + q_row * a.q_stride + block_y() * width;
    for (int d = lane(); d < width; d += 32) mine[d] = there ? q[d] : 0;
    float sums[kMaxWidth / 32]{}, most = -3.0e38f, total = 0;
    for (int first = 0; first < a.keys; first += kKeys) {
      for (int i = thread(); i < kKeys * width; i += kThreads) {
        const int key = i / width, d = i % width;
        const bool valid = first + key < a.keys;
        const long long row = valid ? rows[first + key] : 0;
        keys[key * (kMaxWidth + 1) + d] =
            valid ? static_cast<const float*>(a.k)[row * a.k_stride + block_y() * width + d] : 0;
        values[key * kMaxWidth + d] =
            valid ? static_cast<const float*>(a.v)[row * a.v_stride + block_y() * width + d] : 0;
      }
      sync_block();
      float score = 0;
      for (int d = 0; d < width; ++d) score += mine[d] * keys[lane() * (kMaxWidth + 1) + d];
      score = first + lane() < a.keys ? score * a.scale : -3.0e38f;
      const float now = fmaxf(most, warp_max(score));
      const float shrink = expf(most - now), weight = expf(score - now);
      most = now;
      total = total * shrink + warp_sum(weight);
      for (float& sum : sums) sum *= shrink;
      for (int key = 0; key < kKeys; ++key) {
        const float of_key = shuffle(weight, key);
        for (int i = 0; i < kMaxWidth / 32; ++i)
          if (i * 32 + lane() < width) sums[i] += of_key * values[key * kMaxWidth + i * 32 + lane()];
      }
      sync_block();
    }
    if (!there) return;
    float* out = static_cast<float*>(a.out) + q_row * a.width + block_y() * width;
    for (int i = 0; i < kMaxWidth / 32; ++i)
      if (i * 32 + lane() < width) out[i * 32 + lane()] = sums[i] / total;
  }
};

}  // namespace mone::cuda
