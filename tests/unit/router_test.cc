#include "engine/router.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace mone {
namespace {

std::vector<int> assign(const std::vector<float>& probs, int experts, const Counts& counts,
                        bool* ok = nullptr) {
  std::vector<std::uint8_t> assigned(probs.size() / experts);
  AssignScratch scratch(static_cast<int>(assigned.size()));
  const bool finite = assign_experts(probs, experts, counts, assigned, scratch);
  if (ok) *ok = finite;
  return {assigned.begin(), assigned.end()};
}

TEST(Router, LargestExpertChoosesFirst) {
  // Token 0 is the best for both experts; the larger one gets it.
  EXPECT_EQ(assign({.0f, .45f, .55f,  //
                    .5f, .40f, .10f,  //
                    .7f, .20f, .10f},
                   3, {1, 1, 1}),
            (std::vector<int>{2, 1, 0}));
}

TEST(Router, EqualProbabilitiesGoToTheLowerTokenIndex) {
  EXPECT_EQ(assign(std::vector<float>(12, 0.25f), 2, {3, 3}), (std::vector<int>{1, 1, 1, 0, 0, 0}));
}

TEST(Router, AnUnderflowedProbabilityDoesNotTieWithAnAssignedToken) {
  // Tokens 0 and 1 went to expert 2; expert 1 must pick among tokens 2 and 3 although all of them have 0.
  EXPECT_EQ(assign({.0f, .0f, 1.f,  //
                    .0f, .0f, 1.f,  //
                    1.f, .0f, .0f,  //
                    1.f, .0f, .0f},
                   3, {1, 1, 2}),
            (std::vector<int>{2, 2, 1, 0}));
}

TEST(Router, NanRanksLastAndIsReported) {
  bool ok = true;
  const float nan = std::nanf("");
  EXPECT_EQ(assign({.9f, nan, .9f, .1f, .9f, .0f}, 2, {1, 2}, &ok), (std::vector<int>{0, 1, 1}));
  EXPECT_FALSE(ok);
}

TEST(Router, ExpertsWithoutTokensAreSkipped) {
  EXPECT_EQ(assign({.1f, .2f, .7f, .3f, .3f, .4f}, 3, {2, 0, 0}), (std::vector<int>{0, 0}));
  EXPECT_EQ(assign({.1f, .2f, .7f, .3f, .3f, .4f}, 3, {0, 0, 2}), (std::vector<int>{2, 2}));
}

/// Algorithm 1, as the paper writes it down.
std::vector<int> slow_assign(const std::vector<float>& probs, int experts, const Counts& counts) {
  std::vector<int> assigned(probs.size() / experts, -1);
  for (int j = experts - 1; j > 0; --j)
    for (int k = 0; k < counts[j]; ++k) {
      int best = -1;
      for (int i = 0; i < std::ssize(assigned); ++i)
        if (assigned[i] < 0 && (best < 0 || probs[i * experts + j] > probs[best * experts + j])) best = i;
      assigned[best] = j;
    }
  for (int& expert : assigned) expert = std::max(expert, 0);
  return assigned;
}

TEST(Router, AgreesWithThePlainAlgorithmOnRandomProbabilitiesWithTies) {
  std::mt19937 random(5);
  for (int round = 0; round < 200; ++round) {
    const int experts = 2 + static_cast<int>(random() % 4), tokens = 1 + static_cast<int>(random() % 60);
    std::vector<float> probs(experts * tokens);
    for (float& p : probs) p = static_cast<float>(random() % 8) / 8;  // few values, so many ties
    const Counts counts = token_counts((random() % 100) / 100.0, experts, tokens, {});
    EXPECT_EQ(assign(probs, experts, counts), slow_assign(probs, experts, counts));
  }
}

TEST(Router, EveryExpertGetsExactlyItsCountAtEveryBudget) {
  std::mt19937 random(6);
  std::vector<float> probs(4 * 196);
  for (float& p : probs) p = static_cast<float>(random()) / 4294967296.0f;
  for (const double budget : {.125, .15, .2, .25, .3, .35, .4, .45, .5, .55, .65, .75, .8, .85, .95, 1.0}) {
    const Counts counts = token_counts(budget, 4, 196, {});
    Counts got{};
    for (const int expert : assign(probs, 4, counts)) ++got[expert];
    EXPECT_EQ(got, counts);
  }
}

}  // namespace
}  // namespace mone
