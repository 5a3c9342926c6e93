#include "engine/budget/ladder.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "engine/capacity.h"
#include "engine/error.h"

namespace mone {
Ladder::Ladder(int experts) {
  if (experts < 1 || experts > kMaxExperts)
    throw ConfigError("a ladder for " + std::to_string(experts) + " experts; a model has 1 to " +
                      std::to_string(kMaxExperts));
  const double smallest = expert_share(0, experts);
  budgets_[size_++] = std::max(smallest, kLadder[0]);
  for (const double budget : kLadder)
    if (budget > budgets_[0]) budgets_[size_++] = budget;
  for (int step = 0, level = 0; step <= kSteps; ++step) {
    while (level + 1 < size_ && budgets_[level + 1] * kSteps <= step + kRounding) ++level;
    at_most_[step] = static_cast<signed char>(level);
  }
}

int Ladder::at_least(double budget) const {
  int level = size_ - 1;
  while (level > 0 && budgets_[level - 1] >= budget - kRounding / kSteps) --level;
  return level;
}

}  // namespace mone
