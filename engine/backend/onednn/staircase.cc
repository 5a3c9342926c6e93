#include "engine/backend/onednn/staircase.h"

#include <algorithm>

#include "engine/capacity.h"

namespace mone::cpu {

void Staircase::reserve(int max_rows) {
  tiles_.reserve(max_rows);
  widths_.reserve(max_rows);
}

void Staircase::append(int row, int rows, int width, int tile_rows, bool even, int halvings) {
  const int count = (rows + tile_rows - 1) / tile_rows;
  for (int tile = 0; tile < count; ++tile) {
    const int share =
        even ? rows / count + (tile < rows % count) : std::min(tile_rows, rows - tile * tile_rows);
    tiles_.push_back({row, share, width, halvings});
    row += share;
  }
}

void Staircase::cut(int rows, int width, int tile_rows, bool even) {
  nested_ = false;
  tiles_.clear();
  append(0, rows, width, tile_rows, even);
}

void Staircase::cut(const RowPlan& plan, int width, int tile_rows, bool even) {
  if (plan.experts() == 1) return cut(plan.rows(), width, tile_rows, even);
  nested_ = true;
  tiles_.clear();
  widths_.resize(plan.rows());
  for (int expert = plan.experts() - 1; expert >= 0; --expert) {
    const int begin = plan.rows_from(expert + 1), end = plan.rows_from(expert);
    const int own = expert_width(expert, plan.experts(), width);
    std::fill(widths_.begin() + begin, widths_.begin() + end, own);
    if (even) append(begin, end - begin, own, tile_rows, even, plan.experts() - 1 - expert);
  }
  if (even) return;
  append(0, plan.rows(), width, tile_rows, even);
  for (RowTile& tile : tiles_) tile.width = widths_[tile.row];
}

}  // namespace mone::cpu
