/// Steps that were recorded, by shape: a bounded cache. A shape is recorded when it comes for the second
/// time: the first time makes room for all that it needs.
#pragma once

#include <list>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "engine/backend/cuda/routing.h"
#include "engine/backend/cuda/runtime.h"
#include "engine/backend/cuda/tables.h"

namespace mone::cuda {

struct StepRecord {
  OwnedGraph graph;
  bool seen = false;                   ///< such a step has been run whole, so all its memory is there
  bool never = false;                  ///< the host has a say in the middle of such steps
  std::vector<Tables::Handle> tables;  ///< what the graph reads
  std::vector<std::pair<CudaRouting*, CudaRouting::Extent>> routings;  ///< what it fills
};

class StepRecords {
 public:
  explicit StepRecords(std::size_t limit) : limit_(limit) {}

  /// The record of a shape, the last used from now on; null if it has not been seen, or so long ago that it
  /// was dropped.
  StepRecord* find(std::span<const int> shape);
  /// A new, empty record; may drop the one used longest ago.
  StepRecord& add(std::span<const int> shape);
  /// Forgets all of them: the memory that they name is about to go.
  void clear();
  std::size_t size() const { return order_.size(); }

 private:
  struct Entry {
    std::vector<int> shape;
    StepRecord record;
  };
  struct Less {
    using is_transparent = void;
    bool operator()(std::span<const int> a, std::span<const int> b) const;
  };
  std::size_t limit_;
  std::list<Entry> order_;  // the last used first
  std::map<std::span<const int>, std::list<Entry>::iterator, Less> index_;
};

}  // namespace mone::cuda
