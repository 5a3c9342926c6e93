/// Routing for backends whose memory is the host's.
#pragma once

#include <vector>

#include "engine/backend/backend.h"
#include "engine/router.h"

namespace mone {

class HostRouting : public Routing {
 public:
  HostRouting(int max_rows, int experts);
  std::span<const std::uint8_t> experts() const override { return experts_; }
  std::span<const float> probs() const override { return probs_; }
  bool finite() const override { return finite_; }

  /// i32 [rows]: sorted row i is raster row order()[i] (of select_cls: sorted row of the plan it selected
  /// from).
  std::span<const int> order() const { return order_; }
  /// f32 [rows], sorted: probability of the chosen expert, 0 where the gate is 1.
  std::span<const float> chosen() const { return chosen_; }

  /// Room for the probabilities of the plan's counted rows; written by the backend, [items, counted rows, E].
  std::span<float> begin(const RowPlan& plan, bool routed);
  /// After the probabilities are in: assigns experts (or takes `forced`) and derives order and chosen.
  void finish(const RowPlan& plan, std::span<const std::uint8_t> forced);
  /// The CLS rows of `plan` as `cls_plan`; see Backend::select_cls.
  void select_cls(const RowPlan& plan, const HostRouting* routing, RowPlan& cls_plan);

 private:
  void sort(const RowPlan& plan);

  int experts_per_row_;
  bool finite_ = true;
  std::vector<float> probs_;
  std::vector<std::uint8_t> experts_;
  std::vector<int> order_;
  std::vector<float> chosen_;
  std::vector<Counts> counts_;
  AssignScratch scratch_;
};

}  // namespace mone
