#include "engine/backend/host_routing.h"

#include <algorithm>

namespace mone {
namespace {

/// Rows of an item that are counted in N: all but a CLS row that stands apart.
int counted_rows(const RowPlan& plan) { return plan.rows_per_item() - (plan.cls() == ClsRow::kApart); }

}  // namespace

HostRouting::HostRouting(int max_rows, int experts) : experts_per_row_(experts), scratch_(max_rows) {
  probs_.reserve(static_cast<std::size_t>(max_rows) * experts);
  experts_.reserve(max_rows);
  order_.reserve(max_rows);
  chosen_.reserve(max_rows);
  counts_.reserve(max_rows);
}

std::span<float> HostRouting::begin(const RowPlan& plan, bool routed) {
  const std::size_t counted = static_cast<std::size_t>(plan.items()) * counted_rows(plan);
  probs_.resize(routed ? counted * experts_per_row_ : 0);
  experts_.resize(counted);
  return probs_;
}

void HostRouting::finish(const RowPlan& plan, std::span<const std::uint8_t> forced) {
  const int tokens = counted_rows(plan);
  finite_ = true;
  if (!forced.empty()) {
    std::copy(forced.begin(), forced.end(), experts_.begin());
  } else if (probs_.empty()) {
    std::fill(experts_.begin(), experts_.end(), static_cast<std::uint8_t>(plan.experts() - 1));
  } else {
    for (int item = 0; item < plan.items(); ++item) {
      Counts counts{};
      for (int j = 0; j < plan.experts(); ++j) counts[j] = plan.segment(item, j).count;
      const std::size_t at = static_cast<std::size_t>(item) * tokens;
      finite_ &=
          assign_experts(std::span(probs_).subspan(at * experts_per_row_,
                                                   static_cast<std::size_t>(tokens) * experts_per_row_),
                         experts_per_row_, counts, std::span(experts_).subspan(at, tokens), scratch_);
    }
  }
  sort(plan);
}

void HostRouting::sort(const RowPlan& plan) {
  const int apart = plan.cls() == ClsRow::kApart, tokens = counted_rows(plan);
  order_.resize(plan.rows());
  chosen_.resize(plan.rows());
  for (int item = 0; item < plan.items(); ++item) {
    const int first = item * (tokens + apart);
    if (apart) {
      const int cls = plan.segments(item)[0].begin;
      order_[cls] = first;
      chosen_[cls] = 0;
    }
    Counts next{};
    for (int j = 0; j < plan.experts(); ++j) next[j] = plan.segment(item, j).begin;
    for (int token = 0; token < tokens; ++token) {
      const std::size_t counted = static_cast<std::size_t>(item) * tokens + token;
      const int expert = experts_[counted];
      const int row = next[expert]++;
      order_[row] = first + apart + token;
      chosen_[row] = probs_.empty() ? 0 : probs_[counted * experts_per_row_ + expert];
    }
  }
}

void HostRouting::select_cls(const RowPlan& plan, const HostRouting* routing, RowPlan& cls_plan) {
  // One row per item; its expert is the largest one, or what the router chose where the class token is
  // counted.
  counts_.assign(plan.items(), Counts{});
  experts_.resize(plan.items());
  for (int item = 0; item < plan.items(); ++item) {
    int expert = plan.experts() - 1;
    if (plan.cls() == ClsRow::kCounted && routing) expert = routing->experts_[item * counted_rows(plan)];
    experts_[item] = static_cast<std::uint8_t>(expert);
    counts_[item][expert] = 1;
  }
  cls_plan.lay_out(counts_, ClsRow::kCounted);
  order_.resize(plan.items());
  chosen_.resize(plan.items());
  probs_.clear();
  for (int item = 0; item < plan.items(); ++item) {
    const int source = plan.cls() == ClsRow::kApart ? plan.segments(item)[0].begin
                                                    : plan.segment(item, experts_[item]).begin;
    const int row = cls_plan.segment(item, experts_[item]).begin;
    order_[row] = source;
    chosen_[row] = routing ? routing->chosen_[source] : 0;
  }
}

}  // namespace mone
