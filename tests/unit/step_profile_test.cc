// Profiling counts what is done and changes nothing of it.
#include "engine/step_profile.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "engine/backend/profiled.h"
#include "engine/backend/registry.h"
#include "engine/cost.h"
#include "engine/vivit.h"
#include "tests/tiny_model.h"

namespace mone {
namespace {

double all_gmac(const StepProfile& profile) {
  return std::accumulate(profile.stages.begin(), profile.stages.end(), 0.0,
                         [](double sum, const StageCost& cost) { return sum + cost.gmac; });
}

const StageCost& cost_of(const StepProfile& profile, StepStage stage) {
  return profile.stages[static_cast<int>(stage)];
}

class Profile : public testing::TestWithParam<bool> {
 protected:
  std::shared_ptr<const Model> model() const {
    return Model::load(test::write_model(GetParam() ? test::tiny_joint() : test::tiny_fe())).value();
  }
};

TEST_P(Profile, CountsNoMoreThanTheMethodAndLessAtALowerBudget) {
  const auto profiler = StepProfiler::create(model(), {.dtype = DType::kF32, .threads = 2}).value();
  double last = 1e9;
  for (const double budget : {1.0, 0.5, 0.2}) {
    const StepProfile profile = profiler->profile(budget, {.streams = 2, .rounds_min = 3, .seconds_min = 0});
    EXPECT_EQ(profile.rounds, 3);
    // The last layer's shortcut saves some; class tokens are routed and sorted too.
    EXPECT_LE(all_gmac(profile), 2 * step_gmac(model()->config(), budget) * 1.01);
    EXPECT_GE(all_gmac(profile), 2 * step_gmac(model()->config(), budget) * 0.5);
    EXPECT_LT(all_gmac(profile), last);
    last = all_gmac(profile);
    EXPECT_EQ(cost_of(profile, StepStage::kTemporal).gmac > 0, !GetParam());
    for (const StepStage stage :
         {StepStage::kEmbed, StepStage::kRoute, StepStage::kExpand, StepStage::kContract, StepStage::kAttend})
      EXPECT_GT(cost_of(profile, stage).ms, 0) << to_name(stage);
    EXPECT_GT(profile.ms, 0);
    EXPECT_GT(profile.ms_median, 0);
    EXPECT_GE(profile.waiting_ms, 0);
    if (profiler->threads() > 1) {
      EXPECT_GT(profile.barriers, 0);
    }
  }
  EXPECT_THROW(profiler->profile(0, {}), ConfigError);
  EXPECT_THROW(profiler->profile(1, {.streams = 0}), ConfigError);
}

TEST_P(Profile, CountsTheBytesAndThePeakOfTheProductsOwnType) {
  const StepTimingOptions once{.streams = 1, .rounds_min = 1, .seconds_min = 0};
  const auto profile = [&](DType dtype) {
    EngineOptions options;
    options.backend = "reference";
    options.dtype = dtype;
    return StepProfiler::create(model(), options).value()->profile(1, once);
  };
  const StepProfile bf16 = profile(DType::kBf16), int8 = profile(DType::kInt8);
  // Weights, and the inputs of what follows a norm, are half as long.
  EXPECT_LT(cost_of(int8, StepStage::kExpand).mb, 0.9 * cost_of(bf16, StepStage::kExpand).mb);
  EXPECT_LT(cost_of(int8, StepStage::kContract).mb, cost_of(bf16, StepStage::kContract).mb);
  for (const StepStage stage : {StepStage::kEmbed, StepStage::kAttend})
    EXPECT_EQ(cost_of(int8, stage).mb, cost_of(bf16, stage).mb) << to_name(stage);
  EXPECT_EQ(cost_of(int8, StepStage::kAttend).peak, 0) << "not in int8";
}

TEST_P(Profile, LeavesEveryBitAsItIs) {
  const auto loaded = model();
  const auto backend = choose_backend(loaded->config(), {.threads = 2}).value();
  ProfiledBackend profiled(*backend);
  Vivit plain(*loaded, *backend), watched(*loaded, profiled);
  const auto pixels = test::random_tubelet(loaded->config(), 3);
  std::vector<float> logits[2];
  for (Vivit* network : {&plain, &watched}) {
    const std::vector<PixelRef> tubelets(network->tubelets_per_item(), {pixels.data()});
    const auto rows = network->make_rows(1);
    const Counts counts = network->counts(0.4);
    const RowRef output{rows.get(), 0};
    network->encode(tubelets, {&counts, 1}, {}, {&output, 1});
    const std::vector<RowRef> window(network->rows_per_window(), output);
    auto& answer = logits[network == &watched];
    answer.resize(loaded->config().C);
    network->predict(window, answer);
  }
  EXPECT_EQ(logits[0], logits[1]);
  EXPECT_FALSE(profiled.operations().empty());
}

INSTANTIATE_TEST_SUITE_P(Models, Profile, testing::Bool(),
                         [](const auto& instance) { return instance.param ? "joint" : "fe"; });

TEST(StepTimingOptions, OutOfRangeAreRefusedByWhoeverTimes) {
  const auto model = Model::load(test::write_model(test::tiny_fe())).value();
  const auto profiler = StepProfiler::create(model, {"reference", DType::kF32}).value();
  const auto engine = Engine::create(model, {"reference", DType::kF32}).value();
  for (const StepTimingOptions& options :
       {StepTimingOptions{0, 1, 0}, StepTimingOptions{1, 0, 0}, StepTimingOptions{1, 1, -1},
        StepTimingOptions{1, 1, NAN}, StepTimingOptions{1, 1, INFINITY}}) {
    EXPECT_THROW(profiler->profile(1, options), ConfigError) << options.seconds_min;
    EXPECT_THROW(time_step(*engine, 1, options), ConfigError) << options.seconds_min;
  }
}

}  // namespace
}  // namespace mone
