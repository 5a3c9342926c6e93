/// Rows cut into tiles, and how wide each row is.
#pragma once

#include <span>
#include <vector>

#include "engine/backend/onednn/kernels.h"
#include "engine/row_plan.h"

namespace mone::cpu {

class Staircase {
 public:
  /// Room for `max_rows` rows, so that cutting does not allocate.
  void reserve(int max_rows);

  /// Rows of a plan, sorted widest first; expert j is d_j = width 2^(j-E) wide.
  /// @param tile_rows  most rows of a tile
  /// @param even       every expert's rows in tiles of their own, of nearly equal height: a tile of `rows`
  /// costs max(rows, 3)
  ///                   times its width, so one that straddles two experts never pays (12 rows and 1 would
  ///                   waste half of a pass over the weights). Else tiles are cut from the first row on, all
  ///                   but the last full, each as wide as its first row.
  void cut(const RowPlan& plan, int width, int tile_rows, bool even);
  /// `rows` rows that are all `width` wide.
  void cut(int rows, int width, int tile_rows, bool even);

  std::span<const RowTile> tiles() const { return tiles_; }
  /// Width of each row; null if all are full.
  const int* widths() const { return nested_ ? widths_.data() : nullptr; }

 private:
  void append(int row, int rows, int width, int tile_rows, bool even, int halvings = 0);

  bool nested_ = false;
  std::vector<RowTile> tiles_;
  std::vector<int> widths_;
};

}  // namespace mone::cpu
