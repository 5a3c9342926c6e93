// Who sets the budget, how the world is told, and several elements on one engine. Nothing here waits for a
// clock: arrival times are written on the tubelets.
#include <gst/check/gstharness.h>

#include <chrono>
#include <future>
#include <thread>

#include "engine/budget/controller.h"
#include "engine/engine_impl.h"
#include "engine/feed.h"
#include "tests/elements/support.h"

namespace mone {
namespace {

constexpr GstClockTime kHop = 160 * GST_MSECOND;

GstClockTime monotonic_now() {
  return static_cast<GstClockTime>(std::chrono::steady_clock::now().time_since_epoch().count());
}

/// The engine that elements with `kElement`'s properties share. Its costs are given: a full tubelet would
/// take a tenth of a millisecond.
std::shared_ptr<Engine> planned_engine() {
  EngineOptions options;
  options.backend = "reference";
  options.threads = 1;
  const auto engine = shared_engine(tiny_model(), options).value();
  CostTable costs;
  costs.experts = engine->model().config().E;
  costs.max_batch = 4;
  for (std::size_t i = 0; i < kLadder.size(); ++i) {
    costs.single[i] = 1e-4 * kLadder[i];
    costs.batch[i] = 3e-4 * kLadder[i];
  }
  engine->set_costs(costs);
  return engine;
}

std::string element(const std::string& more = "") {
  return "monevivit backend=reference threads=1 model=\"" + tiny_model() + "\" " + more;
}

/// A machine that is busy with other tests makes nobody late.
const std::string kPatient = "latency-target=20000000000";

/// One monevivit, fed by a camera (the harness says that it is live) or by a file.
class Fed {
 public:
  explicit Fed(bool live, const std::string& more = "") : format_(format_of(tiny_model())) {
    harness_.reset(gst_harness_new_parse(element(more).c_str()));
    vivit_ = Owned<GstElement>::adopt(gst_harness_find_element(harness_.get(), "monevivit"));
    bus_ = give_bus(harness_->element);
    if (!live) answer_not_live(harness_.get());
    gst_harness_set_src_caps(harness_.get(), tubelet_caps(format_).release());
  }
  GstElement* get() const { return vivit_.get(); }
  GstHarness* harness() const { return harness_.get(); }
  std::vector<Owned<GstMessage>> told(GstMessageType type) { return messages(bus_.get(), type); }

  /// Pushes tubelet `k`; its scores' meta, or nothing if there are none.
  std::optional<ScoresMeta> score(int k, double rate = 0, GstClockTime cut_at = 0) {
    TubeletMeta meta;
    meta.rate = rate;
    meta.cut_at = cut_at;
    EXPECT_EQ(gst_harness_push(harness_.get(),
                               new_tubelet(format_, k * kHop, kHop, static_cast<unsigned>(k), meta)),
              GST_FLOW_OK);
    const auto out = Owned<GstBuffer>::adopt(gst_harness_try_pull(harness_.get()));
    if (!out) return {};
    last_duration_ = GST_BUFFER_DURATION(out.get());
    return get_scores_meta(out.get());
  }
  double number(const char* property) const {
    double value = 0;
    g_object_get(vivit_.get(), property, &value, nullptr);
    return value;
  }
  std::string mode() const {
    gint value = -1;
    g_object_get(vivit_.get(), "budget-mode", &value, nullptr);
    return value == 0 ? "auto" : "fixed";
  }
  OwnedStructure stats() const {
    GstStructure* s = nullptr;
    g_object_get(vivit_.get(), "stats", &s, nullptr);
    return OwnedStructure(s);
  }
  guint64 count(const char* field) const {
    guint64 value = ~guint64{0};
    EXPECT_TRUE(gst_structure_get_uint64(stats().get(), field, &value)) << field;
    return value;
  }

 private:
  TubeletFormat format_;
  Harness harness_;
  Owned<GstElement> vivit_;
  Owned<GstBus> bus_;
  GstClockTime last_duration_ = 0;
};

TEST(MoneVivitBudget, IsAutomaticUntilItIsWritten) {
  const auto engine = planned_engine();
  Fed fed(false);
  EXPECT_EQ(fed.mode(), "auto");
  EXPECT_EQ(fed.score(1)->budget, 1) << "a file gets the largest";
  g_object_set(fed.get(), "budget", .4, nullptr);
  EXPECT_EQ(fed.mode(), "fixed");
  EXPECT_EQ(fed.score(2)->budget, .4);
  gst_util_set_object_arg(G_OBJECT(fed.get()), "budget-mode", "auto");
  EXPECT_EQ(fed.score(3)->budget, 1);
  EXPECT_EQ(fed.number("budget"), 1) << "in auto it tells the present one";
}

TEST(MoneVivitBudget, ItsBoundsMoveWhilePlaying) {
  const auto engine = planned_engine();
  Fed file(false), camera(true, kPatient);
  for (Fed* fed : {&file, &camera}) {
    EXPECT_EQ(fed->score(1)->budget, 1);
    g_object_set(fed->get(), "budget-max", .5, nullptr);
    EXPECT_EQ(fed->score(2)->budget, .5);
    EXPECT_EQ(fed->number("budget"), .5);
    g_object_set(fed->get(), "budget-min", .9, nullptr);
    EXPECT_EQ(fed->score(3)->budget, .5) << "the minimum is at most the maximum";
    g_object_set(fed->get(), "budget-max", 1.0, "stream-weight", .5, nullptr);
    EXPECT_GE(fed->score(4)->budget, .9);
  }
}

TEST(MoneVivitBudget, UtilisationIsTheEnginesAndTheLastWriterWins) {
  const auto engine = planned_engine();
  Fed a(true), b(true);
  g_object_set(a.get(), "utilisation", .5, nullptr);
  EXPECT_EQ(b.number("utilisation"), .5);
  g_object_set(b.get(), "utilisation", .7, nullptr);
  EXPECT_EQ(a.number("utilisation"), .7);
  EXPECT_EQ(engine->load().utilisation, .7);
}

TEST(MoneVivitBudget, ATubeletTooLateIsSkippedCountedAndTimeGoesOn) {
  const auto engine = planned_engine();
  Fed fed(true, kPatient);
  for (int k : {1, 2, 3}) ASSERT_TRUE(fed.score(k, 6.25, monotonic_now()));
  fed.told(GST_MESSAGE_QOS);
  while (GstEvent* event = gst_harness_try_pull_event(fed.harness())) gst_event_unref(event);
  EXPECT_FALSE(fed.score(4, 6.25, monotonic_now() - 100 * GST_SECOND));
  EXPECT_EQ(fed.count("skipped"), 1u);
  EXPECT_EQ(fed.count("processed"), 3u);

  const auto gap = Owned<GstEvent>::adopt(gst_harness_try_pull_event(fed.harness()));
  ASSERT_TRUE(gap);
  ASSERT_EQ(GST_EVENT_TYPE(gap.get()), GST_EVENT_GAP);
  GstClockTime at = 0;
  gst_event_parse_gap(gap.get(), &at, nullptr);
  EXPECT_EQ(at, 4 * kHop);
  const auto qos = fed.told(GST_MESSAGE_QOS);
  ASSERT_EQ(qos.size(), 1u);
  guint64 processed = 0, dropped = 0;
  gst_message_parse_qos_stats(qos[0].get(), nullptr, &processed, &dropped);
  EXPECT_EQ(processed, 3u);
  EXPECT_EQ(dropped, 1u);

  const auto next = fed.score(5, 6.25, monotonic_now());
  ASSERT_TRUE(next);
  EXPECT_EQ(next->missing, 1);
  EXPECT_FALSE(next->warming) << "the window goes on";
}

TEST(MoneVivitBudget, AChangeOfPlanIsAMessageForPeopleAndOneForPrograms) {
  const auto engine = planned_engine();
  Fed fed(true, kPatient);
  fed.score(1);
  g_object_set(fed.get(), "budget-max", .3, nullptr);
  fed.score(2);
  fed.score(3);
  const auto all = fed.told(GST_MESSAGE_ELEMENT);
  ASSERT_EQ(all.size(), 2u);
  const GstStructure* s = gst_message_get_structure(all[1].get());
  EXPECT_TRUE(gst_structure_has_name(s, "mone-budget"));
  double budget = 0, before = 0;
  gst_structure_get_double(s, "budget", &budget);
  gst_structure_get_double(s, "budget-before", &before);
  EXPECT_EQ(budget, .3);
  EXPECT_EQ(before, 1);
}

TEST(MoneVivitBudget, ADeadlineThatLowersEveryTubeletIsToldAsAPlanIs) {
  const auto engine = planned_engine();
  Fed fed(true, "latency-target=1");
  double last = 1;
  for (int k = 1; k <= 7; ++k) {
    const auto scores = fed.score(k, 6.25, monotonic_now());
    if (scores) last = scores->budget;
  }
  EXPECT_LT(last, .5);
  const auto all = fed.told(GST_MESSAGE_ELEMENT);
  ASSERT_EQ(all.size(), 1u) << "once, after about a second";
  double budget = 1;
  gst_structure_get_double(gst_message_get_structure(all[0].get()), "budget", &budget);
  EXPECT_LT(budget, .5);
  EXPECT_EQ(fed.number("budget"), last);
}

TEST(MoneVivitBudget, ABudgetIsToldOnlyOnceThereIsOne) {
  const auto engine = planned_engine();
  StreamTerms greedy;
  greedy.fixed = true;
  const auto feed = engine->new_feed(greedy);
  const auto window = engine->new_stream();
  Fed fed(true, kPatient);
  const std::vector<std::uint8_t> pixels(static_cast<std::size_t>(format_of(tiny_model()).bytes()));
  feed->run(*window, {{pixels, {}, {}, 1e5}});  // ten times what the engine can do: hops are wide
  EXPECT_FALSE(fed.score(1, 6.25, monotonic_now() - 100 * GST_SECOND));
  EXPECT_EQ(fed.count("skipped"), 1u);
  for (const auto& message : fed.told(GST_MESSAGE_ELEMENT)) {
    double budget = 0;
    gst_structure_get_double(gst_message_get_structure(message.get()), "budget", &budget);
    EXPECT_GE(budget, 0);
  }
}

TEST(MoneVivitBudget, NobodyWaitsWhileCostsAreTimedForAnother) {
  const char* cache = g_getenv("XDG_CACHE_HOME");
  const std::string before = cache ? cache : "";
  g_setenv("XDG_CACHE_HOME", "/dev/null", TRUE);  // nothing is kept there
  EngineOptions options;
  options.backend = "reference";
  options.threads = 1;
  const auto engine = shared_engine(tiny_model(), options).value();
  const auto vivit = Owned<GstElement>::adopt(gst_parse_launch(element().c_str(), nullptr));
  ASSERT_EQ(gst_element_set_state(vivit.get(), GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
  auto held = static_cast<EngineImpl&>(*engine).lock();
  std::thread other([&] { engine->new_feed({}); });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));  // it may be at it by now
  std::thread sets([&] { g_object_set(vivit.get(), "utilisation", .5, nullptr); });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  auto asks = std::async(std::launch::async, [&] {
    gint threads = 0;
    g_object_get(vivit.get(), "threads", &threads, nullptr);
    const auto pad = Owned<GstPad>::adopt(gst_element_get_static_pad(vivit.get(), "sink"));
    return threads == 1 && Owned<GstCaps>::adopt(gst_pad_query_caps(pad.get(), nullptr));
  });
  EXPECT_EQ(asks.wait_for(std::chrono::seconds(10)), std::future_status::ready);
  held.unlock();
  other.join();
  g_setenv("XDG_CACHE_HOME", before.c_str(), TRUE);
  sets.join();
  EXPECT_TRUE(asks.get());
  double utilisation = 0;
  g_object_get(vivit.get(), "utilisation", &utilisation, nullptr);
  EXPECT_EQ(utilisation, .5);
  gst_element_set_state(vivit.get(), GST_STATE_NULL);
}

TEST(MoneVivitBudget, StatsSayWhatWasAskedAndWhatItCost) {
  const auto engine = planned_engine();
  Fed fed(true, kPatient + " budget-max=0.5");
  for (int k : {1, 2, 3}) fed.score(k, 6.25, monotonic_now());
  const OwnedStructure s = fed.stats();
  for (const char* field : {"rate", "budget", "realised", "batch", "ms-per-tubelet", "ms-last", "ms-waited",
                            "engine-level", "engine-load", "engine-busy", "utilisation"})
    EXPECT_TRUE(gst_structure_has_field_typed(s.get(), field, G_TYPE_DOUBLE)) << field;
  for (const char* field : {"processed", "lost", "skipped", "not-predicted", "deadline-misses", "restarts"})
    EXPECT_TRUE(gst_structure_has_field_typed(s.get(), field, G_TYPE_UINT64)) << field;
  for (const char* field : {"hop", "queue", "engine-streams"})
    EXPECT_TRUE(gst_structure_has_field_typed(s.get(), field, G_TYPE_INT)) << field;
  double budget = 0, batch = 0;
  gst_structure_get_double(s.get(), "budget", &budget);
  gst_structure_get_double(s.get(), "batch", &batch);
  EXPECT_EQ(budget, .5);
  EXPECT_EQ(batch, 1);
}

TEST(MoneVivitBudget, DownstreamsQosLowersIt) {
  const auto engine = planned_engine();
  Fed fed(true, kPatient);
  EXPECT_EQ(fed.score(1, 6.25, monotonic_now())->budget, 1);
  gst_harness_push_upstream_event(fed.harness(), gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 3, 0, 2 * kHop));
  EXPECT_LT(fed.score(2, 6.25, monotonic_now())->budget, .5);
}

TEST(MoneVivitBudget, LatencyIsTheHopOrTheTarget) {
  const auto engine = planned_engine();
  Fed fed(true);
  const auto own = [&] { return gst_harness_query_latency(fed.harness()); };
  fed.score(1, 6.25, monotonic_now());
  EXPECT_EQ(own(), kHop);
  fed.told(GST_MESSAGE_LATENCY);
  fed.score(2, 6.2, monotonic_now());
  EXPECT_EQ(own(), kHop) << "jitter of the rate changes nothing";
  fed.score(3, 2.5, monotonic_now());
  EXPECT_EQ(own(), 400 * GST_MSECOND) << "night";
  EXPECT_EQ(fed.told(GST_MESSAGE_LATENCY).size(), 1u);
  g_object_set(fed.get(), "latency-target", 50 * GST_MSECOND, nullptr);
  EXPECT_EQ(own(), 50 * GST_MSECOND);
  EXPECT_EQ(fed.told(GST_MESSAGE_LATENCY).size(), 1u);
}

TEST(MoneVivitBudget, ElementsThatNameTheSameModelShareAnEngineAndComeAndGo) {
  const auto engine = planned_engine();
  Fed stays(false);
  std::vector<std::thread> others;
  for (int i = 0; i < 3; ++i)
    others.emplace_back([i] {
      for (int round = 0; round < 3; ++round) {
        Fed comes(i == 0);
        for (int k = 1; k <= 4; ++k) comes.score(k);
        if (i == 1) {  // one that breaks takes nobody with it
          gst_harness_push(comes.harness(), gst_buffer_new_allocate(nullptr, 7, nullptr));
          EXPECT_EQ(comes.told(GST_MESSAGE_ERROR).size(), 1u);
        }
      }
    });
  for (int k = 1; k <= 40; ++k) {
    const auto scores = stays.score(k);
    ASSERT_TRUE(scores);
    EXPECT_EQ(scores->missing, 0);
    EXPECT_EQ(scores->warming, k < 3);
  }
  for (auto& other : others) other.join();
  EXPECT_EQ(engine->load().streams, 1);
}

TEST(MoneVivitBudget, AConsumerThatBlocksHoldsUpItsOwnStreamOnly) {
  const auto engine = planned_engine();
  Fed blocked(false), free(false);
  const auto pad = Owned<GstPad>::adopt(gst_element_get_static_pad(blocked.get(), "src"));
  const gulong probe = gst_pad_add_probe(
      pad.get(), static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BLOCK | GST_PAD_PROBE_TYPE_BUFFER),
      [](GstPad*, GstPadProbeInfo*, gpointer) { return GST_PAD_PROBE_OK; }, nullptr, nullptr);
  std::thread pushes([&] { EXPECT_TRUE(blocked.score(1)); });
  for (int k = 1; k <= 20; ++k) EXPECT_TRUE(free.score(k));
  gst_pad_remove_probe(pad.get(), probe);
  pushes.join();
  EXPECT_EQ(free.count("processed"), 20u);
}

TEST(MoneVivitBudget, TermsTurnedFromSeveralThreadsEndAsTheLastOfThem) {
  const auto engine = planned_engine();
  Fed fed(false);
  std::vector<std::thread> turners;
  for (const char* property : {"budget-max", "stream-weight", "utilisation"})
    turners.emplace_back([&fed, property] {
      for (int i = 0; i < 50; ++i) g_object_set(fed.get(), property, .3 + .01 * (i % 20), nullptr);
      g_object_set(fed.get(), property, .5, nullptr);
    });
  for (int k = 1; k <= 20; ++k) EXPECT_TRUE(fed.score(k));
  for (auto& turner : turners) turner.join();
  EXPECT_EQ(fed.score(21)->budget, .5);
}

TEST(MoneVivitBudget, AnEngineGoesWithItsLastElement) {
  std::weak_ptr<Engine> watch = planned_engine();
  {
    Fed fed(true);
    fed.score(1);
  }
  EXPECT_TRUE(watch.expired());
}

}  // namespace
}  // namespace mone
