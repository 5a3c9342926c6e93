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
  if (cls == ClsRow::kApart)
    for (int item = 0; item < items_; ++item) segments_[item * (experts_ + 1)] = {next++, 1};
  for (int expert = experts_ - 1; expert >= 0; --expert) {
    for (int item = 0; item < items_; ++item) {
      const int count = counts[item][expert];
      segments_[item * (experts_ + 1) + experts_ - expert] = {next, count};
      next += count;
    }
    rows_from_[expert] = next;
  }
}

int RowPlan::expert_of(int row) const {
  int expert = experts_ - 1;
  while (row >= rows_from_[expert]) --expert;
  return expert;
}

}  // namespace mone
