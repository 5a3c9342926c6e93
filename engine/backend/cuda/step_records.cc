#include "engine/backend/cuda/step_records.h"

#include <algorithm>

namespace mone::cuda {

bool StepRecords::Less::operator()(std::span<const int> a, std::span<const int> b) const {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
}

StepRecord* StepRecords::find(std::span<const int> shape) {
  const auto found = index_.find(shape);
  if (found == index_.end()) return nullptr;
  order_.splice(order_.begin(), order_, found->second);
  return &found->second->record;
}

StepRecord& StepRecords::add(std::span<const int> shape) {
  order_.push_front({{shape.begin(), shape.end()}, {}});
  index_[order_.front().shape] = order_.begin();
  if (order_.size() > limit_) {
    index_.erase(order_.back().shape);
    order_.pop_back();
  }
  return order_.front().record;
}

void StepRecords::clear() {
  index_.clear();
  order_.clear();
}

}  // namespace mone::cuda
