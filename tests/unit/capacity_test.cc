#include "engine/capacity.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

namespace mone {
namespace {

const CapacityRule kRule;

Counts counts(double budget, int tokens) { return token_counts(budget, 4, tokens, kRule); }

TEST(Capacity, GivesTheTokenCountsOfTheSpecification) {
  struct Row {
    double budget;
    Counts n196, n256, n3136;
  };
  const Row rows[] = {
      {0.15, {161, 34, 1, 0}, {210, 44, 2, 0}, {2561, 550, 25, 0}},
      {0.25, {97, 64, 29, 6}, {126, 84, 38, 8}, {1533, 1034, 471, 98}},
      {0.40, {62, 55, 46, 33}, {80, 72, 61, 43}, {965, 885, 749, 537}},
      {0.50, {46, 45, 49, 56}, {59, 60, 64, 73}, {713, 735, 787, 901}},
      {0.75, {17, 21, 38, 120}, {23, 27, 49, 157}, {257, 341, 608, 1930}},
      {0.95, {2, 3, 12, 179}, {3, 4, 15, 234}, {27, 50, 193, 2866}},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.budget);
    EXPECT_EQ(counts(row.budget, 196), row.n196);
    EXPECT_EQ(counts(row.budget, 256), row.n256);
    EXPECT_EQ(counts(row.budget, 3136), row.n3136);
  }
}

TEST(Capacity, GivesTheSharesOfTheSpecification) {
  const std::pair<double, Shares> rows[] = {
      {0.15, {.81634, .17553, .00812, .00002}}, {0.25, {.48847, .32985, .15041, .03127}},
      {0.40, {.30696, .28245, .23915, .17144}}, {0.50, {.22684, .23464, .25107, .28745}},
      {0.75, {.08157, .10887, .19396, .61561}}, {0.95, {.00817, .01602, .06168, .91413}},
  };
  for (const auto& [budget, expected] : rows) {
    const Shares shares = solve_capacity(budget, 4, kRule);
    for (int j = 0; j < 4; ++j)
      EXPECT_NEAR(shares[j], expected[j], 6e-6) << "budget " << budget << ", expert " << j;
  }
}

TEST(Capacity, AgreesWithTheTrainingCodeForEveryExpertCountAndForm) {
  std::ifstream file(MONE_GOLDEN_DATA "/capacities.json");
  const auto rows = nlohmann::json::parse(file);
  ASSERT_GT(rows.size(), 1000u);
  for (const auto& row : rows) {
    const auto expected = row[3].get<std::vector<int>>();
    const CapacityRule rule{10, 2, row[2] == "prod" ? WForm::kProd : WForm::kFrac};
    const int experts = static_cast<int>(expected.size());
    const Counts got = token_counts(row[0].get<double>(), experts, row[1].get<int>(), rule);
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), got.begin())) << row.dump();
  }
}

TEST(Capacity, SpendsTheBudgetExactlyBeforeRounding) {
  for (int experts = 2; experts <= 5; ++experts)
    for (double budget = expert_share(0, experts); budget <= 1; budget += 0.01) {
      const Shares shares = solve_capacity(budget, experts, kRule);
      double spent = 0, sum = 0;
      for (int j = 0; j < experts; ++j) spent += shares[j] * expert_share(j, experts), sum += shares[j];
      EXPECT_NEAR(spent, budget, 1e-9);
      EXPECT_NEAR(sum, 1, 1e-12);
    }
}

TEST(Capacity, SpendsTheBudgetHoweverStrongThePreference) {
  for (const auto& [beta, delta, experts] :
       {std::tuple{0.001, 2., 4}, {1e-6, 2., 4}, {10., 30., 4}, {10., 12., 5}, {1e-4, 30., 5}})
    for (const double budget : {.15, .25, .5, .9}) {
      CapacityRule rule = kRule;
      rule.beta = beta, rule.delta = delta;
      const Shares shares = solve_capacity(budget, experts, rule);
      double spent = 0;
      for (int j = 0; j < experts; ++j) spent += shares[j] * expert_share(j, experts);
      EXPECT_NEAR(spent, budget, 1e-3) << beta << " " << delta;
    }
}

TEST(Capacity, GivesEverythingToTheLargestExpertFromBudgetOneOn) {
  EXPECT_EQ(counts(1, 196), (Counts{0, 0, 0, 196}));
  EXPECT_EQ(counts(7, 196), (Counts{0, 0, 0, 196}));
}

TEST(Capacity, GivesEverythingToTheSmallestExpertBelowItsShare) {
  EXPECT_EQ(counts(0.125, 196), (Counts{196, 0, 0, 0}));
  EXPECT_EQ(counts(0, 196), (Counts{196, 0, 0, 0}));
}

TEST(Capacity, CountsSumToTheTokensEvenWithFewerTokensThanExperts) {
  for (int tokens = 1; tokens < 6; ++tokens)
    for (double budget = 0; budget <= 1; budget += 0.05) {
      const Counts k = counts(budget, tokens);
      EXPECT_EQ(std::accumulate(k.begin(), k.end(), 0), tokens);
    }
}

TEST(Capacity, RefusesBudgetsThatAreNoBudgets) {
  EXPECT_THROW(counts(std::nan(""), 196), ConfigError);
  EXPECT_THROW(counts(-0.1, 196), ConfigError);
}

TEST(Capacity, RealisedCapacityIsWhatTheCountsSpend) {
  EXPECT_DOUBLE_EQ(realised_capacity({46, 45, 49, 56}, 4), (46 / 8.0 + 45 / 4.0 + 49 / 2.0 + 56) / 196);
}

TEST(Capacity, ExpertsHaveNestedWidths) {
  EXPECT_EQ(expert_width(0, 4, 768), 96);
  EXPECT_EQ(expert_width(3, 4, 768), 768);
  EXPECT_EQ(expert_width(0, 1, 768), 768);
}

}  // namespace
}  // namespace mone
