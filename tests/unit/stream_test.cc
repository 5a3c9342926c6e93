#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "engine/clip.h"
#include "engine/engine_impl.h"
#include "tests/backend_names.h"
#include "tests/tiny_model.h"

namespace mone {
namespace {

using testing::ElementsAreArray;
using testing::Not;

/// (backend, joint)
class StreamTest : public testing::TestWithParam<std::tuple<std::string, bool>> {
 protected:
  void SetUp() override {
    const auto& [backend, joint] = GetParam();
    const std::string path = test::write_model(joint ? test::tiny_joint() : test::tiny_fe());
    engine = Engine::create(Model::load(path).value(), {backend, DType::kF32, 0, true}).value();
    nt = engine->model().config().nt();
    stream = engine->new_stream();
    for (unsigned i = 0; i < 10; ++i) tubelets.push_back(test::random_tubelet(engine->model().config(), i));
  }
  /// Pushes tubelet `i` as the one of time step `i`.
  const Prediction& push(Stream& to, int i, double budget, double rate = 7.5) {
    return to.push({tubelets[i], Time(100 * i), Time(100 * i + 50), rate, i % 2}, budget);
  }
  std::vector<float> logits(Stream& to, int i, double budget) {
    const auto values = push(to, i, budget).logits;
    return {values.begin(), values.end()};
  }

  std::shared_ptr<Engine> engine;
  std::unique_ptr<Stream> stream;
  int nt = 0;
  std::vector<std::vector<std::uint8_t>> tubelets;
};

TEST_P(StreamTest, WarmsUpByRepeatingTheOldestTubelet) {
  const auto warm = engine->new_stream();
  for (int i = 0; i < nt - 1; ++i) EXPECT_TRUE(push(*warm, 0, 0.5).warming);
  const std::vector<float> full = logits(*warm, 0, 0.5);
  EXPECT_FALSE(push(*warm, 0, 0.5).warming);
  EXPECT_EQ(logits(*stream, 0, 0.5), full);  // one tubelet alone stands for a window full of it
}

TEST_P(StreamTest, ReuseEqualsRecomputingTheWindowWithItsStoredBudgets) {
  const double budgets[] = {1, 0.25, 0.5, 0.15, 0.75, 0.125, 0.95, 1, 0.3, 0.6};
  for (int i = 0; i < 10; ++i) {
    const std::vector<float> streamed = logits(*stream, i, budgets[i]);
    const auto fresh = engine->new_stream();
    std::vector<float> recomputed;
    for (int j = std::max(0, i - nt + 1); j <= i; ++j) recomputed = logits(*fresh, j, budgets[j]);
    EXPECT_EQ(streamed, recomputed) << "step " << i;  // to the bit
  }
}

TEST_P(StreamTest, AChangedBudgetActsOnTheNextTubelet) {
  push(*stream, 0, 1);
  const Prediction& low = push(*stream, 1, 0.25);
  EXPECT_EQ(low.budget, 0.25);
  EXPECT_LT(low.realised, 0.26);
  const int experts = engine->model().config().E;
  EXPECT_EQ(std::ssize(low.tokens_per_expert), experts);
  std::vector<int> counted(experts);
  for (const int expert : low.experts) ++counted[expert];
  EXPECT_THAT(counted, ElementsAreArray(low.tokens_per_expert));
  const Prediction& full = push(*stream, 2, 1);
  EXPECT_EQ(full.realised, 1);
  EXPECT_EQ(full.tokens_per_expert.back(), std::ssize(full.experts));
}

TEST_P(StreamTest, AWindowSaysWhereItBeginsAndEndsAndWhatItLacks) {
  for (int i = 0; i < nt; ++i) push(*stream, i, 0.5);
  const Prediction& prediction = push(*stream, nt, 0.5);
  EXPECT_EQ(prediction.window_begin, Time(100));
  EXPECT_EQ(prediction.window_end, Time(100 * nt + 50));
  EXPECT_EQ(prediction.frames_missing, (nt + 1) / 2);
  EXPECT_EQ(prediction.tubelets_missing, 0);
}

TEST_P(StreamTest, ASkippedTubeletCountsAsACopyOfTheOneBeforeIt) {
  const auto other = engine->new_stream();
  push(*stream, 0, 0.5), push(*other, 0, 0.5);
  stream->skip(Time(100), Time(150));
  push(*other, 0, 0.5);
  const Prediction& prediction = push(*stream, 2, 0.5);
  EXPECT_EQ(prediction.tubelets_missing, 1);
  EXPECT_THAT(prediction.logits, ElementsAreArray(push(*other, 2, 0.5).logits));
}

TEST_P(StreamTest, ATubeletThatIsNotPredictedCountsInTheNextPrediction) {
  const auto other = engine->new_stream();
  push(*stream, 0, 0.5), push(*other, 0, 0.5);
  StreamImpl* const self[] = {static_cast<StreamImpl*>(stream.get())};
  self[0]->begin({tubelets[1], Time(100), Time(150)}, 0.25, false);
  static_cast<EngineImpl&>(*engine).team().step(self);
  push(*other, 1, 0.25);
  EXPECT_EQ(logits(*stream, 2, 1), logits(*other, 2, 1));
}

TEST_P(StreamTest, SkippingBeforeTheFirstTubeletDoesNothing) {
  stream->skip(Time(0), Time(50));
  EXPECT_EQ(push(*stream, 0, 1).tubelets_missing, 0);
}

TEST_P(StreamTest, ResetForgetsTheWindow) {
  const std::vector<float> first = logits(*stream, 0, 0.5);
  for (int i = 1; i < 5; ++i) push(*stream, i, 1);
  EXPECT_NE(logits(*stream, 0, 0.5), first);
  stream->reset();
  EXPECT_EQ(logits(*stream, 0, 0.5), first);
  EXPECT_TRUE(push(*stream, 1, 0.5).warming);
}

TEST_P(StreamTest, SaysMixedRateWhileTheWindowHoldsTwoStrides) {
  for (int i = 0; i < nt; ++i) EXPECT_FALSE(push(*stream, i, 0.5, 7.5).mixed_rate);
  for (int i = 0; i < nt - 1; ++i) EXPECT_TRUE(push(*stream, i, 0.5, 5.0).mixed_rate);
  EXPECT_FALSE(push(*stream, 0, 0.5, 5.0).mixed_rate);
}

TEST_P(StreamTest, RefusesWrongSizesAndBudgetsAndGoesOnAsBefore) {
  const auto other = engine->new_stream();
  push(*stream, 0, 0.5), push(*other, 0, 0.5);
  const std::vector<std::uint8_t> small(5);
  EXPECT_THROW(stream->push({small}, 0.5), ShapeError);
  for (const double bad : {0.0, -1.0, 1.01, std::nan("")}) EXPECT_THROW(push(*stream, 1, bad), ConfigError);
  EXPECT_EQ(logits(*stream, 1, 0.5), logits(*other, 1, 0.5));
}

TEST_P(StreamTest, SeveralStreamsInOneBatchGetWhatTheyGetAlone) {
  const double budgets[] = {1, 0.25, 0.5};
  std::vector<std::unique_ptr<Stream>> batched, alone;
  for (int i = 0; i < 3; ++i) {
    batched.push_back(engine->new_stream());
    alone.push_back(engine->new_stream());
  }
  for (int step = 0; step < 3; ++step) {
    std::vector<StreamPush> pushes;
    for (int i = 0; i < 3; ++i) pushes.push_back({batched[i].get(), {tubelets[2 * i + step]}, budgets[i]});
    engine->push(pushes);
    for (int i = 0; i < 3; ++i) {
      const Prediction& expected = alone[i]->push({tubelets[2 * i + step]}, budgets[i]);
      EXPECT_THAT(pushes[i].prediction->logits, ElementsAreArray(expected.logits)) << "stream " << i;
      EXPECT_THAT(pushes[i].prediction->experts, ElementsAreArray(expected.experts));
    }
  }
}

TEST_P(StreamTest, ABatchWithABadPushMovesNoStream) {
  const auto other = engine->new_stream(), untouched = engine->new_stream();
  push(*stream, 0, 0.5), push(*untouched, 0, 0.5);
  StreamPush pushes[] = {{stream.get(), {tubelets[1]}, 0.5}, {other.get(), {tubelets[1]}, 7.0}};
  EXPECT_THROW(engine->push(pushes), ConfigError);
  StreamPush twice[] = {{stream.get(), {tubelets[1]}, 0.5}, {stream.get(), {tubelets[2]}, 0.5}};
  EXPECT_THROW(engine->push(twice), ConfigError);
  EXPECT_EQ(logits(*stream, 3, 0.5), logits(*untouched, 3, 0.5));
}

TEST_P(StreamTest, AControlMayChooseTheExperts) {
  const ModelConfig& c = engine->model().config();
  const Prediction& routed = push(*stream, 0, 0.5);
  const std::vector<float> expected(routed.logits.begin(), routed.logits.end());
  const std::vector<std::uint8_t> choice(routed.experts.begin(), routed.experts.end());
  const auto control = engine->new_stream();
  Tubelet tubelet{tubelets[0]};
  tubelet.experts = choice;
  if (std::get<1>(GetParam())) {
    EXPECT_THROW(control->push(tubelet, 0.5), ShapeError) << "a joint model routes the clip";
    return;
  }
  const Prediction& same = control->push(tubelet, 1);
  EXPECT_THAT(expected, ElementsAreArray(same.logits));
  EXPECT_THAT(choice, ElementsAreArray(same.experts));
  EXPECT_NEAR(same.realised, 0.5, 0.05) << "as the experts say, not as the budget";

  const std::vector<std::uint8_t> smallest(c.tokens(), 0);
  tubelet.experts = smallest;
  EXPECT_EQ(control->push(tubelet, 1).realised, 1.0 / (1 << (c.E - 1)));
  EXPECT_EQ(push(*control, 0, 1).realised, 1) << "the next one is the router's again";

  const std::vector<std::uint8_t> unknown(c.tokens(), c.E), few(c.tokens() - 1, 0);
  tubelet.experts = unknown;
  EXPECT_THROW(control->push(tubelet, 1), ConfigError);
  tubelet.experts = few;
  EXPECT_THROW(control->push(tubelet, 1), ShapeError);
  StreamPush mixed[] = {{stream.get(), {tubelets[1]}, 1}, {control.get(), {tubelets[1]}, 1}};
  mixed[0].tubelet.experts = smallest;
  EXPECT_THROW(engine->push(mixed), ConfigError);
}

INSTANTIATE_TEST_SUITE_P(Backends, StreamTest,
                         testing::Combine(testing::ValuesIn(test::backend_names()), testing::Bool()),
                         [](const auto& instance) {
                           return std::get<0>(instance.param) +
                                  (std::get<1>(instance.param) ? "_joint" : "_fe");
                         });

}  // namespace
}  // namespace mone
