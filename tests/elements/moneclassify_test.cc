#include <gst/check/gstharness.h>
#include <gst/video/video.h>

#include <atomic>
#include <chrono>
#include <map>
#include <thread>

#include "elements/action_meta.h"
#include "tests/elements/support.h"

namespace mone {
namespace {

/// What a probe at the end of a pipeline saw.
struct Seen {
  std::vector<GstClockTime> pts;
  std::vector<std::string> labels;  // of the frames that carry one, with their scores and times
  int fresh = 0;
};

/// A running pipeline whose element `out` is the last; it is looked at on its sink pad.
class Pipeline {
 public:
  explicit Pipeline(const std::string& line) {
    GError* error = nullptr;
    pipeline_ =
        Owned<GstElement>::adopt(GST_ELEMENT(gst_object_ref_sink(gst_parse_launch(line.c_str(), &error))));
    EXPECT_EQ(error, nullptr) << (error ? error->message : "");
    bus_ = Owned<GstBus>::adopt(gst_element_get_bus(pipeline_.get()));
    const auto out = child("out");
    const auto pad = Owned<GstPad>::adopt(gst_element_get_static_pad(out.get(), "sink"));
    gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_BUFFER, see, this, nullptr);
  }
  ~Pipeline() { gst_element_set_state(pipeline_.get(), GST_STATE_NULL); }

  Owned<GstElement> child(const char* name) {
    return Owned<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline_.get()), name));
  }
  GstStateChangeReturn set_state(GstState state) { return gst_element_set_state(pipeline_.get(), state); }
  GstElement* get() const { return pipeline_.get(); }

  /// Waits for the end or an error; the error's text, or "".
  std::string finish() {
    const auto message = Owned<GstMessage>::adopt(gst_bus_timed_pop_filtered(
        bus_.get(), 60 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
    if (!message) return "nothing came for a minute";
    return GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_ERROR ? error_text(message.get()) : "";
  }
  std::string play() {
    set_state(GST_STATE_PLAYING);
    return finish();
  }
  GstBus* bus() const { return bus_.get(); }
  const Seen& seen() const { return seen_; }
  void forget() { seen_ = {}; }

 private:
  static GstPadProbeReturn see(GstPad*, GstPadProbeInfo* info, gpointer self) {
    Seen& seen = static_cast<Pipeline*>(self)->seen_;
    GstBuffer* buffer = GST_PAD_PROBE_INFO_BUFFER(info);
    seen.pts.push_back(GST_BUFFER_PTS(buffer));
    for (const ActionMeta& a : get_action_metas(buffer)) {
      seen.labels.push_back(a.top.front().label + " " + std::to_string(a.top.front().score) + " " +
                            std::to_string(a.window.window_end) + (a.fresh ? " fresh" : ""));
      seen.fresh += a.fresh;
      EXPECT_LE(a.window.window_end, GST_BUFFER_PTS(buffer)) << "no label from the future";
    }
    return GST_PAD_PROBE_OK;
  }
  Owned<GstElement> pipeline_;
  Owned<GstBus> bus_;
  Seen seen_;
};

std::string source(int frames, const char* more = "") {
  return "videotestsrc pattern=ball num-buffers=" + std::to_string(frames) + more +
         " ! video/x-raw,format=I420,width=64,height=48,framerate=30/1 ! ";
}
std::string classify(const std::string& more) {
  return "moneclassify name=c backend=reference threads=1 model=\"" + tiny_model() + "\" " + more + " ! ";
}
const char* const kOut = "fakesink name=out sync=false";

TEST(MoneClassify, PassesEveryFrameInOrderAndLabelsThem) {
  Pipeline p(source(60) + classify("wait=always") + kOut);
  ASSERT_EQ(p.play(), "");
  ASSERT_EQ(p.seen().pts.size(), 60u);
  EXPECT_TRUE(std::is_sorted(p.seen().pts.begin(), p.seen().pts.end()));
  EXPECT_GE(p.seen().fresh, 10) << "two seconds at five to seven tubelets a second";
  EXPECT_GE(p.seen().labels.size(), 50u) << "frames in between carry the last label";
}

TEST(MoneClassify, TwoRunsThatWaitGiveTheSameLabels) {
  std::vector<std::string> runs[2];
  for (auto& run : runs) {
    Pipeline p(source(90) + classify("wait=always") + kOut);
    ASSERT_EQ(p.play(), "");
    run = p.seen().labels;
  }
  EXPECT_EQ(runs[0], runs[1]);
  EXPECT_FALSE(runs[0].empty());
}

TEST(MoneClassify, AFreshLabelRidesOnTheFrameThatCompletedItsWindow) {
  Pipeline p(source(60) + classify("wait=always") + kOut);
  ASSERT_EQ(p.play(), "");
  std::map<std::string, int> fresh;
  for (const auto& label : p.seen().labels)
    if (label.ends_with(" fresh")) {
      EXPECT_EQ(++fresh[label], 1);
    }
}

TEST(MoneClassify, AutoWaitsForAFileAndNotForACamera) {
  Pipeline file(source(30) + classify("") + kOut);
  ASSERT_EQ(file.play(), "");
  EXPECT_GT(file.seen().fresh, 3);
  EXPECT_FALSE(file.child("frames")) << "no queue, no thread";

  Pipeline camera(source(15, " is-live=true") + classify("") + kOut);
  ASSERT_EQ(camera.play(), "");
  EXPECT_EQ(camera.seen().pts.size(), 15u);
  const auto live = camera.child("frames");
  ASSERT_TRUE(live);
  const auto live_pad = Owned<GstPad>::adopt(gst_element_get_static_pad(live.get(), "sink"));
  EXPECT_TRUE(gst_pad_is_linked(live_pad.get()));
  camera.set_state(GST_STATE_NULL);
  EXPECT_FALSE(camera.child("frames")) << "the next stream may be a file";
}

/// splitmuxsrc and others do not say whether they are live.
TEST(MoneClassify, AFileOfWhichNobodySaysWhetherItIsLiveLosesNothing) {
  for (const char* wait : {"", "wait=always"}) {
    SCOPED_TRACE(wait);
    Pipeline p(source(60) + classify(wait) + kOut);
    const auto c = p.child("c");
    const auto sink = Owned<GstPad>::adopt(gst_element_get_static_pad(c.get(), "sink"));
    gst_pad_add_probe(
        sink.get(), GST_PAD_PROBE_TYPE_QUERY_UPSTREAM,
        [](GstPad*, GstPadProbeInfo* info, gpointer) {
          return GST_QUERY_TYPE(GST_PAD_PROBE_INFO_QUERY(info)) == GST_QUERY_LATENCY ? GST_PAD_PROBE_DROP
                                                                                     : GST_PAD_PROBE_OK;
        },
        nullptr, nullptr);
    ASSERT_EQ(p.play(), "");
    EXPECT_GE(p.seen().fresh, 10);
    GstStructure* got = nullptr;
    g_object_get(c.get(), "stats", &got, nullptr);
    const OwnedStructure stats(got);
    gboolean live = TRUE;
    guint64 skipped = 99;
    gst_structure_get_boolean(stats.get(), "live", &live);
    gst_structure_get_uint64(stats.get(), "skipped", &skipped);
    EXPECT_FALSE(live);
    EXPECT_EQ(skipped, 0u);
  }
}

TEST(MoneClassify, InABinItsInsideIsNotTakenForTheBins) {
  const auto bin = Owned<GstElement>::adopt(GST_ELEMENT(gst_object_ref_sink(
      gst_parse_bin_from_description("queue name=q ! moneclassify name=c", TRUE, nullptr))));
  for (const auto& [pad, element] : {std::pair("sink", "q"), std::pair("src", "c")}) {
    const auto ghost = Owned<GstPad>::adopt(gst_element_get_static_pad(bin.get(), pad));
    ASSERT_TRUE(ghost) << pad;
    const auto target = Owned<GstPad>::adopt(gst_ghost_pad_get_target(GST_GHOST_PAD(ghost.get())));
    const auto parent = Owned<GstElement>::adopt(gst_pad_get_parent_element(target.get()));
    EXPECT_STREQ(GST_ELEMENT_NAME(parent.get()), element);
  }
  EXPECT_EQ(bin.get()->numpads, 2);
}

TEST(MoneClassify, APartMayOutliveTheBin) {
  auto bin = Owned<GstElement>::adopt(
      GST_ELEMENT(gst_object_ref_sink(gst_element_factory_make("moneclassify", nullptr))));
  const auto part = Owned<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(bin.get()), "vivit"));
  bin = {};
  g_object_set(part.get(), "budget", .5, nullptr);
}

TEST(MoneClassify, SaysThatSettingTheBudgetFixesIt) {
  Pipeline p(source(1) + classify("") + kOut);
  const auto c = p.child("c");
  int heard = 0;
  g_signal_connect(c.get(), "notify::budget-mode",
                   G_CALLBACK(+[](GObject*, GParamSpec*, gpointer count) { ++*static_cast<int*>(count); }),
                   &heard);
  g_object_set(c.get(), "budget", .5, nullptr);
  EXPECT_EQ(heard, 1);
}

TEST(MoneClassify, AFormatThatNobodyCutsStillPassesAndIsLabelled) {
  Pipeline p(
      "videotestsrc num-buffers=30 ! video/x-raw,format=P010_10LE,width=64,height=48,framerate=30/1 ! " +
      classify("wait=always") + "video/x-raw,format=P010_10LE ! " + kOut);
  ASSERT_EQ(p.play(), "");
  EXPECT_EQ(p.seen().pts.size(), 30u);
  EXPECT_GT(p.seen().fresh, 3);
}

TEST(MoneClassify, ThePixelsAreNotTouched) {
  const std::string line =
      "videotestsrc pattern=smpte num-buffers=10 ! video/x-raw,format=I420,width=64,height=48 ! ";
  std::string sums[2];
  int i = 0;
  for (const std::string& middle : {std::string(), classify("wait=always")}) {
    Pipeline p(line + middle + "identity name=out ! fakesink");
    const auto out = p.child("out");
    const auto pad = Owned<GstPad>::adopt(gst_element_get_static_pad(out.get(), "src"));
    gst_pad_add_probe(
        pad.get(), GST_PAD_PROBE_TYPE_BUFFER,
        [](GstPad*, GstPadProbeInfo* info, gpointer sum) {
          const BufferMap map(GST_PAD_PROBE_INFO_BUFFER(info), GST_MAP_READ);
          const OwnedChars text(g_compute_checksum_for_data(G_CHECKSUM_SHA256, map.data(), map.size()));
          *static_cast<std::string*>(sum) += text.get();
          return GST_PAD_PROBE_OK;
        },
        &sums[i++], nullptr);
    ASSERT_EQ(p.play(), "");
  }
  EXPECT_EQ(sums[0], sums[1]);
}

TEST(MoneClassify, PropertiesChangeWhilePlaying) {
  Pipeline p(source(60) + classify("wait=always budget=1") + kOut);
  const auto c = p.child("c");
  std::thread turner([&] {
    for (int i = 0; i < 40; ++i) {
      g_object_set(c.get(), "budget", 0.0625 + 0.02 * i, "on", 0.3, "smoothing", 0.1 * i, "top-k", 1 + i % 5,
                   nullptr);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  EXPECT_EQ(p.play(), "");
  turner.join();
  double budget = 0;
  g_object_get(c.get(), "budget", &budget, nullptr);
  EXPECT_NEAR(budget, 0.0625 + 0.02 * 39, 1e-9);
}

TEST(MoneClassify, WhatSetsTheBudgetChangesWhileACameraPlays) {
  Pipeline p(source(30, " is-live=true") + classify("") + kOut);
  const auto c = p.child("c");
  std::atomic<bool> done{false};
  std::thread turner([&] {
    for (int i = 0; !done; ++i) {
      g_object_set(c.get(), "budget-min", 0.125 + 0.1 * (i % 3), "budget-max", 0.3 + 0.1 * (i % 8),
                   "latency-target", (i % 4) * 50 * GST_MSECOND, "stream-weight", 0.5 + i % 3, "utilisation",
                   0.5 + 0.1 * (i % 4), "budget-mode", i % 5 == 4, nullptr);
      double budget = 0;
      g_object_get(c.get(), "budget", &budget, nullptr);
      EXPECT_GE(budget, 0.0625);
      EXPECT_LE(budget, 1);
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  });
  EXPECT_EQ(p.play(), "");
  done = true;
  turner.join();
  EXPECT_EQ(p.seen().pts.size(), 30u) << "the video does not wait";
}

TEST(MoneClassify, ACameraThatIsWaitedForHasEveryTubeletAnsweredAtTheLargestBudget) {
  Pipeline p(source(20, " is-live=true") + classify("wait=always budget-max=0.75") + kOut);
  ASSERT_EQ(p.play(), "");
  const auto c = p.child("c");
  GstStructure* stats = nullptr;
  g_object_get(c.get(), "stats", &stats, nullptr);
  const OwnedStructure owned(stats);
  gboolean live = TRUE;
  guint64 skipped = 1;
  double budget = 0;
  gst_structure_get(stats, "live", G_TYPE_BOOLEAN, &live, "skipped", G_TYPE_UINT64, &skipped, "budget",
                    G_TYPE_DOUBLE, &budget, nullptr);
  EXPECT_FALSE(live);
  EXPECT_EQ(skipped, 0u);
  EXPECT_EQ(budget, 0.75);
}

class MoneClassifyEnd : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Wait, MoneClassifyEnd, testing::Values("always", "never"));

TEST_P(MoneClassifyEnd, LabelsReachTheBusBeforeTheEnd) {
  const std::string wait = GetParam();
  Pipeline p(source(60, wait == "never" ? " is-live=true" : "") +
             classify("on=0.01 off=0 smoothing=0 wait=" + wait) + kOut);
  p.set_state(GST_STATE_PLAYING);
  int begun = 0, ended = 0;
  while (true) {
    const auto m = Owned<GstMessage>::adopt(gst_bus_timed_pop_filtered(
        p.bus(), 60 * GST_SECOND,
        static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_ELEMENT)));
    ASSERT_TRUE(m);
    if (GST_MESSAGE_TYPE(m.get()) != GST_MESSAGE_ELEMENT) break;
    const GstStructure* s = gst_message_get_structure(m.get());
    if (!gst_structure_has_name(s, "mone-label")) continue;
    begun += !g_strcmp0(gst_structure_get_string(s, "event"), "new");
    ended += !g_strcmp0(gst_structure_get_string(s, "event"), "end");
  }
  EXPECT_GT(begun, 0);
  EXPECT_EQ(begun, ended) << "EOS ends what is on";
}

TEST(MoneClassify, AFlushWhileTheEndWaitsForTheAnalysisLeavesNoEnd) {
  const std::string line =
      "moneclassify wait=never backend=reference threads=1 model=\"" + tiny_model() + "\"";
  const Harness h(gst_harness_new_parse(line.c_str()));
  gst_harness_set_src_caps_str(h.get(), "video/x-raw,format=I420,width=64,height=48,framerate=30/1");
  GstBuffer* frame = gst_buffer_new_allocate(nullptr, 64 * 48 * 3 / 2, nullptr);
  GST_BUFFER_PTS(frame) = 0;
  ASSERT_EQ(gst_harness_push(h.get(), frame), GST_FLOW_OK);

  struct Held {
    std::atomic<bool> there{false}, free{false};
  } held;
  const auto label = Owned<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(h->element), "label"));
  const auto pad = Owned<GstPad>::adopt(gst_element_get_static_pad(label.get(), "sink"));
  gst_pad_add_probe(
      pad.get(), GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
      [](GstPad*, GstPadProbeInfo* info, gpointer data) {
        auto* end = static_cast<Held*>(data);
        if (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) == GST_EVENT_EOS)
          for (end->there = true; !end->free;) g_usleep(1000);
        return GST_PAD_PROBE_OK;
      },
      &held, nullptr);
  std::thread end([&] {
    gst_harness_push_event(h.get(), gst_event_new_eos());
    held.free = true;  // the analysis ends after its end is no longer waited for
  });
  while (!held.there) g_usleep(1000);
  gst_harness_push_event(h.get(), gst_event_new_flush_start());
  end.join();
  while (GstEvent* event = gst_harness_try_pull_event(h.get())) {
    EXPECT_NE(GST_EVENT_TYPE(event), GST_EVENT_EOS) << "the sink would tell the application of an end";
    gst_event_unref(event);
  }
}

TEST(MoneClassify, FiftyStateCyclesUnderLoad) {
  const auto said = [](const Pipeline& pipeline) {  // a bus forgets in NULL, so not after that
    std::string text;
    for (const auto& m : messages(pipeline.bus(), GST_MESSAGE_ERROR)) text += error_text(m.get());
    return text;
  };
  Pipeline p(source(-1, " is-live=false") + classify("wait=never") + kOut);
  for (int i = 0; i < 50; ++i) {
    ASSERT_NE(p.set_state(i % 3 ? GST_STATE_PLAYING : GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
    if (i % 2) gst_element_get_state(p.get(), nullptr, nullptr, GST_SECOND);
    ASSERT_NE(p.set_state(GST_STATE_READY), GST_STATE_CHANGE_FAILURE);
    EXPECT_EQ(said(p), "") << i;
    if (i % 5) continue;
    ASSERT_NE(p.set_state(GST_STATE_NULL), GST_STATE_CHANGE_FAILURE);
  }
  Pipeline waits(source(-1) + classify("wait=always") + kOut);
  for (int i = 0; i < 50; ++i) {
    ASSERT_NE(waits.set_state(GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
    if (i % 2) gst_element_get_state(waits.get(), nullptr, nullptr, GST_SECOND);
    ASSERT_NE(waits.set_state(GST_STATE_READY), GST_STATE_CHANGE_FAILURE);
    EXPECT_EQ(said(waits), "") << i;
  }
}

TEST(MoneClassify, AStopAmongScoresIsNoError) {
  // Of the default's size, so that a stop finds the engine at work.
  Pipeline p(source(-1) + "moneclassify wait=always threads=1 model=\"" + MONE_GOLDEN_DIR +
             "/../../../configs/models/default.safetensors\" ! " + kOut);
  for (int i = 0; i < 12; ++i) {
    ASSERT_NE(p.set_state(GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
    gst_element_get_state(p.get(), nullptr, nullptr, patience(10 * GST_SECOND));
    std::this_thread::sleep_for(std::chrono::milliseconds(40 + 13 * i));
    ASSERT_NE(p.set_state(GST_STATE_READY), GST_STATE_CHANGE_FAILURE);
    for (const auto& m : messages(p.bus(), GST_MESSAGE_ERROR)) ADD_FAILURE() << error_text(m.get());
  }
}

TEST(MoneClassify, WorksAgainAfterEosAndGivesTheSameLabels) {
  Pipeline p(source(45) + classify("wait=always") + kOut);
  ASSERT_EQ(p.play(), "");
  const auto first = p.seen().labels;
  p.forget();
  p.set_state(GST_STATE_READY);
  ASSERT_EQ(p.play(), "");
  EXPECT_EQ(first, p.seen().labels);
}

TEST(MoneClassify, AMissingModelIsOneErrorAndItWorksOnceThereIsOne) {
  Pipeline p(source(30) + "moneclassify name=c backend=reference wait=always model=/nowhere.safetensors ! " +
             kOut);
  EXPECT_EQ(p.set_state(GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
  const auto errors = messages(p.bus(), GST_MESSAGE_ERROR);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_NE(error_text(errors[0].get()).find("/nowhere.safetensors"), std::string::npos);
  p.set_state(GST_STATE_NULL);
  g_object_set(p.child("c").get(), "model", tiny_model().c_str(), nullptr);
  EXPECT_EQ(p.play(), "");
  EXPECT_GT(p.seen().fresh, 3);
}

TEST(MoneClassify, ASeekBackGivesTheSameLabelsAgain) {
  Pipeline p(source(-1) + classify("wait=always") + kOut);
  p.set_state(GST_STATE_PAUSED);
  ASSERT_EQ(gst_element_get_state(p.get(), nullptr, nullptr, 10 * GST_SECOND), GST_STATE_CHANGE_SUCCESS);
  std::vector<std::string> runs[2];
  for (auto& run : runs) {
    p.forget();
    ASSERT_TRUE(gst_element_seek(p.get(), 1, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 0,
                                 GST_SEEK_TYPE_SET, 2 * GST_SECOND));
    ASSERT_EQ(p.play(), "");
    run = p.seen().labels;
  }
  EXPECT_FALSE(runs[0].empty());
  EXPECT_EQ(runs[0], runs[1]);
}

}  // namespace
}  // namespace mone
