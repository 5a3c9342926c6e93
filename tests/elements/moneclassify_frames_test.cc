// moneclassify frame by frame: what each push and event does.
#include <gst/check/gstharness.h>
#include <gst/video/video.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "elements/action_meta.h"
#include "tests/elements/support.h"

namespace mone {
namespace {

/// A harness around moneclassify, frames pushed by the test.
class MoneClassifyHarness : public testing::Test {
 protected:
  void start(const std::string& properties) {
    harness_.reset(gst_harness_new_parse(
        ("moneclassify backend=reference threads=1 model=\"" + tiny_model() + "\" " + properties).c_str()));
    bus_ = give_bus(harness_->element);
    caps(64, 48);
  }
  void caps(int width, int height) {
    gst_video_info_set_format(&info_, GST_VIDEO_FORMAT_I420, static_cast<guint>(width),
                              static_cast<guint>(height));
    info_.fps_n = 30;
    info_.fps_d = 1;
    gst_harness_set_src_caps(harness_.get(), gst_video_info_to_caps(&info_));
  }
  GstFlowReturn push(int frame) {
    GstBuffer* buffer = gst_buffer_new_allocate(nullptr, info_.size, nullptr);
    gst_buffer_memset(buffer, 0, static_cast<guint8>(frame * 37), info_.size);
    GST_BUFFER_PTS(buffer) = gst_util_uint64_scale(static_cast<guint64>(frame), GST_SECOND, 30);
    GST_BUFFER_DURATION(buffer) = GST_SECOND / 30;
    return gst_harness_push(harness_.get(), buffer);
  }
  std::vector<ActionMeta> pull() {
    const auto out = Owned<GstBuffer>::adopt(gst_harness_pull(harness_.get()));
    return get_action_metas(out.get());
  }
  bool qos_goes_upstream() {
    gst_harness_push_upstream_event(harness_.get(), gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 2, 0, 0));
    bool above = false;
    while (GstEvent* e = gst_harness_try_pull_upstream_event(harness_.get())) {
      above |= GST_EVENT_TYPE(e) == GST_EVENT_QOS;
      gst_event_unref(e);
    }
    return above;
  }
  /// Pushes frames [from, to) and returns how many carried a fresh label.
  int run(int from, int to) {
    int fresh = 0;
    for (int i = from; i < to; ++i) {
      EXPECT_EQ(push(i), GST_FLOW_OK);
      for (const ActionMeta& a : pull()) {
        fresh += a.fresh;
        last_ = a;
      }
    }
    return fresh;
  }

  Harness harness_;
  Owned<GstBus> bus_;
  GstVideoInfo info_{};
  ActionMeta last_;
};

TEST_F(MoneClassifyHarness, SizeMayChangeInMidStreamAndTheWindowRestarts) {
  start("wait=always");
  EXPECT_GT(run(0, 40), 4);
  EXPECT_FALSE(last_.window.warming);
  EXPECT_EQ(last_.window.source_width, 64);
  caps(128, 96);
  EXPECT_GT(run(40, 50), 0);
  EXPECT_TRUE(last_.window.warming);
  EXPECT_EQ(last_.window.source_width, 128);
}

TEST_F(MoneClassifyHarness, AFlushForgetsTheLabels) {
  start("wait=always");
  EXPECT_GT(run(0, 40), 4);
  gst_harness_push_event(harness_.get(), gst_event_new_flush_start());
  gst_harness_push_event(harness_.get(), gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(harness_.get(), gst_event_new_segment(&segment));
  EXPECT_EQ(push(40), GST_FLOW_OK);
  EXPECT_TRUE(pull().empty());
  EXPECT_GT(run(41, 60), 0);
}

TEST_F(MoneClassifyHarness, AJumpInTimeForgetsTheLabels) {
  start("wait=always");
  EXPECT_GT(run(0, 40), 4);
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.base = 10 * GST_SECOND;  // the file begins again
  gst_harness_push_event(harness_.get(), gst_event_new_segment(&segment));
  EXPECT_EQ(push(41), GST_FLOW_OK);
  EXPECT_TRUE(pull().empty());
}

TEST_F(MoneClassifyHarness, WhoDropsFramesOfLiveVideoHearsThatDownstreamCannotKeepUp) {
  start("wait=never");
  EXPECT_EQ(push(0), GST_FLOW_OK);
  EXPECT_TRUE(qos_goes_upstream());
}

/// Of downstream that shows a part of a picture by itself, upstream hears only if the analysis sees that
/// part.
TEST_F(MoneClassifyHarness, CropMetasAreForFormatsThatAreLookedAtAsTheyAre) {
  start("wait=always");
  gst_harness_add_propose_allocation_meta(harness_.get(), GST_VIDEO_CROP_META_API_TYPE, nullptr);
  const auto pad = Owned<GstPad>::adopt(gst_element_get_static_pad(harness_->element, "sink"));
  for (const auto& [format, taken] :
       {std::pair("I420", true), std::pair("UYVY", false), std::pair("YV12", false)}) {
    const auto caps = Owned<GstCaps>::adopt(gst_caps_from_string(
        (std::string("video/x-raw,width=64,height=48,framerate=30/1,format=") + format).c_str()));
    const auto query = Owned<GstQuery>::adopt(gst_query_new_allocation(caps.get(), TRUE));
    EXPECT_TRUE(gst_pad_query(pad.get(), query.get()));
    EXPECT_EQ(gst_query_find_allocation_meta(query.get(), GST_VIDEO_CROP_META_API_TYPE, nullptr), taken)
        << format;
  }
}

TEST_F(MoneClassifyHarness, TheEngineHearsThatDownstreamCannotKeepUp) {
  start("wait=always");
  run(0, 2);
  const auto vivit = Owned<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(harness_->element), "vivit"));
  const auto pad = Owned<GstPad>::adopt(gst_element_get_static_pad(vivit.get(), "src"));
  int heard = 0;
  gst_pad_add_probe(
      pad.get(), GST_PAD_PROBE_TYPE_EVENT_UPSTREAM,
      [](GstPad*, GstPadProbeInfo* info, gpointer count) {
        *static_cast<int*>(count) += GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) == GST_EVENT_QOS;
        return GST_PAD_PROBE_OK;
      },
      &heard, nullptr);
  EXPECT_FALSE(qos_goes_upstream()) << "who drops frames there drops them for the analysis, too";
  EXPECT_EQ(heard, 1);
  const auto convert = Owned<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(harness_->element), "convert"));
  gboolean drops = TRUE;
  g_object_get(convert.get(), "qos", &drops, nullptr);
  EXPECT_FALSE(drops) << "the analysis sees every frame all the same";
}

TEST_F(MoneClassifyHarness, TheQueueOfTubeletsHoldsWholeMoments) {
  start("wait=never crop=region");
  const auto queue = [&] {
    const auto tubelets =
        Owned<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(harness_->element), "tubelets"));
    guint most = 0;
    if (!tubelets) return most;  // before the first frame
    g_object_get(tubelets.get(), "max-size-buffers", &most, nullptr);
    return most;
  };
  int frame = 0;
  const auto play_until = [&](guint people, guint room) {
    for (int i = 0; i < 200 && queue() != room; ++i, ++frame) {
      GstBuffer* buffer = gst_buffer_new_allocate(nullptr, info_.size, nullptr);
      for (guint k = 0; k < people; ++k)
        gst_buffer_add_video_region_of_interest_meta(buffer, "person", 20 * k, 4, 16, 40);
      GST_BUFFER_PTS(buffer) = gst_util_uint64_scale(static_cast<guint64>(frame), GST_SECOND, 30);
      GST_BUFFER_DURATION(buffer) = GST_SECOND / 30;
      EXPECT_EQ(gst_harness_push(harness_.get(), buffer), GST_FLOW_OK);
      gst_buffer_unref(gst_harness_pull(harness_.get()));
      g_usleep(5000);
    }
  };
  play_until(1, 2);
  EXPECT_EQ(queue(), 2u);
  play_until(3, 6);
  EXPECT_EQ(queue(), 6u) << "two moments of three people";
  play_until(1, 2);
  EXPECT_EQ(queue(), 2u) << "two have left";
}

TEST_F(MoneClassifyHarness, ALabelIsNotCarriedLongerThanAWindow) {
  start("wait=always");
  run(0, 40);
  EXPECT_EQ(push(400), GST_FLOW_OK);
  EXPECT_TRUE(pull().empty());
}

TEST_F(MoneClassifyHarness, AddsNoLatencyUnlessAsked) {
  for (const char* wait : {"never", "always"}) {
    start(std::string("wait=") + wait);
    gst_harness_set_upstream_latency(harness_.get(), 40 * GST_MSECOND);
    run(0, 2);
    const GstClockTime latency = gst_harness_query_latency(harness_.get());
    const GstClockTime tubelet =
        wait == std::string("never") ? 0 : 160 * GST_MSECOND;  // nominal, 6.25 a second
    EXPECT_EQ(latency, 40 * GST_MSECOND + tubelet) << wait;
  }
}

TEST_F(MoneClassifyHarness, AsksForTheBuffersItHolds) {
  start("wait=never");
  const auto caps = Owned<GstCaps>::adopt(gst_video_info_to_caps(&info_));
  const auto query = Owned<GstQuery>::adopt(gst_query_new_allocation(caps.get(), TRUE));
  ASSERT_TRUE(gst_pad_peer_query(harness_->srcpad, query.get()));
  ASSERT_GE(gst_query_get_n_allocation_pools(query.get()), 1u);
  guint min = 0;
  gst_query_parse_nth_allocation_pool(query.get(), 0, nullptr, nullptr, &min, nullptr);
  EXPECT_GE(min, 3u);
}

TEST_F(MoneClassifyHarness, LiveVideoNeverWaitsForASlowEngine) {
  start("wait=never");
  // A lock on the analysis: its last pad does not return until the test lets it.
  const auto label = Owned<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(harness_->element), "label"));
  const auto pad = Owned<GstPad>::adopt(gst_element_get_static_pad(label.get(), "sink"));
  static std::atomic<bool> stuck;
  stuck = true;
  gst_pad_add_probe(
      pad.get(), GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad*, GstPadProbeInfo*, gpointer) {
        while (stuck) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        return GST_PAD_PROBE_OK;
      },
      nullptr, nullptr);
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(push(i), GST_FLOW_OK);
    const auto out = Owned<GstBuffer>::adopt(gst_harness_try_pull(harness_.get()));
    ASSERT_TRUE(out) << "frame " << i << " was not there at once";
    EXPECT_EQ(GST_BUFFER_PTS(out.get()), gst_util_uint64_scale(static_cast<guint64>(i), GST_SECOND, 30));
  }
  stuck = false;
}

TEST_F(MoneClassifyHarness, EosAndFlushPassWhileTheEngineIsBusy) {
  start("wait=never");
  run(0, 60);
  gst_harness_push_event(harness_.get(), gst_event_new_flush_start());
  gst_harness_push_event(harness_.get(), gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(harness_.get(), gst_event_new_segment(&segment));
  run(60, 90);
  EXPECT_TRUE(gst_harness_push_event(harness_.get(), gst_event_new_eos()));
  bool eos = false;
  while (GstEvent* event = gst_harness_try_pull_event(harness_.get())) {
    eos |= GST_EVENT_TYPE(event) == GST_EVENT_EOS;
    gst_event_unref(event);
  }
  EXPECT_TRUE(eos);
}

TEST_F(MoneClassifyHarness, ShowsThePropertiesOfItsParts) {
  start("wait=always budget=0.25 stride=2 top-k=2");
  run(0, 30);
  EXPECT_EQ(last_.window.budget, 0.25);
  EXPECT_EQ(last_.top.size(), 2u);
  GstStructure* stats = nullptr;
  const auto classify = Owned<GstElement>::adopt(gst_harness_find_element(harness_.get(), "moneclassify"));
  g_object_get(classify.get(), "stats", &stats, nullptr);
  ASSERT_NE(stats, nullptr);
  EXPECT_STREQ(gst_structure_get_string(stats, "backend"), "reference");
  gst_structure_free(stats);
}

}  // namespace
}  // namespace mone
