/// Where the rows of a batch stand once they are sorted by expert: largest expert first, once, for all
/// layers.
///
/// Rows with expert j or larger are a prefix of the batch, so a nested product is E ordinary products, each
/// on a prefix of the rows. An item is one attention set (a tubelet, a clip or a window); several items, of
/// several streams and at different budgets, may share a plan. The layout follows from token counts alone,
/// before any pixel is seen.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "engine/capacity.h"

namespace mone {

struct Segment {
  int begin = 0, count = 0;
};

/// What an item's class token is to the sorting.
enum class ClsRow {
  kNone,    ///< there is none (`gap`)
  kApart,   ///< largest expert, not counted: it stands before its item's other rows of that expert
  kCounted  ///< a row like any other; first of its expert's rows within its item
};

/// Order inside a batch: for each expert from the largest down: for each item: that item's rows in raster
/// order, a CLS row that stands apart before those of the largest expert. Raster order is row 0 = CLS (if
/// there is one), then tokens (spec section 0).
class RowPlan {
 public:
  /// Room for `max_items` items, so that lay_out() does not allocate.
  RowPlan(int max_items, int experts);

  /// @param counts  tokens per expert of each item, smallest first; the sums must be equal. Rows per item are
  /// that sum,
  ///                plus one for a CLS row that stands apart.
  void lay_out(std::span<const Counts> counts, ClsRow cls);

  int items() const { return items_; }
  int experts() const { return experts_; }
  int rows() const { return rows_from_[0]; }
  int rows_per_item() const { return items_ ? rows() / items_ : 0; }
  ClsRow cls() const { return cls_; }
  /// Rows [0, rows_from(j)) have expert j or larger; rows_from(experts()) is 0.
  int rows_from(int expert) const { return rows_from_[expert]; }
  /// Expert of a sorted row.
  int expert_of(int row) const;
  /// The item's rows: its CLS row standing apart (or an empty segment), then one segment per expert, largest
  /// first. Attention visits keys in this order, whoever shares the batch.
  std::span<const Segment> segments(int item) const {
    return std::span(segments_).subspan(static_cast<std::size_t>(item) * (experts_ + 1), experts_ + 1);
  }
  /// Whether item i's rows are i * rows_per_item() and those after it, in the order of its segments: so they
  /// are for any item alone, and in a batch at full budget.
  bool even() const;
  /// The item's rows of one expert, CLS rows standing apart not among them.
  Segment segment(int item, int expert) const { return segments(item)[experts_ - expert]; }

 private:
  int items_ = 0;
  int experts_;
  ClsRow cls_ = ClsRow::kNone;
  std::array<int, kMaxExperts + 1> rows_from_{};
  std::vector<Segment> segments_;  // [items, experts + 1]
};

}  // namespace mone
