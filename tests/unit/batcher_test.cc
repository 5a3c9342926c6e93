// Tubelets of several feeds through one batcher. Costs are given, not timed, and whoever should meet in one
// call is brought together by holding the engine's lock.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "engine/budget/controller.h"
#include "engine/engine_impl.h"
#include "engine/feed.h"
#include "tests/backend_names.h"
#include "tests/poison_backend.h"
#include "tests/tiny_model.h"

namespace mone {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAreArray;

Time now() { return std::chrono::steady_clock::now().time_since_epoch(); }

/// A second tubelet in a call costs half of the first.
CostTable costs(int max_batch, double one = 1e-6) {
  CostTable table;
  table.experts = 4;
  table.max_batch = max_batch;
  table.single.fill(one);
  table.batch.fill(one * (1 + .5 * (max_batch - 1)));
  return table;
}

/// Not live: nothing is late, so who goes together depends on who waits.
StreamTerms offline(double budget = .5, double weight = 1) {
  StreamTerms terms;
  terms.live = false;
  terms.fixed = true;
  terms.budget = budget;
  terms.weight = weight;
  return terms;
}

/// Live, and a busy machine makes it late by no test.
StreamTerms patient() {
  StreamTerms terms;
  terms.latency_target = 20s;
  return terms;
}

class BatcherTest : public testing::Test {
 protected:
  void SetUp() override { make(8); }
  void make(int max_batch, double one = 1e-6) {
    EngineOptions options{"reference", DType::kF32, 1, true};
    engine_ = Engine::create(Model::load(test::write_model(test::tiny_fe())).value(), options).value();
    engine_->set_costs(costs(max_batch, one));
    config_ = &engine_->model().config();
    pixels_.clear();
    for (unsigned i = 0; i < 12; ++i) pixels_.push_back(test::random_tubelet(*config_, i));
  }
  std::unique_lock<std::mutex> hold_engine() { return static_cast<EngineImpl&>(*engine_).lock(); }
  Submission submission(unsigned i, Time arrived = {}) const {
    return {{pixels_[i], Time(100 * i), Time(100 * i + 50), 7.5}, arrived};
  }
  static std::vector<float> floats(std::span<const float> s) { return {s.begin(), s.end()}; }

  std::shared_ptr<Engine> engine_;
  const ModelConfig* config_ = nullptr;
  std::vector<std::vector<std::uint8_t>> pixels_;
};

TEST_F(BatcherTest, AnswersWithWhatAPushAtThatBudgetSays) {
  const auto feed = engine_->new_feed(offline(.3));
  const auto fed = engine_->new_stream(), pushed = engine_->new_stream();
  for (unsigned i = 0; i < 6; ++i) {
    const Answer a = feed->run(*fed, submission(i));
    const Prediction& p = pushed->push(submission(i).tubelet, .3);
    ASSERT_NE(a.prediction, nullptr);
    EXPECT_THAT(a.prediction->logits, ElementsAreArray(p.logits));
    EXPECT_EQ(a.prediction->window_begin, p.window_begin);
    EXPECT_EQ(a.verdict.budget, .3);
    EXPECT_EQ(a.realised, p.realised);
    EXPECT_EQ(a.batch, 1);
    EXPECT_FALSE(a.late);
  }
  EXPECT_EQ(feed->view().processed, 6u);
}

TEST_F(BatcherTest, TubeletsThatWaitTogetherGoTogetherAtTheirOwnBudgetsWithTheSameBits) {
  const double budgets[] = {1, .25, .5, .8};
  std::vector<std::unique_ptr<Feed>> feeds;
  std::vector<std::unique_ptr<Stream>> streams, alone;
  for (const double budget : budgets) {
    feeds.push_back(engine_->new_feed(offline(budget)));
    streams.push_back(engine_->new_stream());
    alone.push_back(engine_->new_stream());
  }
  int most = 0;
  for (unsigned turn = 0; turn < 50 && (turn < 3 || most < 3); ++turn) {
    const unsigned step = turn % 3;
    {
      const auto held = hold_engine();
      for (std::size_t i = 0; i < 4; ++i) feeds[i]->submit(*streams[i], submission(3 * i + step));
    }
    for (std::size_t i = 0; i < 4; ++i) {
      const Answer a = feeds[i]->wait(*streams[i]);
      most = std::max(most, a.batch);
      const Prediction& p = alone[i]->push(submission(3 * i + step).tubelet, budgets[i]);
      EXPECT_THAT(a.prediction->logits, ElementsAreArray(p.logits)) << "stream " << i;
      EXPECT_THAT(a.prediction->experts, ElementsAreArray(p.experts));
    }
    if (step == 2)
      for (std::size_t i = 0; i < 4; ++i) streams[i]->reset(), alone[i]->reset();
  }
  EXPECT_GE(most, 3) << "some may go ahead, not time after time";
}

TEST_F(BatcherTest, RegionsOfOneFeedGoTogether) {
  const auto feed = engine_->new_feed(offline());
  std::vector<std::unique_ptr<Stream>> windows;
  for (int i = 0; i < 4; ++i) windows.push_back(engine_->new_stream());
  // Some may go ahead while the others are submitted; not time after time.
  int most = 0;
  for (unsigned step = 0; step < 50 && most < 3; ++step) {
    {
      const auto held = hold_engine();
      for (unsigned i = 0; i < 4; ++i) feed->submit(*windows[i], submission(i));
    }
    for (int i = 0; i < 4; ++i) {
      most = std::max(most, feed->wait(*windows[i]).batch);
      windows[i]->reset();
    }
  }
  EXPECT_GE(most, 3);
}

TEST_F(BatcherTest, WhoFloodsWaitsBehindItsOwnTubelets) {
  make(1);
  const auto flood = engine_->new_feed(offline()), calm = engine_->new_feed(offline());
  std::vector<std::unique_ptr<Stream>> windows;
  for (int i = 0; i < 8; ++i) windows.push_back(engine_->new_stream());
  const auto window = engine_->new_stream();
  const Time arrived = now();
  {
    const auto held = hold_engine();
    for (unsigned i = 0; i < 8; ++i) flood->submit(*windows[i], submission(i, arrived));
    calm->submit(*window, submission(9, arrived));
  }
  const Time calm_waited = calm->wait(*window).waited;
  int after = 0;
  for (int i = 0; i < 8; ++i) after += flood->wait(*windows[i]).waited > calm_waited;
  EXPECT_GE(after, 6) << "one may have been under way, one may be as entitled";
}

TEST_F(BatcherTest, WeightIsTheShareOfTurns) {
  make(1);
  const auto light = engine_->new_feed(offline(.5, 1)), heavy = engine_->new_feed(offline(.5, 3));
  std::vector<std::unique_ptr<Stream>> windows;
  for (int i = 0; i < 12; ++i) windows.push_back(engine_->new_stream());
  const Time arrived = now();
  {
    const auto held = hold_engine();
    for (unsigned i = 0; i < 6; ++i) light->submit(*windows[i], submission(i, arrived));
    for (unsigned i = 6; i < 12; ++i) heavy->submit(*windows[i], submission(i, arrived));
  }
  Time last_heavy{}, light_waited[6];
  for (int i = 0; i < 6; ++i) light_waited[i] = light->wait(*windows[i]).waited;
  for (int i = 6; i < 12; ++i) last_heavy = std::max(last_heavy, heavy->wait(*windows[i]).waited);
  const auto before = std::count_if(light_waited, light_waited + 6, [&](Time t) { return t < last_heavy; });
  EXPECT_LE(before, 3) << "six turns of weight 3 are two of weight 1, and one may have been under way";
}

TEST_F(BatcherTest, LiveFeedsGoBeforeOthers) {
  make(1);
  StreamTerms live;
  live.latency_target = 1h;
  const auto camera = engine_->new_feed(live), file = engine_->new_feed(offline(.5, 1e6));
  std::vector<std::unique_ptr<Stream>> windows;
  for (int i = 0; i < 4; ++i) windows.push_back(engine_->new_stream());
  const auto window = engine_->new_stream();
  camera->run(*window, submission(8));  // from here on its turn is after all of the file's
  const Time arrived = now();
  {
    const auto held = hold_engine();
    for (unsigned i = 0; i < 4; ++i) file->submit(*windows[i], submission(i, arrived));
    camera->submit(*window, submission(9, arrived));
  }
  const Time waited = camera->wait(*window).waited;
  int after = 0;
  for (int i = 0; i < 4; ++i) after += file->wait(*windows[i]).waited > waited;
  EXPECT_GE(after, 3);
}

TEST_F(BatcherTest, NobodyIsTakenIntoACallThatTheirCompanyWouldBeLateFor) {
  make(8, 1);  // a call of one takes a second, by the table: two would be late
  StreamTerms live;
  live.latency_target = 1300ms;
  std::vector<std::unique_ptr<Feed>> feeds;
  std::vector<std::unique_ptr<Stream>> windows;
  for (int i = 0; i < 4; ++i) {
    feeds.push_back(engine_->new_feed(live));
    windows.push_back(engine_->new_stream());
  }
  {
    const auto held = hold_engine();
    for (unsigned i = 0; i < 4; ++i) feeds[i]->submit(*windows[i], {{pixels_[i], {}, {}, .1}});
  }
  for (int i = 0; i < 4; ++i) EXPECT_LE(feeds[i]->wait(*windows[i]).batch, 1);
}

/// Whether the feed's tubelet has left the line, for a call or otherwise: its rate is known from then on.
bool goes(const Feed& feed) {
  for (int i = 0; i < 10000 && feed.view().rate == 0; ++i) std::this_thread::sleep_for(1ms);
  return feed.view().rate > 0;
}

TEST_F(BatcherTest, NobodyWaitsForTheCompanyOfItsOwnFeed) {
  make(8, 1000);  // by the table a call with two would save 500 s, and the next one comes within 10
  StreamTerms live;
  live.latency_target = 10h;
  const auto feed = engine_->new_feed(live);
  const auto window = engine_->new_stream();
  feed->submit(*window, {{pixels_[0], {}, {}, .1}});
  EXPECT_TRUE(goes(*feed));
}

TEST_F(BatcherTest, NobodyWaitsForAFeedThatHasLeft) {
  make(8, 1000);
  StreamTerms live;
  live.latency_target = 10h;
  auto gone = engine_->new_feed(live);
  const auto feed = engine_->new_feed(live);
  const auto its_window = engine_->new_stream(), window = engine_->new_stream();
  gone->run(*its_window, {{pixels_[0], {}, {}, .1}});
  feed->submit(*window, {{pixels_[1], {}, {}, .1}});
  std::this_thread::sleep_for(20ms);  // it may have begun to wait by then
  gone.reset();
  EXPECT_TRUE(goes(*feed));
}

TEST_F(BatcherTest, ATubeletFarTooLateIsSkippedAndItsSlotMarked) {
  const auto feed = engine_->new_feed(patient());
  const auto window = engine_->new_stream();
  ASSERT_NE(feed->run(*window, submission(0)).prediction, nullptr);
  const Answer late = feed->run(*window, submission(1, now() - 100s));
  EXPECT_TRUE(late.verdict.skip);
  EXPECT_EQ(late.prediction, nullptr);
  EXPECT_EQ(late.batch, 0);
  const Answer next = feed->run(*window, submission(2));
  ASSERT_NE(next.prediction, nullptr);
  EXPECT_EQ(next.prediction->tubelets_missing, 1);
  EXPECT_EQ(feed->view().skipped, 1u);
}

TEST_F(BatcherTest, TermsChangeWhileTubeletsFlow) {
  const auto feed = engine_->new_feed(patient());
  const auto window = engine_->new_stream();
  EXPECT_EQ(feed->run(*window, submission(0)).verdict.budget, 1) << "an idle machine gives all";
  StreamTerms terms = patient();
  terms.budget_max = .25;
  feed->set(terms);
  EXPECT_EQ(feed->run(*window, submission(1)).verdict.budget, .25);
  feed->set(offline(.6));
  EXPECT_EQ(feed->run(*window, submission(2)).verdict.budget, .6);
  terms.budget_min = 2;
  EXPECT_THROW(feed->set(terms), ConfigError);
  EXPECT_EQ(feed->run(*window, submission(3)).verdict.budget, .6);
  EXPECT_THROW(engine_->set_utilisation(0), ConfigError);
  engine_->set_utilisation(.5);
  EXPECT_EQ(engine_->load().utilisation, .5);
}

TEST_F(BatcherTest, MisuseIsSaidAtOnceAndChangesNothing) {
  const auto feed = engine_->new_feed(offline());
  const auto window = engine_->new_stream();
  const std::vector<std::uint8_t> small(5);
  EXPECT_THROW(feed->submit(*window, {{small}}), ShapeError);
  EXPECT_THROW(feed->wait(*window), ConfigError);
  {
    const auto held = hold_engine();
    feed->submit(*window, submission(0));
    EXPECT_THROW(feed->submit(*window, submission(1)), ConfigError);
  }
  EXPECT_NE(feed->wait(*window).prediction, nullptr);
  EXPECT_THROW(engine_->set_costs(costs(8)), ConfigError);
  make(8);
  EXPECT_THROW(engine_->set_costs(costs(8, 0)), ConfigError) << "no costs";
  CostTable plain = costs(8);
  plain.experts = 1;
  EXPECT_THROW(engine_->set_costs(plain), ConfigError) << "another model's";
  const auto other = engine_;
  make(8);
  const auto stranger = engine_->new_stream();
  EXPECT_THROW(feed->submit(*stranger, submission(1)), ConfigError);
}

TEST_F(BatcherTest, FeedsAndStreamsLeaveWithTubeletsInLineAndTheEngineWithTheLast) {
  auto feed = engine_->new_feed(offline()), other = engine_->new_feed(offline());
  auto a = engine_->new_stream(), b = engine_->new_stream(), c = engine_->new_stream();
  auto held = hold_engine();
  feed->submit(*a, submission(0));
  feed->submit(*b, submission(1));
  other->submit(*c, submission(2));
  std::thread leaves([&] {
    b.reset();
    feed.reset();
    a.reset();
  });
  held.unlock();
  leaves.join();
  EXPECT_NE(other->wait(*c).prediction, nullptr);
  const std::weak_ptr<Engine> watch = engine_;
  engine_.reset();
  c.reset();
  EXPECT_FALSE(watch.expired());
  other.reset();
  EXPECT_TRUE(watch.expired());
}

TEST(BatcherErrors, ATubeletThatBreaksACallFailsAlone) {
  const auto model = Model::load(test::write_model(test::tiny_fe())).value();
  const auto engine = std::make_shared<EngineImpl>(model, test::poison_backend());
  engine->set_costs(costs(8));
  auto good = test::random_tubelet(model->config(), 1), bad = test::random_tubelet(model->config(), 2);
  good[0] = 0;
  bad[0] = test::kPoison;
  std::vector<std::unique_ptr<Feed>> feeds;
  std::vector<std::unique_ptr<Stream>> windows;
  for (int i = 0; i < 4; ++i) {
    feeds.push_back(engine->new_feed(offline()));
    windows.push_back(engine->new_stream());
  }
  for (int step = 0; step < 4; ++step) {
    {
      const auto held = engine->lock();
      for (int i = 0; i < 4; ++i) {
        const auto& pixels = step == 2 && i == 2 ? bad : good;
        feeds[i]->submit(*windows[i], {{pixels, Time(100 * step), Time(100 * step + 50), 7.5}});
      }
    }
    std::vector<float> first;
    for (int i = 0; i < 4; ++i) {
      if (step == 2 && i == 2) {
        try {
          feeds[i]->wait(*windows[i]);
          FAIL() << "the poisoned tubelet was answered";
        } catch (const DeviceError& error) {
          EXPECT_NE(std::string(error.what()).find("poison"), std::string::npos) << error.what();
        }
        continue;
      }
      const Answer a = feeds[i]->wait(*windows[i]);
      ASSERT_NE(a.prediction, nullptr);
      const auto& logits = a.prediction->logits;
      if (first.empty()) first.assign(logits.begin(), logits.end());
      EXPECT_THAT(logits, ElementsAreArray(first)) << "stream " << i << ", step " << step;
    }
  }
  for (int i = 0; i < 4; ++i) EXPECT_EQ(feeds[i]->view().processed, i == 2 ? 3u : 4u) << "stream " << i;
}

}  // namespace
}  // namespace mone
