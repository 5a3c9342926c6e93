/// Budget -> how many tokens each expert takes (spec section 4.6). Depends on (N, budget) only, never on the
/// picture.
#pragma once

#include <array>

#include "engine/model_config.h"

namespace mone {

inline constexpr int kMaxExperts = 5;

/// One value per expert, smallest first; entries from the model's E on are 0.
using Shares = std::array<double, kMaxExperts>;
using Counts = std::array<int, kMaxExperts>;

/// Width share of expert `expert` (0 = smallest) of `experts`: 2^(expert + 1 - experts).
double expert_share(int expert, int experts);
/// Features of expert `expert`: d_j = D 2^(j-E).
int expert_width(int expert, int experts, int width);

/// How the shares are found: entropy weight beta, preference delta for larger experts, and its form.
struct CapacityRule {
  double beta = 10;
  double delta = 2;
  WForm w_form = WForm::kProd;
};

/// Shares c_j with sum c_j = 1 and sum c_j s_j = budget that maximise sum c_j w_j - beta sum c_j ln c_j.
/// @param budget  effective capacity in [0, inf): >= 1 gives the largest expert everything, <= 2^(1-E) the
/// smallest
/// @throws ConfigError if budget is NaN or negative
/// Source: Jain et al. 2024, arXiv:2407.19985, section 4; the closed form is ours.
Shares solve_capacity(double budget, int experts, const CapacityRule& rule);

/// Tokens per expert: floors from the largest down, the remainder to the smallest. Sums to `tokens`.
Counts token_counts(double budget, int experts, int tokens, const CapacityRule& rule);

/// sum k_j s_j / N: what the counts really spend.
double realised_capacity(const Counts& counts, int experts);

}  // namespace mone
