#include "engine/capacity.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace mone {
namespace {

/// c_j = exp(w_j / beta + lambda s_j) / Z, exponents shifted by their maximum.
Shares shares_at(double lambda, const Shares& preference, int experts) {
  Shares shares{};
  double largest = -HUGE_VAL;
  for (int j = 0; j < experts; ++j) {
    shares[j] = preference[j] + lambda * expert_share(j, experts);
    largest = std::max(largest, shares[j]);
  }
  double sum = 0;
  for (int j = 0; j < experts; ++j) sum += shares[j] = std::exp(shares[j] - largest);
  for (int j = 0; j < experts; ++j) shares[j] /= sum;
  return shares;
}

double effective_capacity(const Shares& shares, int experts) {
  double capacity = 0;
  for (int j = 0; j < experts; ++j) capacity += shares[j] * expert_share(j, experts);
  return capacity;
}

}  // namespace

double expert_share(int expert, int experts) { return std::ldexp(1.0, expert + 1 - experts); }
int expert_width(int expert, int experts, int width) { return width >> (experts - 1 - expert); }

Shares solve_capacity(double budget, int experts, const CapacityRule& rule) {
  if (!(budget >= 0))
    throw ConfigError("budget is " + std::to_string(budget) + "; it must be a number in (0, 1]");
  Shares all_in_one{};
  if (budget >= 1 || budget <= expert_share(0, experts)) {
    all_in_one[budget >= 1 ? experts - 1 : 0] = 1;
    return all_in_one;
  }

  Shares preference{};
  for (int j = 0; j < experts; ++j) {
    const double w = std::pow(rule.delta, j);
    preference[j] = (rule.w_form == WForm::kProd ? w : 1 / w) / rule.beta;
  }
  // The effective capacity grows with lambda; 200 halvings of the bracket leave nothing of it in f64.
  double low = -2000, high = 2000;
  const auto [least, most] = std::minmax_element(preference.begin(), preference.begin() + experts);
  const double steepest = (*most - *least) / expert_share(0, experts);  // lambda that turns the order round
  if (steepest > high / 2) low = -4 * steepest, high = 4 * steepest;
  for (int step = 0; step < 200; ++step) {
    const double middle = (low + high) / 2;
    (effective_capacity(shares_at(middle, preference, experts), experts) < budget ? low : high) = middle;
  }
  return shares_at((low + high) / 2, preference, experts);
}

Counts token_counts(double budget, int experts, int tokens, const CapacityRule& rule) {
  const Shares shares = solve_capacity(budget, experts, rule);
  Counts counts{};
  int left = tokens;
  for (int j = experts - 1; j > 0; --j) {
    counts[j] = static_cast<int>(std::floor(shares[j] * tokens + 1e-6));
    left -= counts[j];
  }
  counts[0] = left;
  return counts;
}

double realised_capacity(const Counts& counts, int experts) {
  double spent = 0;
  for (int j = 0; j < experts; ++j) spent += counts[j] * expert_share(j, experts);
  return spent / std::accumulate(counts.begin(), counts.end(), 0);
}

}  // namespace mone
