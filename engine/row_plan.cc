#include "engine/row_plan.h"

namespace mone {

RowPlan::RowPlan(int max_items, int experts) : experts_(experts) {
  segments_.reserve(static_cast<std::size_t>(max_items) * (experts + 1));
}

void RowPlan::lay_out(std::span<const Counts> counts, ClsRow cls) {
  items_ = static_cast<int>(counts.size());
  cls_ = cls;
  segments_.assign(counts.size() * (experts_ + 1), Segment{});
  rows_from_.fill(0);
  int next = 0;
  for (int expert = experts_ - 1; expert >= 0; --expert) {
    for (int item = 0; item < items_; ++item) {
      if (cls == ClsRow::kApart && expert == experts_ - 1) segments_[item * (experts_ + 1)] = {next++, 1};
      const int count = counts[item][expert];
      segments_[item * (experts_ + 1) + experts_ - expert] = {next, count};
      next += count;
    }
    rows_from_[expert] = next;
  }
}

bool RowPlan::even() const {
  for (int item = 0; item < items_; ++item) {
    int next = item * rows_per_item();
    for (const Segment& segment : segments(item)) {
      if (segment.count && segment.begin != next) return false;
      next += segment.count;
    }
  }
  return true;
}

int RowPlan::expert_of(int row) const {
  int expert = experts_ - 1;
  while (row >= rows_from_[expert]) --expert;
  return expert;
}

}  // namespace mone
