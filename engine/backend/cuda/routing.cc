#include "engine/backend/cuda/routing.h"

#include <cstring>

namespace mone::cuda {

CudaRouting::CudaRouting(Runtime& runtime, int max_rows, int experts)
    : runtime_(runtime), experts_per_row_(experts) {
  const auto rows = static_cast<std::size_t>(max_rows);
  const What what{"routing", max_rows, experts};
  report_ = DeviceMemory(runtime, rows * (sizeof(int) + 1), what);  // an item has a row at least
  probs_ = DeviceMemory(runtime, rows * experts * sizeof(float), what);
  order_ = DeviceMemory(runtime, rows * sizeof(int), what);
  chosen_ = DeviceMemory(runtime, rows * sizeof(float), what);
  pinned_ = PinnedMemory(runtime, report_.bytes(), what);
}

void CudaRouting::fetch() const {
  if (fetched_) return;
  runtime_.wait({"routing", extent_.items, extent_.counted});
  fetched_ = true;
}

std::span<const std::uint8_t> CudaRouting::experts() const {
  fetch();
  return {reinterpret_cast<const std::uint8_t*>(pinned_.get()) + extent_.items * sizeof(int),
          static_cast<std::size_t>(extent_.items) * extent_.counted};
}

bool CudaRouting::finite() const {
  fetch();
  for (int item = 0; item < extent_.items; ++item) {
    int count;
    std::memcpy(&count, pinned_.get() + item * sizeof(int), sizeof(int));
    if (count) return false;
  }
  return true;
}

std::span<const float> CudaRouting::probs() const {
  if (!extent_.routed) return {};
  host_probs_.resize(static_cast<std::size_t>(extent_.items) * extent_.counted * experts_per_row_);
  runtime_.download(host_probs_.data(), probs_.as<>(), host_probs_.size() * sizeof(float), {"probabilities"});
  return host_probs_;
}

}  // namespace mone::cuda
