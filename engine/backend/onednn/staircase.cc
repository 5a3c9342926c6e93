#include "engine/backend/onednn/staircase.h"

#include "engine/capacity.h"

namespace mone::cpu {

void Staircase::reserve(int max_rows) {
  tiles_.reserve(max_rows);
  widths_.reserve(max_rows);
}

void Staircase::cut(int rows, int width, int tile_rows, bool even) {
  nested_ = false;
  tiles_.clear();
  if (rows == 0) return;
  const int count = (rows + tile_rows - 1) / tile_rows;
  for (int tile = 0, row = 0; tile < count; ++tile) {
    const int share = even ? rows / count + (tile < rows % count) : std::min(tile_rows, rows - row);
    tiles_.push_back({row, share, width});
    row += share;
  }
}

void Staircase::cut(const RowPlan& plan, int width, int tile_rows, bool even) {
  cut(plan.rows(), width, tile_rows, even);
  nested_ = plan.experts() > 1;
  if (!nested_) return;
  widths_.resize(plan.rows());
  for (int expert = plan.experts() - 1; expert >= 0; --expert)
    for (int row = plan.rows_from(expert + 1); row < plan.rows_from(expert); ++row)
      widths_[row] = expert_width(expert, plan.experts(), width);
  for (RowTile& tile : tiles_) tile.width = widths_[tile.row];
}

}  // namespace mone::cpu
