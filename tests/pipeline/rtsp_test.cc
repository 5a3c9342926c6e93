// A camera on the network: rtspsrc from a server on loopback, through moneclassify.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

#include "elements/action_meta.h"
#include "elements/glue/gst_ptr.h"
#include "tests/pipeline/rtsp_server.h"

namespace mone::testing {
namespace {

constexpr auto kPatience = std::chrono::seconds(90);

/// Watches what arrives at a pad.
class Arrivals {
 public:
  explicit Arrivals(GstElement* sink) {
    GstPad* pad = gst_element_get_static_pad(sink, "sink");
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, look, this, nullptr);
    gst_object_unref(pad);
  }

  /// Waits until so many fresh labels and frames have come; false if they do not.
  bool wait_for(std::size_t labels, std::size_t frames) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience,
                             [&] { return fresh_.size() >= labels && frame_times_.size() >= frames; });
  }
  std::vector<ActionMeta> labels() {
    const std::lock_guard lock(mutex_);
    return fresh_;
  }
  std::vector<GstClockTime> frame_times() {
    const std::lock_guard lock(mutex_);
    return frame_times_;
  }

 private:
  static GstPadProbeReturn look(GstPad*, GstPadProbeInfo* info, gpointer self) {
    static_cast<Arrivals*>(self)->add(GST_PAD_PROBE_INFO_BUFFER(info));
    return GST_PAD_PROBE_OK;
  }
  void add(GstBuffer* buffer) {
    const std::lock_guard lock(mutex_);
    frame_times_.push_back(GST_BUFFER_PTS(buffer));
    for (ActionMeta& meta : get_action_metas(buffer)) {
      if (meta.fresh) fresh_.push_back(std::move(meta));
    }
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<ActionMeta> fresh_;
  std::vector<GstClockTime> frame_times_;
};

Owned<GstElement> camera_pipeline(const std::string& url) {
  const std::string line = "rtspsrc protocols=tcp latency=100 location=" + url +
                           " ! decodebin ! moneclassify model=\"" MONE_GOLDEN_DIR
                           "/fe_token.safetensors\" ! fakesink name=sink sync=false";
  GError* error = nullptr;
  auto pipeline = Owned<GstElement>::adopt(gst_parse_launch(line.c_str(), &error));
  EXPECT_EQ(error, nullptr) << error->message;
  g_clear_error(&error);
  return pipeline;
}

std::string first_error(GstElement* pipeline) {
  const auto bus = Owned<GstBus>::adopt(gst_element_get_bus(pipeline));
  const auto message = Owned<GstMessage>::adopt(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR));
  if (!message) return "";
  GError* error = nullptr;
  gst_message_parse_error(message.get(), &error, nullptr);
  const std::string text = error->message;
  g_error_free(error);
  return text;
}

const char* missing_element() {
  for (const char* name : {"rtspsrc", "x264enc", "rtph264pay", "rtph264depay", "moneclassify"}) {
    GstElementFactory* factory = gst_element_factory_find(name);
    if (!factory) return name;
    gst_object_unref(factory);
  }
  return nullptr;
}

class Rtsp : public ::testing::Test {
 protected:
  void SetUp() override {
    gst_init(nullptr, nullptr);
    if (const char* name = missing_element()) GTEST_SKIP() << "no element " << name;
  }
};
class RtspCamera : public Rtsp, public ::testing::WithParamInterface<const char*> {};

TEST_P(RtspCamera, LabelsComeWithTheirTimes) {
  RtspServer server(GetParam());
  ASSERT_TRUE(server.running());
  const auto pipeline = camera_pipeline(server.url());
  const auto sink = Owned<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "sink"));
  Arrivals arrivals(sink.get());
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  const bool came = arrivals.wait_for(12, 40);
  EXPECT_TRUE(came) << first_error(pipeline.get());
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);

  const auto labels = arrivals.labels();
  const auto frames = arrivals.frame_times();
  ASSERT_FALSE(frames.empty());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const ScoresMeta& window = labels[i].window;
    EXPECT_FALSE(labels[i].top.empty());
    EXPECT_LE(window.window_start, window.window_end);
    EXPECT_GE(window.window_start, frames.front());
    EXPECT_LE(window.window_end, frames.back());
    EXPECT_NE(std::find(frames.begin(), frames.end(), window.window_end), frames.end())
        << "no frame had that time";
    EXPECT_EQ(window.source_width, 160);
    EXPECT_EQ(window.source_height, 120);
    if (i > 0) {
      EXPECT_GT(window.window_end, labels[i - 1].window.window_end);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Sources, RtspCamera,
                         ::testing::Values("videotestsrc is-live=true pattern=ball ! "
                                           "video/x-raw,width=160,height=120,framerate=30/1",
                                           "actiontestsrc is-live=true script=walk:2,wave:2 ! "
                                           "video/x-raw,width=160,height=120,framerate=15/1"));

TEST_F(Rtsp, AServerThatHangsUpEndsThePipelineAndTheNextOneIsServed) {
  RtspServer server("videotestsrc is-live=true ! video/x-raw,width=160,height=120,framerate=30/1");
  ASSERT_TRUE(server.running());
  for (int round = 1; round <= 2; ++round) {
    const auto pipeline = camera_pipeline(server.url());
    const auto sink = Owned<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "sink"));
    const auto bus = Owned<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
    Arrivals arrivals(sink.get());
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    EXPECT_TRUE(arrivals.wait_for(3, 0)) << "round " << round << ": " << first_error(pipeline.get());
    server.hang_up();
    const auto message = Owned<GstMessage>::adopt(gst_bus_timed_pop_filtered(
        bus.get(), 90 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_ERROR | GST_MESSAGE_EOS)));
    EXPECT_TRUE(message) << "round " << round;
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  }
}

}  // namespace
}  // namespace mone::testing
