#include <gst/check/gstharness.h>

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "elements/action_meta.h"
#include "elements/glue/segment.h"
#include "elements/glue/structure.h"
#include "tests/elements/support.h"

namespace mone {
namespace {

constexpr GstClockTime kHop = 100 * GST_MSECOND;
constexpr GstClockTime kWindow = 2 * GST_SECOND;

class MoneLabel : public testing::Test {
 protected:
  void start(const std::string& properties = "smoothing=0", const char* output = "application/x-json") {
    harness_.reset(gst_harness_new_parse(("monelabel " + properties).c_str()));
    label_ = gst_harness_find_element(harness_.get(), "monelabel");
    gst_object_unref(label_);
    bus_ = give_bus(harness_->element);
    if (output) gst_harness_set_sink_caps_str(harness_.get(), output);
    send_caps();
  }
  void send_caps() {
    gst_harness_set_src_caps_str(harness_.get(), MONE_SCORES_CAPS ", classes=3, model=m, model-hash=abc");
    ModelInfo info;
    info.labels = {"walk", "run", "w\xc3\xa4ve"};
    info.model = "m";
    info.model_hash = "abc";
    info.planes = "luma-motion";
    info.crop = "region";
    gst_harness_push_event(harness_.get(), new_model_event(info));
  }
  /// Scores of which `label` has the share `p`, for a window of two seconds that ends at `end`.
  static GstBuffer* scores(GstClockTime end, int label, double p, guint region = 0) {
    std::vector<float> logits(3, static_cast<float>(std::log((1 - p) / 2)));
    logits[static_cast<std::size_t>(label)] = static_cast<float>(std::log(p));
    GstBuffer* buffer = gst_buffer_new_memdup(logits.data(), logits.size() * sizeof(float));
    GST_BUFFER_PTS(buffer) = end;
    GST_BUFFER_DURATION(buffer) = kHop;
    ScoresMeta meta;
    meta.region = region;
    meta.box = {1, 2, 30, 40};
    meta.window_start = end - std::min(end, kWindow);
    meta.window_end = end;
    meta.max_gap = kWindow;
    meta.budget = 0.5;
    meta.realised = 0.48;
    meta.missing = 1;
    meta.mixed_rate = true;
    add_scores_meta(buffer, meta);
    return buffer;
  }
  std::string push(GstBuffer* buffer) {
    EXPECT_EQ(gst_harness_push(harness_.get(), buffer), GST_FLOW_OK);
    return pull();
  }
  std::string pull() {
    out_ = Owned<GstBuffer>::adopt(gst_harness_pull(harness_.get()));
    const BufferMap map(out_.get(), GST_MAP_READ);
    return {reinterpret_cast<const char*>(map.data()), map.size()};
  }
  std::vector<std::string> events() {
    std::vector<std::string> seen;
    for (const auto& m : messages(bus_.get(), GST_MESSAGE_ELEMENT)) {
      const GstStructure* s = gst_message_get_structure(m.get());
      if (gst_structure_has_name(s, "mone-label"))
        seen.push_back(std::string(gst_structure_get_string(s, "event")) + " " +
                       gst_structure_get_string(s, "label"));
    }
    return seen;
  }

  Harness harness_;
  GstElement* label_ = nullptr;
  Owned<GstBus> bus_;
  Owned<GstBuffer> out_;
};

using Strings = std::vector<std::string>;

/// A crop may reach beyond the picture; what applications cut out of it may not.
TEST_F(MoneLabel, MessagesAndLinesHaveTheBoxInTheFrameAndTheTrackersId) {
  start("smoothing=0");
  GstBuffer* in = scores(3 * GST_SECOND, 1, 0.9, 4);
  ScoresMeta meta = *get_scores_meta(in);
  meta.box = {51, -17, 300, 300};
  meta.source_width = 320;
  meta.source_height = 240;
  meta.upstream_id = 77;
  gst_buffer_remove_meta(in, &gst_buffer_get_custom_meta(in, "GstMoneScoresMeta")->meta);
  add_scores_meta(in, meta);
  const auto j = nlohmann::json::parse(push(in));
  EXPECT_EQ(j["upstream_id"], 77);
  EXPECT_EQ(get_action_metas(out_.get()).at(0).window.box, meta.box) << "where the experts lie";
  const auto told = messages(bus_.get(), GST_MESSAGE_ELEMENT);
  ASSERT_EQ(told.size(), 1u);
  const GstStructure* s = gst_message_get_structure(told[0].get());
  EXPECT_EQ((std::array{get_int(s, "x"), get_int(s, "y"), get_int(s, "width"), get_int(s, "height")}),
            (std::array{51, 0, 269, 240}));
  EXPECT_EQ(find_uint64(s, "upstream-id"), 77u);
}

TEST_F(MoneLabel, AJsonLineCarriesEverythingAboutItsLabel) {
  start("smoothing=0 top-k=2");
  const std::string line = push(scores(3 * GST_SECOND, 1, 0.9));
  EXPECT_EQ(line.back(), '\n');
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  const auto j = nlohmann::json::parse(line);
  EXPECT_EQ(j["label"], "run");
  EXPECT_NEAR(j["score"], 0.9, 1e-5);
  EXPECT_EQ(j["topk"].size(), 2u);
  EXPECT_EQ(j["start"], 1.0);
  EXPECT_EQ(j["end"], 3.0);
  EXPECT_EQ(j["budget"], 0.5);
  EXPECT_EQ(j["realised"], 0.48);
  EXPECT_EQ(j["missing"], 1);
  EXPECT_EQ(j["fresh"], true);
  EXPECT_EQ(j["warming"], false);
  EXPECT_EQ(j["mixed_rate"], true);
  EXPECT_EQ(j["region"], 0);
  EXPECT_EQ(j["box"]["width"], 30);
  EXPECT_EQ(j["model"], "m");
  EXPECT_EQ(j["model_hash"], "abc");
  EXPECT_EQ(j["planes"], "luma-motion");
  EXPECT_EQ(j["crop"], "region");
  EXPECT_FALSE(j.contains("upstream_id")) << "nobody gave one";
  EXPECT_FALSE(j["stream"].get<std::string>().empty());
  EXPECT_EQ(j["events"][0]["event"], "new");
  EXPECT_EQ(j["events"][0]["start"], 2.0);
  EXPECT_EQ(GST_BUFFER_PTS(out_.get()), 3 * GST_SECOND);
  EXPECT_EQ(GST_BUFFER_DURATION(out_.get()), kHop);
}

TEST_F(MoneLabel, AWindowThatStillFillsIsScoredButBeginsNoLabel) {
  start();
  GstBuffer* first = scores(kWindow / 4, 1, 0.9);
  ScoresMeta filling = *get_scores_meta(first);
  gst_buffer_remove_meta(first, gst_buffer_get_meta(first, gst_meta_get_info("GstMoneScoresMeta")->api));
  filling.warming = true;
  add_scores_meta(first, filling);
  const auto j = nlohmann::json::parse(push(first));
  EXPECT_EQ(j["warming"], true);
  EXPECT_EQ(j["label"], "run");
  EXPECT_TRUE(j["events"].empty());
  EXPECT_TRUE(events().empty());
}

TEST_F(MoneLabel, JsonComesFirstWhereDownstreamTakesAll) {
  start("smoothing=0", nullptr);
  EXPECT_EQ(push(scores(kWindow, 0, 0.9)).front(), '{');
}

TEST_F(MoneLabel, TextNamesWhatIsOnOrGuesses) {
  start("smoothing=0", "text/x-raw,format=utf8");
  EXPECT_EQ(push(scores(kWindow, 0, 0.93)), "walk 93%\n");
  EXPECT_EQ(push(scores(kWindow + kHop, 2, 0.4)), "w\xc3\xa4ve? 40%\n");
}

TEST_F(MoneLabel, ScoresPassWithTheLabelAsMeta) {
  start("smoothing=0", "application/x-mone-scores");
  push(scores(kWindow, 2, 0.9));
  EXPECT_EQ(gst_buffer_get_size(out_.get()), 3 * sizeof(float));
  const auto metas = get_action_metas(out_.get());
  ASSERT_EQ(metas.size(), 1u);
  EXPECT_EQ(metas[0].top.front().label, "w\xc3\xa4ve");
  EXPECT_EQ(metas[0].label_index, 2);
  EXPECT_EQ(metas[0].window.box, (Box{1, 2, 30, 40}));
  EXPECT_EQ(metas[0].active.size(), 1u);
}

TEST_F(MoneLabel, TheActionMetaIsReadableWithoutOurHeaders) {
  start();
  push(scores(kWindow, 0, 0.9));
  GstCustomMeta* meta = gst_buffer_get_custom_meta(out_.get(), "GstMoneActionMeta");
  ASSERT_NE(meta, nullptr);
  const GstStructure* s = gst_custom_meta_get_structure(meta);
  EXPECT_STREQ(gst_structure_get_string(s, "label"), "walk");
  guint64 end = 0;
  EXPECT_TRUE(gst_structure_get_uint64(s, "window-end", &end));
  EXPECT_EQ(end, kWindow);
}

TEST_F(MoneLabel, TheBusHearsWhatBeginsAndEnds) {
  start("smoothing=0 on=0.6 off=0.4");
  push(scores(kWindow, 0, 0.9));
  push(scores(kWindow + kHop, 0, 0.5));
  push(scores(kWindow + 2 * kHop, 1, 0.8));
  EXPECT_EQ(events(), (Strings{"new walk", "end walk", "new run"}));
  g_object_set(label_, "messages", 2, nullptr);
  push(scores(kWindow + 3 * kHop, 1, 0.8));
  EXPECT_EQ(events(), Strings{"update run"});
  push(scores(kWindow + 3 * kHop, 0, 0.55));  // "run" is .225: it ends while "walk" is the best
  const auto ended = messages(bus_.get(), GST_MESSAGE_ELEMENT);
  ASSERT_EQ(ended.size(), 1u);
  for (const auto& m : ended) {
    const GstStructure* s = gst_message_get_structure(m.get());
    EXPECT_STREQ(gst_structure_get_string(s, "label"), "run");
    EXPECT_EQ(get_int(s, "label-index"), 1);
    EXPECT_FALSE(gst_structure_has_field(s, "events"));
  }
  g_object_set(label_, "messages", 0, nullptr);
  push(scores(kWindow + 4 * kHop, 0, 0.8));
  EXPECT_TRUE(events().empty());
}

TEST_F(MoneLabel, MessagesSayWhenAsAPlayerCounts) {
  start("smoothing=0 on=0.6 off=0.4");
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.start = segment.position = 2 * GST_SECOND;  // an edit list, or MPEG-TS: the first frame is not at 0
  gst_harness_push_event(harness_.get(), gst_event_new_segment(&segment));
  push(scores(2 * GST_SECOND + kWindow, 0, 0.9));
  const auto all = messages(bus_.get(), GST_MESSAGE_ELEMENT);
  ASSERT_EQ(all.size(), 1u);
  const GstStructure* s = gst_message_get_structure(all[0].get());
  const guint64 start = get_uint64(s, "start", 7);
  EXPECT_GE(start, 2 * GST_SECOND);
  EXPECT_EQ(get_uint64(s, "stream-time", 7), start - 2 * GST_SECOND);

  // The segment goes on from 5 s, and a label of before ends in it: its start still has a time.
  segment.start = segment.position = 5 * GST_SECOND;
  segment.base = segment.time = 3 * GST_SECOND;
  gst_harness_push_event(harness_.get(), gst_event_new_segment(&segment));
  EXPECT_TRUE(events().empty()) << "nothing has to end";
  push(scores(5 * GST_SECOND, 1, 0.9));
  for (const auto& m : messages(bus_.get(), GST_MESSAGE_ELEMENT)) {
    const GstStructure* next = gst_message_get_structure(m.get());
    if (g_strcmp0(gst_structure_get_string(next, "event"), "end") != 0) continue;
    EXPECT_EQ(get_uint64(next, "start", 7), start);
    EXPECT_EQ(get_uint64(next, "stream-time", 7), start - 2 * GST_SECOND);
    return;
  }
  ADD_FAILURE() << "no end came";
}

TEST(Segments, OneThatGoesOnDoesSoAtAnyRate) {
  for (const double rate : {1.0, 1.5, 0.3, -1.0, -1.5}) {
    GstSegment a, b;
    gst_segment_init(&a, GST_FORMAT_TIME);
    a.rate = rate;
    a.start = 0, a.stop = 10 * GST_SECOND;
    b = a;
    const GstClockTime at = 3 * GST_SECOND + 1;  // reached there, and goes on from it
    b.base = gst_segment_to_running_time(&a, GST_FORMAT_TIME, at);
    (rate > 0 ? b.start : b.stop) = at;
    EXPECT_TRUE(continues(a, b)) << rate;
    (rate > 0 ? b.start : b.stop) += GST_MSECOND;
    EXPECT_FALSE(continues(a, b)) << rate;
  }
}

TEST_F(MoneLabel, EosEndsWhatIsOnInALastLine) {
  start();
  push(scores(kWindow, 0, 0.9));
  gst_harness_push_event(harness_.get(), gst_event_new_eos());
  const auto j = nlohmann::json::parse(pull());
  EXPECT_EQ(j["fresh"], false);
  EXPECT_EQ(j["events"][0]["event"], "end");
  EXPECT_EQ(j["events"][0]["end"], 2.0);
  EXPECT_EQ(events(), (Strings{"new walk", "end walk"}));
}

TEST_F(MoneLabel, FlushEndsWhatIsOnAndForgets) {
  start("smoothing=10");
  push(scores(kWindow, 0, 0.9));
  gst_harness_push_event(harness_.get(), gst_event_new_flush_start());
  gst_harness_push_event(harness_.get(), gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(harness_.get(), gst_event_new_segment(&segment));
  EXPECT_EQ(events(), (Strings{"new walk", "end walk"}));
  EXPECT_EQ(nlohmann::json::parse(push(scores(kWindow + kHop, 1, 0.9)))["label"], "run");
}

TEST_F(MoneLabel, ThresholdsChangedWhilePlayingActOnTheNextWindow) {
  start("smoothing=0 on=0.95");
  push(scores(kWindow, 0, 0.9));
  EXPECT_TRUE(events().empty());
  g_object_set(label_, "on", 0.6, nullptr);
  push(scores(kWindow + kHop, 0, 0.9));
  EXPECT_EQ(events(), Strings{"new walk"});
  g_object_set(label_, "on", 0.2, nullptr);
  push(scores(kWindow + 2 * kHop, 0, 0.9));
}

TEST_F(MoneLabel, ARegionThatLeavesEndsWhatWasOnThere) {
  start();
  push(scores(kWindow, 0, 0.9, 4));
  gst_harness_push(harness_.get(), scores(3 * kWindow, 1, 0.9, 5));
  const auto ended = nlohmann::json::parse(pull());
  EXPECT_EQ(ended["region"], 4);
  EXPECT_EQ(ended["events"][0]["event"], "end");
  EXPECT_EQ(nlohmann::json::parse(pull())["region"], 5);
  EXPECT_EQ(events(), (Strings{"new walk", "end walk", "new run"}));
}

TEST_F(MoneLabel, ARegionThatLeavesAnEmptyPictureEndsWithTimeAlone) {
  start();
  push(scores(kWindow, 0, 0.9, 4));
  gst_harness_push_event(harness_.get(), gst_event_new_gap(kWindow + kHop, kHop));
  EXPECT_EQ(gst_harness_buffers_in_queue(harness_.get()), 0u) << "it may come back";
  gst_harness_push_event(harness_.get(), gst_event_new_gap(2 * kWindow + kHop, kHop));
  const auto ended = nlohmann::json::parse(pull());
  EXPECT_EQ(ended["region"], 4);
  EXPECT_EQ(ended["events"][0]["event"], "end");
}

TEST_F(MoneLabel, AJumpInTimeEndsWhatWasOn) {
  start();
  push(scores(30 * kWindow, 0, 0.9, 4));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(harness_.get(), gst_event_new_segment(&segment));
  EXPECT_EQ(gst_harness_buffers_in_queue(harness_.get()), 0u) << "the same segment again";
  segment.base = 60 * kWindow;
  gst_harness_push_event(harness_.get(), gst_event_new_segment(&segment));
  EXPECT_EQ(nlohmann::json::parse(pull())["events"][0]["event"], "end");
  EXPECT_EQ(nlohmann::json::parse(push(scores(kWindow, 1, 0.9, 4)))["events"][0]["event"], "new");
}

TEST_F(MoneLabel, ALabelCarriesTheSourcesClock) {
  start();
  GstBuffer* buffer = scores(kWindow, 0, 0.9);
  const auto clock = Owned<GstCaps>::adopt(gst_caps_new_empty_simple("timestamp/x-ntp"));
  gst_buffer_add_reference_timestamp_meta(buffer, clock.get(), 100 * GST_SECOND, GST_CLOCK_TIME_NONE);
  const auto j = nlohmann::json::parse(push(buffer));
  EXPECT_EQ(j["reference"]["clock"], "timestamp/x-ntp");
  EXPECT_EQ(j["reference"]["end"], 100 * GST_SECOND);
  EXPECT_EQ(j["reference"]["start"], 98 * GST_SECOND);
}

TEST_F(MoneLabel, WorksAgainAfterEosAndFiftyStateCycles) {
  start();
  push(scores(kWindow, 0, 0.9));
  EXPECT_TRUE(gst_harness_push_event(harness_.get(), gst_event_new_eos()));
  EXPECT_EQ(events(), (Strings{"new walk", "end walk"}));
  while (GstBuffer* line = gst_harness_try_pull(harness_.get())) gst_buffer_unref(line);
  for (int i = 0; i < 50; ++i) {
    ASSERT_NE(gst_element_set_state(harness_->element, GST_STATE_NULL), GST_STATE_CHANGE_FAILURE);
    ASSERT_NE(gst_element_set_state(harness_->element, GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
  }
  gst_harness_push_event(harness_.get(), gst_event_new_stream_start("again"));
  send_caps();
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(harness_.get(), gst_event_new_segment(&segment));
  EXPECT_EQ(nlohmann::json::parse(push(scores(kWindow, 1, 0.9)))["label"], "run");
}

/// A model of one tubelet a window, and an engine that predicts at every second tubelet: the next prediction
/// comes when a window is over.
TEST_F(MoneLabel, PredictionsThatComeAsSeldomAsAWindowIsLongKeepTheirLabel) {
  start();
  for (int i = 0; i < 9; ++i) {
    GstBuffer* in = scores(kWindow + 2 * i * kHop + (i % 3 == 2), 0, 0.9);
    GST_BUFFER_DURATION(in) = 2 * kHop;
    ScoresMeta meta = *get_scores_meta(in);
    meta.max_gap = i % 2 ? kHop : 2 * kHop;
    gst_buffer_remove_meta(in, &gst_buffer_get_custom_meta(in, "GstMoneScoresMeta")->meta);
    add_scores_meta(in, meta);
    push(in);
    EXPECT_EQ(get_action_metas(out_.get()).at(0).window.max_gap, 3 * kHop) << "on frames it stays as long";
  }
  EXPECT_EQ(events(), Strings{"new walk"});
}

TEST_F(MoneLabel, ScoresOfAnotherSizeAreAnErrorAndNotACrash) {
  start();
  gst_harness_push(harness_.get(), gst_buffer_new_allocate(nullptr, 8, nullptr));
  EXPECT_EQ(messages(bus_.get(), GST_MESSAGE_ERROR).size(), 1u);
}

}  // namespace
}  // namespace mone
