/// Steps that were recorded, by shape: a bounded cache. A shape is recorded when it comes for the second
/// time: the first time makes room for all that it needs.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "engine/backend/cuda/bounded_map.h"
#include "engine/backend/cuda/library.h"
#include "engine/backend/cuda/routing.h"
#include "engine/backend/cuda/runtime.h"

namespace mone::cuda {

struct StepRecord {
  OwnedGraph graph;
  bool seen = false;   ///< such a step has been run whole, so all its memory is there
  bool never = false;  ///< the host has a say in the middle of such steps
  std::vector<std::shared_ptr<const void>> kept;  ///< what the graph needs: tables, plans of libraries
  std::vector<std::pair<CudaRouting*, CudaRouting::Extent>> routings;  ///< what it fills
  std::vector<AttentionShape> attentions;  ///< of which plans must be there before it is recorded
};

struct ShapeLess {
  using is_transparent = void;
  bool operator()(std::span<const int> a, std::span<const int> b) const {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
  }
};

using StepRecords = BoundedMap<std::vector<int>, StepRecord, ShapeLess>;

}  // namespace mone::cuda
