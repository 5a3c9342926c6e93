/// The staircase product with Hopper's instructions for four warps together (wgmma, sm_90a only): operands
/// straight from shared memory, one instruction for 64 rows x 128 outputs x 16 inputs, done while the block
/// fetches ahead.
#pragma once

#include "engine/backend/cuda/kernels/product_tile.h"

namespace mone::cuda {

/// 128 x 128: two groups of four warps, 64 rows each.
template <class T>
struct WarpgroupProduct {
  static constexpr int kThreads = 256;
  using Tile = ProductTile<T, kThreads, 128, kGroupOutputs>;
  static constexpr int kSharedBytes = Tile::kSharedBytes;

  Product p;

  MONE_BOTH static Grid grid(const Product& p) { return Tile::grid(p); }

  MONE_DEVICE void operator()() const {
    const Tile tile{p};
    if (tile.idle()) return;
    for (int turn = 0; turn < kStages - 1; ++turn) tile.fetch(turn);

    float sums[kGroupSums]{};
    const int group_row = warp() / 4 * 64;
    for (int turn = 0; turn < tile.turns; ++turn) {
      group_wait(sums);                // the last turn's operands are no longer read
      copy_async_wait<kStages - 2>();  // this turn's are here ...
      fence_for_tensor_cores();        // ... and the tensor cores see them
      sync_block();
      group_begin(sums);
      const int steps = tile.steps(turn);
      for (int step = 0; step < steps; ++step)
        group_multiply_add(T{}, sums, operand_at(tile.rows(turn) + group_row * kLine + step * kDepthStep),
                           operand_at(tile.weights(turn) + step * kDepthStep));
      group_commit();
      tile.fetch(turn + kStages - 1);
    }
    group_wait(sums);
    copy_async_wait<0>();
    sync_block();
    MONE_UNROLL
    for (int j = 0; j < kGroupOutputs / 8; ++j) {
      const float of_part[4] = {sums[j * 4], sums[j * 4 + 1], sums[j * 4 + 2], sums[j * 4 + 3]};
      tile.put(warp() * 16, j * 8, of_part);
    }
    tile.finish_all();
  }
};

}  // namespace mone::cuda
