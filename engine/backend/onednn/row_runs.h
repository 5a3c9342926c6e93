/// The rows of each item of a plan, as runs of consecutive rows.
#pragma once

#include <span>
#include <vector>

#include "engine/backend/onednn/kernels.h"
#include "engine/row_plan.h"

namespace mone::cpu {

class RowRuns {
 public:
  void reserve(int max_items, int experts) {
    runs_.reserve(static_cast<std::size_t>(max_items) * (experts + 1));
    ends_.reserve(max_items);
  }

  void take(const RowPlan& plan) {
    runs_.clear();
    ends_.clear();
    for (int item = 0; item < plan.items(); ++item) {
      for (const Segment& segment : plan.segments(item))
        if (segment.count > 0) runs_.push_back({segment.begin, segment.count});
      ends_.push_back(runs_.size());
    }
  }

  std::span<const RowRun> operator[](int item) const {
    const std::size_t begin = item ? ends_[item - 1] : 0;
    return std::span(runs_).subspan(begin, ends_[item] - begin);
  }

 private:
  std::vector<RowRun> runs_;
  std::vector<std::size_t> ends_;
};

}  // namespace mone::cpu
