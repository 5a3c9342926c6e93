/// Several predictions of one clip as one answer.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "engine/engine.h"
#include "engine/labels.h"

namespace mone {

inline std::vector<float> softmax_of(std::span<const float> logits) {
  std::vector<float> scores(logits.size());
  softmax(logits, scores);
  return scores;
}

/// Mean logits over the predictions that are not warming, else the last prediction's: many clips are shorter
/// than a window.
class MeanLogits {
 public:
  void add(const Prediction& prediction) {
    if (prediction.warming && count_) return;
    if (prediction.warming || !count_) sum_.assign(prediction.logits.size(), 0);
    for (std::size_t i = 0; i < sum_.size(); ++i) sum_[i] += prediction.logits[i];
    if (!prediction.warming) ++count_;
  }
  bool empty() const { return sum_.empty(); }
  /// Softmax of the mean.
  std::vector<float> scores() const {
    std::vector<float> mean(sum_.size());
    for (std::size_t i = 0; i < sum_.size(); ++i) mean[i] = static_cast<float>(sum_[i] / std::max(count_, 1));
    return softmax_of(mean);
  }

 private:
  std::vector<double> sum_;
  int count_ = 0;
};

}  // namespace mone
