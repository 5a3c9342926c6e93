/// The staircase product on tensor cores, 16-bit operands, f32 sums (sm_75 and newer: mma; copies ahead from
/// sm_80).
///
/// Sums go over inputs in steps of 16, ascending, whatever the tile: results do not depend on how many rows
/// share the call.
#pragma once

#include "engine/backend/cuda/kernels/product_tile.h"

namespace mone::cuda {

/// kDown x kAcross warps; each makes kRows x 16 rows by kColumns x 8 outputs.
template <class T, int kDown, int kAcross, int kRows, int kColumns>
struct TensorProduct {
  static constexpr int kThreads = 32 * kDown * kAcross;
  using Tile = ProductTile<T, kThreads, kDown * kRows * 16, kAcross * kColumns * 8>;
  static constexpr int kSharedBytes = Tile::kSharedBytes;
  static_assert(kColumns % 2 == 0);

  Product p;

  MONE_BOTH static Grid grid(const Product& p) { return Tile::grid(p); }

  MONE_DEVICE void operator()() const {
    const Tile tile{p};
    if (tile.idle()) return;
    for (int turn = 0; turn < kStages - 1; ++turn) tile.fetch(turn);

    float sums[kRows][kColumns][4]{};
    const int warp_row = warp() / kAcross * kRows * 16, warp_output = warp() % kAcross * kColumns * 8;
    for (int turn = 0; turn < tile.turns; ++turn) {
      copy_async_wait<kStages - 2>();
      sync_block();  // this turn's lines are here, and the last turn's are no longer read
      tile.fetch(turn + kStages - 1);
      const T* x = tile.rows(turn);
      const T* w = tile.weights(turn);
      const int steps = tile.steps(turn);
      MONE_UNROLL
      for (int step = 0; step < kLine / kDepthStep; ++step) {
        if (step >= steps) break;
        std::uint32_t a[kRows][4], b[kColumns / 2][4];
        for (int i = 0; i < kRows; ++i)
          load_matrices(a[i], piece(x, warp_row + i * 16 + lane() % 16, step * 2 + lane() / 16));
        for (int j = 0; j < kColumns / 2; ++j)
          load_matrices(
              b[j], piece(w, warp_output + j * 16 + lane() % 8 + lane() / 16 * 8, step * 2 + lane() / 8 % 2));
        for (int i = 0; i < kRows; ++i)
          for (int j = 0; j < kColumns; ++j)
            multiply_add(T{}, sums[i][j], a[i], b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]);
      }
    }
    copy_async_wait<0>();
    sync_block();
    MONE_UNROLL
    for (int i = 0; i < kRows; ++i) {
      MONE_UNROLL
      for (int j = 0; j < kColumns; ++j) tile.put(warp_row + i * 16, warp_output + j * 8, sums[i][j]);
    }
    tile.finish_all();
  }
};

/// For many rows: 128 x 128, eight warps of 64 x 32.
template <class T>
using WideTensorProduct = TensorProduct<T, 2, 4, 4, 4>;
/// For few: 64 x 64, four warps of 32 x 32, so that a batch of one still fills the multiprocessors.
template <class T>
using NarrowTensorProduct = TensorProduct<T, 2, 2, 2, 4>;

}  // namespace mone::cuda
