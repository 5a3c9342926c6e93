#include "engine/budget/water_fill.h"

#include <algorithm>

namespace mone {
namespace {

// Weights from .001 to 1000 make a range of eight millions times the lowest level: finer than any two budgets
// in that.
constexpr int kHalvings = 40;

}  // namespace

WaterFill::WaterFill(const CostModel& cost, double batch, int lanes)
    : cost_(cost), batch_(batch), stretch_(cost.overrun() / lanes) {
  for (int l = 0; l < cost.ladder().size(); ++l) {
    const double budget = cost.ladder().budget(l);
    seconds_[l] = stretch_ * cost.per_tubelet(budget, batch);
    read_out_[l] = seconds_[l] - stretch_ * cost.per_tubelet(budget, batch, false);
  }
}

int WaterFill::level(const Demand& demand, double common) const {
  return std::clamp(cost_.ladder().at_most(demand.weight * common), demand.lowest, demand.highest);
}

double WaterFill::budget(const Demand& demand, double common) const {
  return demand.fixed_budget > 0 ? demand.fixed_budget : cost_.ladder().budget(level(demand, common));
}

double WaterFill::read_out(const Demand& demand, double common) const {
  const double fixed = demand.fixed_budget;
  if (fixed <= 0) return read_out_[level(demand, common)];
  return stretch_ * (cost_.per_tubelet(fixed, batch_) - cost_.per_tubelet(fixed, batch_, false));
}

double WaterFill::seconds(const Demand& demand, double common, int hop) const {
  const double whole = demand.fixed_budget > 0 ? stretch_ * cost_.per_tubelet(demand.fixed_budget, batch_)
                                               : seconds_[level(demand, common)];
  return hop == 1 ? whole : whole - read_out(demand, common) * (1 - 1.0 / hop);
}

double WaterFill::load(std::span<const Demand> demands, double common, int hop) const {
  double sum = 0;
  for (const Demand& demand : demands) sum += demand.rate * seconds(demand, common, hop);
  return sum;
}

double WaterFill::read_out_share(std::span<const Demand> demands, double common) const {
  double sum = 0;
  for (const Demand& demand : demands) sum += demand.rate * read_out(demand, common);
  const double all = load(demands, common, 1);
  return all > 0 ? sum / all : 0;
}

double WaterFill::floor(std::span<const Demand> demands, const Ladder& ladder) {
  double common = 1;
  for (const Demand& demand : demands)
    common = std::min(common, ladder.budget(demand.lowest) / demand.weight);
  return common;
}

double WaterFill::ceiling(std::span<const Demand> demands, const Ladder& ladder) {
  double common = 0;
  for (const Demand& demand : demands)
    if (demand.fixed_budget == 0) common = std::max(common, ladder.budget(demand.highest) / demand.weight);
  return common > 0 ? common : 1;
}

double WaterFill::highest_within(std::span<const Demand> demands, double limit, int hop) const {
  double low = floor(demands, cost_.ladder()), high = ceiling(demands, cost_.ladder());
  if (load(demands, high, hop) <= limit) return high;
  for (int i = 0; i < kHalvings; ++i) {
    const double middle = (low + high) / 2;
    (load(demands, middle, hop) <= limit ? low : high) = middle;
  }
  return low;
}

void WaterFill::share_out(std::span<Demand> demands, double limit, double common, int hop) const {
  constexpr double kOpen = -1;
  for (Demand& demand : demands) demand.run = kOpen;
  double left = limit, share = 0;
  for (bool settled = false; !settled;) {  // each round settles those who ask for less than their share
    double weights = 0;
    for (const Demand& demand : demands)
      if (demand.run == kOpen) weights += demand.weight;
    if (weights == 0) break;
    share = std::max(left, 0.0) / weights;
    settled = true;
    for (Demand& demand : demands) {
      const double asked = demand.rate * seconds(demand, common, hop);
      if (demand.run != kOpen || asked > share * demand.weight) continue;
      demand.run = 1;
      left -= asked;
      settled = false;
    }
  }
  for (Demand& demand : demands)
    if (demand.run == kOpen)
      demand.run = share * demand.weight / (demand.rate * seconds(demand, common, hop));
}

}  // namespace mone
