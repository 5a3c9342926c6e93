/// Which slot of a piece of memory holds the picture of which sampled time. Pictures stay where they were
/// made.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace mone::cuda {

class PictureSlots {
 public:
  /// @param depth  sampled times that are remembered
  explicit PictureSlots(int depth) : depth_(static_cast<std::size_t>(depth)) {}
  std::size_t slots() const { return depth_ + 1; }

  /// A slot that no remembered time shows, for the picture that comes next.
  int load() {
    for (loaded_ = 0; std::find(shown_.begin(), shown_.end(), loaded_) != shown_.end();) ++loaded_;
    return loaded_;
  }
  /// The loaded picture stands for the next sampled time.
  void push() {
    if (shown_.size() == depth_) shown_.erase(shown_.begin());
    shown_.push_back(loaded_);
  }
  /// Of `back` sampled times ago, or of the oldest remembered one. push() comes first.
  int at(int back) const {
    const std::size_t newest = shown_.size() - 1;
    return shown_[newest - std::min(static_cast<std::size_t>(back), newest)];
  }
  void reset() { shown_.clear(); }

 private:
  std::size_t depth_;
  int loaded_ = 0;
  std::vector<int> shown_;  // the newest last
};

}  // namespace mone::cuda
