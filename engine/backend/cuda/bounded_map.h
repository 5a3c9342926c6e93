/// What was made for a key and is worth keeping: the entry used longest ago goes first.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <utility>

namespace mone::cuda {

/// @tparam Key   ordered by Less; looked up by whatever Less compares with it
template <class Key, class Value, class Less = std::less<>>
class BoundedMap {
 public:
  explicit BoundedMap(std::size_t limit) : limit_(limit) {}

  /// The value of a key, the last used from now on; null if it was never there, or so long ago that it was
  /// dropped.
  template <class Like>
  Value* find(const Like& key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return nullptr;
    order_.splice(order_.begin(), order_, found->second);
    return &found->second->second;
  }
  /// The key must be new; may drop the entry used longest ago.
  Value& add(Key key, Value value) {
    order_.emplace_front(std::move(key), std::move(value));
    index_[order_.front().first] = order_.begin();
    if (order_.size() > limit_) {
      index_.erase(order_.back().first);
      order_.pop_back();
    }
    return order_.front().second;
  }
  void clear() {
    index_.clear();
    order_.clear();
  }
  std::size_t size() const { return order_.size(); }

 private:
  using Order = std::list<std::pair<Key, Value>>;
  std::size_t limit_;
  Order order_;  // the last used first
  std::map<Key, typename Order::iterator, Less> index_;
};

}  // namespace mone::cuda
