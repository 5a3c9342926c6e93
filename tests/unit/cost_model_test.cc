#include "engine/budget/cost_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "engine/error.h"
#include "tests/unit/budget_costs.h"

namespace mone {
namespace {

/// 100 ms at budget 1, a tenth of that fixed; a full batch of 8 costs 20 % less per tubelet.
CostTable table() {
  CostTable t;
  t.experts = 4;
  t.max_batch = 8;
  for (std::size_t l = 0; l < kLadder.size(); ++l) {
    t.single[l] = .100 * (.1 + .9 * kLadder[l]);
    t.batch[l] = .8 * 8 * t.single[l];
  }
  t.read_out = .005;
  return t;
}

std::vector<CostItem> calls(double budget, int batch = 1) { return std::vector<CostItem>(batch, {budget}); }

void observe(CostModel& cost, double factor, int times, double budget = .5) {
  const CostModel measured(table());
  for (int i = 0; i < times; ++i) cost.observe(calls(budget), factor * measured.seconds(budget, 1));
}

TEST(CostModel, GivesWhatWasMeasured) {
  const CostModel cost(table());
  EXPECT_DOUBLE_EQ(cost.seconds(1, 1), .100);
  EXPECT_DOUBLE_EQ(cost.seconds(.5, 1), .055);
  EXPECT_DOUBLE_EQ(cost.seconds(.5, 8), .8 * 8 * .055);
  EXPECT_DOUBLE_EQ(cost.per_tubelet(.5, 8), .8 * .055);
  EXPECT_DOUBLE_EQ(cost.seconds(calls(.5, 8)), .8 * 8 * .055);
  EXPECT_EQ(cost.scale(), 1);
}

TEST(CostModel, IsLinearBetweenLevelsAndBatches) {
  const CostModel cost(table());
  EXPECT_NEAR(cost.seconds(.6, 1), .064, 1e-12);  // between .55 and .65
  EXPECT_NEAR(cost.seconds(1, 4.5), (.100 + .640) / 2, 1e-12);
  EXPECT_GT(cost.seconds(1, 16), cost.seconds(1, 8));
  EXPECT_DOUBLE_EQ(cost.seconds(.01, 1), cost.seconds(.125, 1));
  EXPECT_DOUBLE_EQ(cost.seconds(1, 1) + cost.further(1), cost.seconds(1, 2));
}

TEST(CostModel, ATubeletWithoutPredictionSavesTheReadOut) {
  const CostModel cost(table());
  for (const double budget : {.125, .5, 1.})
    EXPECT_NEAR(cost.seconds(budget, 1) - cost.per_tubelet(budget, 1, false), .005, 1e-12);
}

TEST(CostModel, MixedBatchesAreSumsOfShares) {
  const CostModel cost(table());
  const CostItem mixed[] = {{1}, {.25}, {.25, false}, {.5}};
  const double sum = cost.per_tubelet(1, 4) + cost.per_tubelet(.25, 4) + cost.per_tubelet(.25, 4, false) +
                     cost.per_tubelet(.5, 4);
  EXPECT_DOUBLE_EQ(cost.seconds(mixed), sum);
}

TEST(CostModel, RisesWithLevelAndBatchWhateverNoiseMeasured) {
  CostTable noisy = table();
  noisy.single[7] = noisy.single[5] / 2;
  noisy.batch[3] = noisy.single[3] / 2;
  CostModel cost(noisy);
  std::mt19937 random(1);
  std::lognormal_distribution<double> scatter(0, .3);
  for (int i = 0; i < 2000; ++i) {
    const double budget = kLadder[random() % 16];
    const int batch = 1 + static_cast<int>(random() % 8);
    cost.observe(calls(budget, batch), scatter(random) * cost.seconds(budget, batch));
    for (std::size_t l = 1; l < 16; ++l) {
      ASSERT_GE(cost.seconds(kLadder[l], 1), cost.seconds(kLadder[l - 1], 1));
      ASSERT_GE(cost.further(kLadder[l]), cost.further(kLadder[l - 1]));
      ASSERT_GT(cost.further(kLadder[l]), 0);
    }
  }
}

TEST(CostModel, OneOutlierMovesNothing) {
  CostModel cost(table());
  observe(cost, 1, 50);
  observe(cost, 10, 1);
  EXPECT_LT(cost.scale(), 1.01);
  observe(cost, 1, 5);
  observe(cost, .01, 1);
  EXPECT_GT(cost.scale(), .99);
}

TEST(CostModel, TwoSlowCallsInARowAreBelieved) {
  CostModel cost(table());
  observe(cost, 1, 50);
  observe(cost, 3, 2);
  EXPECT_NEAR(cost.scale(), 3, .1);
}

TEST(CostModel, ShortCallsMustBeSlowForAWhile) {
  CostTable small = table();
  for (std::size_t l = 0; l < 16; ++l) small.single[l] /= 100, small.batch[l] /= 100;
  CostModel cost(small);
  const double usual = cost.seconds(.5, 1);  // half a millisecond
  const auto calls_of = [&](int times, double factor) {
    for (int i = 0; i < times; ++i) cost.observe(calls(.5), factor * usual);
  };
  calls_of(2000, 1);
  calls_of(10, 3);  // another process had its turn
  EXPECT_LT(cost.scale(), 1.05);
  calls_of(10, 1);
  calls_of(31, 3);  // 51 ms
  EXPECT_NEAR(cost.scale(), 3, .1);
}

TEST(CostModel, GoodNewsIsBelievedAfterEight) {
  CostModel cost(table());
  observe(cost, 1, 50);
  observe(cost, 1 / 3., 4);
  EXPECT_GT(cost.scale(), .8);
  observe(cost, 1 / 3., 4);
  EXPECT_NEAR(cost.scale(), 1 / 3., .05);
}

TEST(CostModel, FollowsASlowDrift) {
  CostModel cost(table());
  for (int i = 0; i < 300; ++i) {
    const double true_factor = 1 + 2 * i / 300.;
    observe(cost, true_factor, 1);
    if (i > 2) {
      EXPECT_NEAR(cost.scale() / true_factor, 1, .12) << i;
    }
  }
}

TEST(CostModel, ScattersLessThanTheMachine) {
  CostModel cost(table());
  std::mt19937 random(3);
  std::normal_distribution<double> scatter(0, .08);
  double lowest = 2, highest = 0;
  for (int i = 0; i < 5000; ++i) {
    observe(cost, std::exp(scatter(random)), 1);
    if (i < 100) continue;
    lowest = std::min(lowest, cost.scale());
    highest = std::max(highest, cost.scale());
  }
  EXPECT_GT(lowest, .9);
  EXPECT_LT(highest, 1.2);
  EXPECT_NEAR(cost.noise(), .064, .02);  // mean absolute deviation of that normal
}

TEST(CostModel, LearnsALevelThatTheTableHasWrong) {
  CostTable wrong = table();
  wrong.single[8] = wrong.single[9];  // .5 measured as dear as .55
  CostModel cost(wrong);
  const CostModel truth(table());
  for (int i = 0; i < 3000; ++i) {
    const double budget = kLadder[i % 16];
    cost.observe(calls(budget), truth.seconds(budget, 1));
  }
  EXPECT_NEAR(cost.seconds(.5, 1) / truth.seconds(.5, 1), 1, .02);
  EXPECT_NEAR(cost.seconds(1, 1) / truth.seconds(1, 1), 1, .02);
}

TEST(CostModel, TubeletsWithoutAPredictionMoveNothing) {
  CostModel model(test::linear_costs(.010, .1, 1, 4, .99));
  const double noise = model.noise();
  for (int i = 0; i < 100; ++i) model.observe(std::vector<CostItem>{{1, false}}, 1e-5);
  EXPECT_EQ(model.scale(), 1);
  EXPECT_EQ(model.noise(), noise);
}

TEST(CostModel, IgnoresNonsense) {
  CostModel cost(table());
  cost.observe({}, 1);
  for (const double seconds : {0., -1., double{NAN}, HUGE_VAL}) cost.observe(calls(1), seconds);
  EXPECT_EQ(cost.observations(), 0);
  EXPECT_EQ(cost.scale(), 1);
}

TEST(CostModel, RefusesATableThatIsNone) {
  for (const double bad : {0., -1., double{NAN}, HUGE_VAL}) {
    CostTable t = table();
    t.single[3] = bad;
    EXPECT_THROW(CostModel{t}, ConfigError);
    t = table();
    t.batch[15] = bad;
    EXPECT_THROW(CostModel{t}, ConfigError);
  }
  CostTable t = table();
  t.max_batch = 0;
  EXPECT_THROW(CostModel{t}, ConfigError);
  t = table();
  t.read_out = NAN;
  EXPECT_THROW(CostModel{t}, ConfigError);
}

}  // namespace
}  // namespace mone
