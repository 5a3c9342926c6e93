#include "engine/labels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace mone {
namespace {

using namespace std::chrono_literals;

/// Logits whose softmax gives class `label` the score `p` and shares the rest.
std::vector<float> scores(int classes, int label, double p) {
  std::vector<float> x(static_cast<std::size_t>(classes),
                       static_cast<float>(std::log((1 - p) / (classes - 1))));
  x[static_cast<std::size_t>(label)] = static_cast<float>(std::log(p));
  return x;
}

TEST(Softmax, SumsToOneAndKeepsTheOrder) {
  const std::vector<float> x = {1000.f, 1001.f, 999.f};
  std::vector<float> p(3);
  softmax(x, p);
  EXPECT_NEAR(p[0] + p[1] + p[2], 1, 1e-6);
  EXPECT_NEAR(p[1], 0.66524, 1e-5);
}

TEST(Softmax, ValuesThatAreNotFiniteGetNothing) {
  std::vector<float> p(3);
  softmax(std::vector<float>{NAN, 0.f, INFINITY}, p);
  EXPECT_EQ(p, (std::vector<float>{0, 1, 0}));
  softmax(std::vector<float>{NAN, NAN, NAN}, p);
  EXPECT_EQ(p, (std::vector<float>{0, 0, 0}));
}

TEST(LabelTracker, ReportsTheTopLabelsBestFirstAndTiesByIndex) {
  LabelTracker tracker(4, {.top_k = 3});
  const auto& now = tracker.update(std::vector<float>{1, 2, 1, 0}, 0s, 2s);
  ASSERT_EQ(now.top.size(), 3u);
  EXPECT_EQ(now.top[0].label, 1);
  EXPECT_EQ(now.top[1].label, 0);
  EXPECT_EQ(now.top[2].label, 2);
}

TEST(LabelTracker, AsksForMoreLabelsThanThereAreAndGetsThemAll) {
  LabelTracker tracker(2, {.top_k = 10});
  EXPECT_EQ(tracker.update(std::vector<float>{1, 2}, 0s, 2s).top.size(), 2u);
}

TEST(LabelTracker, SmoothsOverSecondsWhateverTheRate) {
  LabelTracker often(2, {.smoothing = 1}), seldom(2, {.smoothing = 1});
  const auto low = scores(2, 0, 0.1), high = scores(2, 0, 0.9);
  often.update(low, 0s, 2s);
  seldom.update(low, 0s, 2s);
  for (int i = 1; i <= 10; ++i) often.update(high, 100ms * i, 2s + 100ms * i);
  const float a = often.update(high, 1s, 3s).top[0].score;
  const float b = seldom.update(high, 1s, 3s).top[0].score;
  EXPECT_NEAR(a, b, 1e-5);
  EXPECT_NEAR(a, 0.9 - 0.8 * std::exp(-1), 1e-5);
}

TEST(LabelTracker, WithoutSmoothingEachWindowStandsByItself) {
  LabelTracker tracker(2, {.smoothing = 0});
  tracker.update(scores(2, 0, 0.1), 0s, 2s);
  EXPECT_NEAR(tracker.update(scores(2, 0, 0.9), 0s, 2100ms).top[0].score, 0.9, 1e-6);
}

TEST(LabelTracker, BeginsAtOnGoesOnAboveOffAndEndsBelowIt) {
  LabelTracker tracker(3, {.smoothing = 0, .on = 0.6, .off = 0.4});
  EXPECT_TRUE(tracker.update(scores(3, 1, 0.5), 0s, 2s).events.empty());

  auto events = tracker.update(scores(3, 1, 0.7), 1s, 3s).events;
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, EventKind::kNew);
  EXPECT_EQ(events[0].label, 1);
  EXPECT_EQ(events[0].begin, 2s);
  EXPECT_EQ(events[0].end, 2s);

  events = tracker.update(scores(3, 1, 0.5), 2s, 4s).events;
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, EventKind::kUpdate);
  EXPECT_EQ(events[0].begin, 2s);
  EXPECT_EQ(events[0].end, 4s);

  const auto& now = tracker.update(scores(3, 1, 0.3), 3s, 5s);
  ASSERT_EQ(now.events.size(), 1u);
  EXPECT_EQ(now.events[0].kind, EventKind::kEnd);
  EXPECT_NEAR(now.events[0].score, 0.7, 1e-6) << "the highest it reached";
  EXPECT_EQ(now.events[0].begin, 2s);
  EXPECT_EQ(now.events[0].end, 4s);
  EXPECT_TRUE(now.active.empty());
}

TEST(LabelTracker, NoLabelBeginsOnAWindowThatIsNotFull) {
  LabelTracker tracker(3, {.smoothing = 0});
  const auto sure = scores(3, 1, 0.9);
  const auto& now = tracker.update(sure, 0s, 1s, true);
  EXPECT_TRUE(now.events.empty());
  EXPECT_TRUE(now.active.empty());
  EXPECT_EQ(now.top[0].label, 1);
  tracker.update(sure, 0s, 2s, false);
  ASSERT_EQ(now.events.size(), 1u);
  EXPECT_EQ(now.events[0].kind, EventKind::kNew);
}

TEST(LabelTracker, OneLabelEndsBeforeTheNextBegins) {
  LabelTracker tracker(2, {.smoothing = 0});
  tracker.update(scores(2, 0, 0.9), 0s, 2s);
  const auto& now = tracker.update(scores(2, 1, 0.9), 1s, 3s);
  ASSERT_EQ(now.events.size(), 2u);
  EXPECT_EQ(now.events[0].kind, EventKind::kEnd);
  EXPECT_EQ(now.events[1].kind, EventKind::kNew);
  ASSERT_EQ(now.active.size(), 1u);
  EXPECT_EQ(now.active[0].label, 1);
}

TEST(LabelTracker, AWindowAfterAGapStartsAfreshAndEndsWhatWasOn) {
  LabelTracker tracker(2, {.smoothing = 10});
  tracker.update(scores(2, 0, 0.9), 0s, 2s);
  const auto& now = tracker.update(scores(2, 1, 0.9), 5s, 7s);
  EXPECT_TRUE(now.restarted);
  ASSERT_EQ(now.events.size(), 2u);
  EXPECT_EQ(now.events[0].kind, EventKind::kEnd);
  EXPECT_EQ(now.events[0].end, 2s);
  EXPECT_NEAR(now.top[0].score, 0.9, 1e-6) << "no score from before the gap";
}

TEST(LabelTracker, WindowsThatAreShorterThanTheTimeBetweenThemGoOn) {
  LabelTracker tracker(2, {.smoothing = 0});
  EXPECT_EQ(tracker.update(scores(2, 0, 0.9), 0ms, 70ms, false, 130ms).events[0].kind, EventKind::kNew);
  for (int i = 1; i < 5; ++i) {
    const auto& now = tracker.update(scores(2, 0, 0.9), 130ms * i, 130ms * i + 70ms, false, 130ms);
    EXPECT_FALSE(now.restarted);
    ASSERT_EQ(now.events.size(), 1u);
    EXPECT_EQ(now.events[0].kind, EventKind::kUpdate);
  }
  EXPECT_TRUE(tracker.update(scores(2, 0, 0.9), 800ms, 870ms, false, 130ms).restarted) << "one is missing";
}

TEST(LabelTracker, TimeThatGoesBackStartsAfresh) {
  LabelTracker tracker(2, {});
  tracker.update(scores(2, 0, 0.9), 10s, 12s);
  EXPECT_TRUE(tracker.update(scores(2, 0, 0.9), 0s, 2s).restarted);
  EXPECT_FALSE(tracker.update(scores(2, 0, 0.9), 0s, 2100ms).restarted);
}

TEST(LabelTracker, ResetEndsWhatIsOnAtItsLastWindow) {
  LabelTracker tracker(2, {});
  tracker.update(scores(2, 0, 0.9), 0s, 2s);
  const auto events = tracker.reset();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, EventKind::kEnd);
  EXPECT_EQ(events[0].end, 2s);
  EXPECT_TRUE(tracker.reset().empty());
}

TEST(LabelTracker, ANewPolicyActsFromTheNextWindow) {
  LabelTracker tracker(2, {.smoothing = 0, .on = 0.95, .off = 0.1});
  EXPECT_TRUE(tracker.update(scores(2, 0, 0.9), 0s, 2s).events.empty());
  tracker.set_policy({.smoothing = 0, .on = 0.5, .off = 0.1});
  EXPECT_EQ(tracker.update(scores(2, 0, 0.9), 0s, 2100ms).events.size(), 1u);
}

TEST(LabelTracker, SaysWhatIsWrongWithAPolicy) {
  EXPECT_THROW(LabelTracker(2, {.top_k = 0}), ConfigError);
  EXPECT_THROW(LabelTracker(2, {.smoothing = -1}), ConfigError);
  EXPECT_THROW(LabelTracker(2, {.smoothing = NAN}), ConfigError);
  EXPECT_THROW(LabelTracker(2, {.on = 0.4, .off = 0.5}), ConfigError);
  EXPECT_THROW(LabelTracker(0, {}), ConfigError);
  LabelTracker tracker(2, {});
  EXPECT_THROW(tracker.update(std::vector<float>(3), 0s, 2s), ShapeError);
}

TEST(RegionLabels, RegionsDoNotMixAndOldOnesEnd) {
  RegionLabels labels(2, {.smoothing = 10});
  labels.update(1, scores(2, 0, 0.9), 0s, 2s);
  const auto& other = labels.update(7, scores(2, 1, 0.9), 0s, 2s);
  EXPECT_EQ(other.top[0].label, 1);
  labels.update(7, scores(2, 1, 0.9), 3s, 5s);
  const auto ended = labels.expire(5s, 2s);
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].region, 1u);
  ASSERT_EQ(ended[0].events.size(), 1u);
  EXPECT_EQ(ended[0].events[0].kind, EventKind::kEnd);
  EXPECT_EQ(labels.reset().size(), 1u);
}

}  // namespace
}  // namespace mone
