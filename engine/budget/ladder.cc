#include "engine/budget/ladder.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "engine/capacity.h"
#include "engine/error.h"

namespace mone {
namespace {

constexpr double kRounding = 1e-9;  // .15 and 3 * .05 are the same budget

}  // namespace

Ladder::Ladder(int experts) {
  if (experts < 1 || experts > kMaxExperts)
    throw ConfigError("a ladder for " + std::to_string(experts) + " experts; a model has 1 to " +
                      std::to_string(kMaxExperts));
  const double smallest = expert_share(0, experts);
  budgets_[size_++] = std::max(smallest, kLadder[0]);
  for (const double budget : kLadder)
    if (budget > budgets_[0]) budgets_[size_++] = budget;
}

int Ladder::at_most(double budget) const {
  int level = 0;
  while (level + 1 < size_ && budgets_[level + 1] <= budget + kRounding) ++level;
  return level;
}

int Ladder::at_least(double budget) const {
  int level = size_ - 1;
  while (level > 0 && budgets_[level - 1] >= budget - kRounding) --level;
  return level;
}

}  // namespace mone
