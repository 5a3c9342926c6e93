/// How far the products of a row reach: the staircase of spec section 4.3, from a plan's few numbers alone.
#pragma once

#include "engine/backend/cuda/numbers.h"

namespace mone::cuda {

constexpr int kMaxStairs = 5;  // kMaxExperts

/// Rows [0, rows_from[j]) have expert j or larger, as RowPlan has it; expert j's width is full >> (experts -
/// 1 - j).
struct Stairs {
  int experts = 1;
  int rows_from[kMaxStairs + 1]{};

  MONE_BOTH int expert_of(int row) const {
    int expert = experts - 1;
    while (expert > 0 && row >= rows_from[expert]) --expert;
    return expert;
  }
  /// Features of a row's expert out of `full`. Rows past the last one are narrowest.
  MONE_BOTH int width_of(int row, int full) const { return full >> (experts - 1 - expert_of(row)); }
};

/// Rows that one block of a product works on, at most: a tile begins at a multiple of it. Row tiles that
/// begin there or inside are never wider than its first row, as rows are sorted.
constexpr int kRowTile = 128;
/// Inputs that one instruction of a tensor core takes.
constexpr int kDepthStep = 16;

/// Inputs that a product of row tiles reads of this row, and that therefore must hold numbers: those of the
/// widest row in its tile, in whole steps.
MONE_BOTH int read_extent(const Stairs& stairs, int row, int full) {
  return smaller(full, round_up(stairs.width_of(row / kRowTile * kRowTile, full), kDepthStep));
}

}  // namespace mone::cuda
