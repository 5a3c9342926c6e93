/// A batch's routing in device memory, and what the host gets to see of it.
#pragma once

#include <vector>

#include "engine/backend/backend.h"
#include "engine/backend/cuda/runtime.h"
#include "engine/backend/cuda/tables.h"

namespace mone::cuda {

class CudaRouting : public Routing {
 public:
  CudaRouting(Runtime& runtime, int max_rows, int experts);
  std::span<const std::uint8_t> experts() const override;
  std::span<const float> probs() const override;
  bool finite() const override;

  /// What the host knows of a routing without asking the device; follows from the plan.
  struct Extent {
    int items = 0, counted = 0;
    bool routed = false;
  };
  const Extent& extent() const { return extent_; }
  /// A routing of this extent is queued: what the host had is no longer valid.
  void begin(const Extent& extent) {
    extent_ = extent;
    fetched_ = false;
  }
  /// Bytes of not_finite and experts together, as they travel to the host.
  std::size_t report_bytes() const {
    return extent_.items * (sizeof(int) + static_cast<std::size_t>(extent_.counted));
  }

  // Device memory that route() fills: [items] NaN counts and then u8 [items, counted] experts in one piece;
  // the rest as AssignExperts has it.
  int* not_finite() const { return report_.as<int>(); }
  std::uint8_t* experts_memory() const { return report_.as<std::uint8_t>() + extent_.items * sizeof(int); }
  float* probs_memory() const { return probs_.as<float>(); }
  int* order_memory() const { return order_.as<int>(); }
  float* chosen_memory() const { return chosen_.as<float>(); }
  std::byte* report_on_host() const { return pinned_.get(); }

  /// Where gather() and contract() look: this routing's own memory, or tables of a selection.
  const int* order() const { return order_table_ ? order_table_->as<const int>() : order_memory(); }
  const float* chosen() const { return chosen_table_ ? chosen_table_->as<const float>() : chosen_memory(); }
  void use_tables(Tables::Handle order, Tables::Handle chosen) {
    order_table_ = std::move(order);
    chosen_table_ = std::move(chosen);
  }

 private:
  void fetch() const;

  Runtime& runtime_;
  int experts_per_row_;
  Extent extent_;
  DeviceMemory report_, probs_, order_, chosen_;
  Tables::Handle order_table_, chosen_table_;
  PinnedMemory pinned_;
  mutable bool fetched_ = false;
  mutable std::vector<float> host_probs_;
};

}  // namespace mone::cuda
