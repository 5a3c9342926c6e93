/// Small tables in device memory that follow from a plan: which rows an item has, where its segments begin,
/// where constant outputs lie. Equal contents share one copy, so a plan that comes again costs nothing.
#pragma once

#include <cstddef>
#include <cstring>
#include <list>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/backend/cuda/runtime.h"

namespace mone::cuda {

class Tables {
 public:
  using Handle = std::shared_ptr<const DeviceMemory>;

  /// @param limit  tables kept; the one used longest ago goes first, though a handle keeps its memory
  Tables(Runtime& runtime, std::size_t limit) : runtime_(runtime), limit_(limit) {}

  /// Device memory that holds `values`.
  template <class T>
  Handle get(std::span<const T> values) {
    return find(std::as_bytes(values));
  }
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::vector<std::byte> content;
    Handle memory;
  };
  using Entries = std::list<Entry>;

  Handle find(std::span<const std::byte> content);

  Runtime& runtime_;
  std::size_t limit_;
  Entries entries_;  // the last used first
  std::unordered_multimap<std::size_t, Entries::iterator> index_;
};

}  // namespace mone::cuda
