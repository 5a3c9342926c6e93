// What happens to others when one misbehaves: streams with threads of their own on one engine. Nothing here
// asserts a time; levels must come back, counts must add up, and everything must end.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <thread>

#include "engine/engine.h"
#include "engine/feed.h"
#include "tests/load/competitor.h"
#include "tests/tiny_model.h"
#include "tests/unit/budget_costs.h"

namespace mone {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

/// What a thread saw of its stream.
struct Seen {
  std::atomic<long> answered{0}, predicted{0}, skipped{0}, late{0};
  std::atomic<double> budget{0};
};

/// Streams on one engine, as fast as they are told to be.
class Disturbance : public testing::Test {
 protected:
  static constexpr double kRate = 10;

  void SetUp() override {
    model_ = Model::load(test::write_model(test::tiny_fe())).value();
    pixels_ = test::random_tubelet(model_->config(), 1);
    EngineOptions options;
    options.backend = "reference";
    engine_ = Engine::create(model_, options).value();
  }
  /// Plans as if a tubelet took so long at budget 1.
  void pretend(double seconds) { engine_->set_costs(test::linear_costs(seconds, .1)); }

  void start(Seen& seen, double pace, milliseconds blocks = milliseconds(0)) {
    threads_.emplace_back([this, &seen, pace, blocks] {
      const auto feed = engine_->new_feed({});
      const auto window = engine_->new_stream();
      auto due = Clock::now();
      for (long k = 0; !stop_; ++k) {
        due += std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(1 / pace));
        std::this_thread::sleep_until(due);
        const Answer a = feed->run(*window, {{pixels_, Time(k * 100), Time(k * 100 + 50), kRate}});
        ++seen.answered;
        seen.predicted += a.prediction != nullptr;
        seen.skipped += a.verdict.skip;
        seen.late += a.late;
        seen.budget = a.verdict.budget;
        std::this_thread::sleep_for(blocks);
      }
    });
  }
  void stop() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    stop_ = false;
  }
  void TearDown() override { stop(); }

  std::shared_ptr<const Model> model_;
  std::vector<unsigned char> pixels_;
  std::shared_ptr<Engine> engine_;
  std::vector<std::thread> threads_;
  std::atomic<bool> stop_{false};
};

TEST_F(Disturbance, AFloodCostsTheOthersNeitherTubeletsNorTheirTurn) {
  Seen calm[3], flood;
  for (Seen& seen : calm) start(seen, kRate);
  std::this_thread::sleep_for(milliseconds(500));
  start(flood, 10 * kRate);
  std::this_thread::sleep_for(milliseconds(3000));
  stop();
  for (const Seen& seen : calm) {
    EXPECT_EQ(seen.skipped, 0);
    EXPECT_EQ(seen.predicted, seen.answered);
  }
  EXPECT_GT(flood.skipped, flood.answered / 2);  // runs at a quarter above its own rate, after a burst
  EXPECT_GT(flood.predicted, 0);
}

TEST_F(Disturbance, AConsumerThatBlocksHoldsUpItselfAlone) {
  Seen calm, blocked;
  start(calm, kRate);
  start(blocked, kRate, milliseconds(1500));
  std::this_thread::sleep_for(milliseconds(3200));
  stop();
  EXPECT_GE(blocked.answered, 1);
  EXPECT_GT(calm.answered, 5 * blocked.answered);
  EXPECT_EQ(calm.skipped, 0);
}

TEST_F(Disturbance, StreamsThatLeaveInTheMiddleOfACallTakeNothingWithThem) {
  Seen calm;
  start(calm, kRate);
  std::vector<std::thread> guests;
  std::atomic<long> visits{0};
  for (int g = 0; g < 4; ++g)
    guests.emplace_back([&] {
      while (!stop_) {
        auto feed = engine_->new_feed({});
        auto window = engine_->new_stream();
        feed->submit(*window, {{pixels_, Time(1), Time(2), kRate}});
        feed.reset();  // leaves with a tubelet in line or under way
        ++visits;
      }
    });
  std::this_thread::sleep_for(milliseconds(1500));
  stop_ = true;
  for (std::thread& guest : guests) guest.join();
  stop();
  EXPECT_GT(visits, 20);
  EXPECT_EQ(calm.predicted, calm.answered);
  EXPECT_EQ(engine_->load().streams, 0);
}

TEST_F(Disturbance, AMachineThatGetsFreeIsUsedAgain) {
  pretend(1);  // "slow": ten times as long as there is
  Seen seen;
  start(seen, kRate);
  std::this_thread::sleep_for(milliseconds(400));
  EXPECT_LT(seen.budget, 1);
  for (int i = 0; i < 300 && seen.budget < 1; ++i) std::this_thread::sleep_for(milliseconds(100));
  EXPECT_EQ(seen.budget, 1);  // the calls said otherwise
  stop();
  EXPECT_LT(engine_->load().scale, .5);
}

TEST_F(Disturbance, TheTermsMayChangeWhileEverybodyRuns) {
  Seen seen[3];
  std::vector<std::unique_ptr<Feed>> feeds;
  for (Seen& s : seen) start(s, 5 * kRate);
  const auto feed = engine_->new_feed({});
  for (int i = 0; i < 200; ++i) {
    StreamTerms terms;
    terms.weight = 1 + i % 3;
    terms.budget_min = .125 + .1 * (i % 4);
    terms.fixed = i % 5 == 0;
    feed->set(terms);
    engine_->set_utilisation(.3 + .1 * (i % 7));
    feed->qos(1 + .01 * i);
    std::this_thread::sleep_for(milliseconds(5));
  }
  stop();
  for (const Seen& s : seen) EXPECT_GT(s.answered, 0);
}

TEST_F(Disturbance, ArrivalsFromAClockThatJumpedAreAnswered) {
  const auto feed = engine_->new_feed({});
  const auto window = engine_->new_stream();
  const Time now = Clock::now().time_since_epoch();
  for (const auto jump :
       {std::chrono::hours(0), std::chrono::hours(-5), std::chrono::hours(5), std::chrono::hours(0)})
    for (int k = 0; k < 20; ++k) {
      const Answer a = feed->run(
          *window, {{pixels_, Time(k * 100), Time(k * 100 + 50), kRate}, now + jump + milliseconds(100 * k)});
      EXPECT_TRUE(a.verdict.skip || a.realised > 0);
    }
  std::this_thread::sleep_for(milliseconds(500));  // so many at once were a flood
  const Answer after = feed->run(*window, {{pixels_, Time(1), Time(2), kRate}});
  EXPECT_NE(after.prediction, nullptr);
}

TEST_F(Disturbance, CompetingProcessesStopNobodyAndAfterTheirEndBudgetsAreWhole) {
  pretend(.02);
  Seen seen[2];
  for (Seen& s : seen) start(s, kRate);
  std::this_thread::sleep_for(milliseconds(500));
  long before[2];
  {
    std::vector<std::unique_ptr<load::Competitor>> rivals;
    for (unsigned i = 0; i < 2 * std::thread::hardware_concurrency(); ++i)
      rivals.push_back(std::make_unique<load::Competitor>());
    std::this_thread::sleep_for(milliseconds(2000));
    for (int i = 0; i < 2; ++i) before[i] = seen[i].answered;
  }
  for (int i = 0; i < 300 && (seen[0].budget < 1 || seen[1].budget < 1); ++i)
    std::this_thread::sleep_for(milliseconds(100));
  stop();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(seen[i].budget, 1);
    EXPECT_GT(seen[i].answered, before[i]);
  }
}

}  // namespace
}  // namespace mone
