// What several threads share in the elements, driven without GLib, for the thread sanitizer.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "elements/latest_labels.h"
#include "elements/region_windows.h"

namespace mone {
namespace {

using namespace std::chrono_literals;

std::string tiny_model() { return MONE_GOLDEN_DIR "/fe_e3.safetensors"; }

EngineOptions reference() {
  EngineOptions options;
  options.backend = "reference";
  options.threads = 1;
  return options;
}

void run(int threads, const std::function<void(int)>& body) {
  std::vector<std::thread> all;
  for (int i = 0; i < threads; ++i) all.emplace_back(body, i);
  for (auto& t : all) t.join();
}

TEST(Threads, EnginesAreFoundAndMadeFromAll) {
  std::vector<std::shared_ptr<Engine>> engines(4);
  run(4, [&](int i) {
    engines[static_cast<std::size_t>(i)] = shared_engine(tiny_model(), reference()).value();
  });
  for (const auto& e : engines) EXPECT_EQ(e, engines[0]);
}

TEST(Threads, StreamsOfOneEngineRunTogetherWhileTheBudgetTurns) {
  const auto engine = shared_engine(tiny_model(), reference()).value();
  const std::vector<std::uint8_t> pixels(static_cast<std::size_t>(engine->model().config().tubelet_bytes()),
                                         90);
  StreamTerms terms;
  terms.live = false;
  const std::shared_ptr<Feed> turned = engine->new_feed(terms);
  run(4, [&](int i) {
    if (i == 3) {
      for (int k = 0; k < 200; ++k) {
        StreamTerms now = terms;
        now.budget_max = 0.2 + 0.8 * (k % 10) / 10;
        turned->set(now);
      }
      return;
    }
    const std::shared_ptr<Feed> own = engine->new_feed(terms);
    RegionWindows windows(engine, i == 0 ? turned : own, 0ms);
    for (int k = 1; k <= 30; ++k) {
      RegionTubelet in;
      in.tubelet = {pixels, 160ms * k - 80ms, 160ms * k, 6.25, 0};
      in.hop = 160ms;
      in.region = static_cast<unsigned>(k % 2);
      EXPECT_NE(windows.push(in).answer.prediction, nullptr);
    }
  });
}

TEST(Threads, LabelsPassFromTheAnalysisToTheVideo) {
  LatestLabels latest;
  int fresh = 0;
  run(2, [&](int i) {
    for (guint64 k = 1; k <= 2000; ++k) {
      if (i == 0) {
        ActionMeta action;
        action.window.window_end = k;
        action.window.max_gap = 5000;
        action.events = {{"new", "walk", 0, 1, k, k}};
        latest.put(std::move(action));
      } else {
        for (const ActionMeta& a : latest.at(3000)) fresh += a.fresh;
      }
    }
  });
  for (const ActionMeta& a : latest.at(3000)) fresh += a.fresh;
  EXPECT_GE(fresh, 1);
  EXPECT_TRUE(latest.at(9000).empty()) << "too old to carry on";
}

TEST(LatestLabels, EventsNobodySawStayAndGoOut) {
  LatestLabels latest;
  for (guint64 k : {10, 20}) {
    ActionMeta action;
    action.window.window_end = k;
    action.window.max_gap = 100;
    action.events = {{"new", "label", 0, 1, k, k}};
    latest.put(action);
  }
  EXPECT_TRUE(latest.at(15).empty()) << "not before its window has ended";
  auto first = latest.at(20);
  ASSERT_EQ(first.size(), 1u);
  EXPECT_TRUE(first[0].fresh);
  EXPECT_EQ(first[0].events.size(), 2u);
  auto second = latest.at(30);
  ASSERT_EQ(second.size(), 1u);
  EXPECT_FALSE(second[0].fresh);
  EXPECT_TRUE(second[0].events.empty());
  EXPECT_TRUE(latest.at(121).empty());
}

TEST(LatestLabels, AFrameWithoutATimeIsAsLateAsTheNewestLabel) {
  LatestLabels latest;
  for (guint region : {1, 2}) {
    ActionMeta action;
    action.window.region = region;
    action.window.window_end = 200 * region;
    action.window.max_gap = 100;
    latest.put(action);
  }
  const auto labels = latest.at(GST_CLOCK_TIME_NONE);
  ASSERT_EQ(labels.size(), 1u) << "region 1 has left";
  EXPECT_EQ(labels[0].window.region, 2u);
}

}  // namespace
}  // namespace mone
