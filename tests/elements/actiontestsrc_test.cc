#include <gst/check/gstharness.h>
#include <gst/video/video.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "elements/actors/mone_actors.h"
#include "elements/glue/gst_ptr.h"
#include "elements/truth_meta.h"

namespace mone {
namespace {

class ActionTestSrc : public testing::Test {
 protected:
  static void SetUpTestSuite() { gst_init(nullptr, nullptr); }
};

struct HarnessFree {
  void operator()(GstHarness* h) const { gst_harness_teardown(h); }
};
using Harness = std::unique_ptr<GstHarness, HarnessFree>;

/// A harness around `actiontestsrc PROPERTIES`, its sink asking for `caps`.
Harness harness(const std::string& properties, const char* caps) {
  Harness h(gst_harness_new_parse(("actiontestsrc " + properties).c_str()));
  gst_harness_set_sink_caps_str(h.get(), caps);
  gst_harness_play(h.get());
  return h;
}

std::vector<Owned<GstBuffer>> pull(GstHarness* h, int count) {
  std::vector<Owned<GstBuffer>> buffers;
  for (int i = 0; i < count; ++i) {
    GstBuffer* buffer = gst_harness_pull(h);
    if (!buffer) break;
    buffers.push_back(Owned<GstBuffer>::adopt(buffer));
  }
  return buffers;
}

std::vector<guint8> bytes_of(const Owned<GstBuffer>& buffer) {
  const BufferMap map(buffer.get(), GST_MAP_READ);
  return {map.data(), map.data() + map.size()};
}

constexpr char kSmall[] = "video/x-raw,format=GRAY8,width=64,height=48,framerate=10/1";

struct Played {
  GstMessageType end = GST_MESSAGE_UNKNOWN;
  std::string error;
  std::vector<GstClockTime> pts;
  std::vector<std::vector<guint8>> pictures;
  std::vector<TruthMeta> truths;
  std::vector<std::string> posted;
  std::vector<guint64> posted_at;
  int gap_events = 0, discontinuities = 0;
  std::vector<GstClockTime> gap_ends;
};

struct PipelineFree {
  void operator()(GstElement* e) const {
    gst_element_set_state(e, GST_STATE_NULL);
    gst_object_unref(e);
  }
};
using Pipeline = std::unique_ptr<GstElement, PipelineFree>;

Pipeline launch(const std::string& line) {
  GError* error = nullptr;
  GstElement* pipeline = gst_parse_launch(line.c_str(), &error);
  EXPECT_EQ(error, nullptr) << error->message;
  return Pipeline(pipeline);
}

GstPadProbeReturn watch(GstPad*, GstPadProbeInfo* info, gpointer data) {
  auto* run = static_cast<Played*>(data);
  if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER) {
    GstBuffer* buffer = GST_PAD_PROBE_INFO_BUFFER(info);
    run->pts.push_back(GST_BUFFER_PTS(buffer));
    run->discontinuities += GST_BUFFER_IS_DISCONT(buffer) ? 1 : 0;
    const BufferMap map(buffer, GST_MAP_READ);
    run->pictures.emplace_back(map.data(), map.data() + map.size());
    if (auto truth = get_truth_meta(buffer)) run->truths.push_back(*truth);
  } else if (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) == GST_EVENT_GAP) {
    ++run->gap_events;
    GstClockTime at = 0, length = 0;
    gst_event_parse_gap(GST_PAD_PROBE_INFO_EVENT(info), &at, &length);
    run->gap_ends.push_back(at + length);
  }
  return GST_PAD_PROBE_OK;
}

void attach(GstElement* pipeline, Played* run) {
  GstElement* sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
  GstPad* pad = gst_element_get_static_pad(sink, "sink");
  gst_pad_add_probe(
      pad, static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM),
      watch, run, nullptr);
  gst_object_unref(pad);
  gst_object_unref(sink);
}

/// Waits for EOS or an error, collecting truth messages.
void finish(GstElement* pipeline, Played* run) {
  GstBus* bus = gst_element_get_bus(pipeline);
  while (run->end == GST_MESSAGE_UNKNOWN) {
    GstMessage* message = gst_bus_timed_pop_filtered(
        bus, 20 * GST_SECOND,
        static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_ELEMENT));
    if (!message) break;
    const GstMessageType type = GST_MESSAGE_TYPE(message);
    if (type == GST_MESSAGE_ELEMENT) {
      const GstStructure* s = gst_message_get_structure(message);
      if (gst_structure_has_name(s, "mone-truth")) {
        run->posted.push_back(gst_structure_get_string(s, "label"));
        guint64 at = 0;
        EXPECT_TRUE(gst_structure_get_uint64(s, "timestamp", &at));
        run->posted_at.push_back(at);
      }
    } else {
      run->end = type;
    }
    if (type == GST_MESSAGE_ERROR) {
      GError* error = nullptr;
      gst_message_parse_error(message, &error, nullptr);
      run->error = error->message;
      g_error_free(error);
    }
    gst_message_unref(message);
  }
  gst_object_unref(bus);
}

Played play(const std::string& properties, const std::string& caps = kSmall) {
  Played run;
  const Pipeline pipeline =
      launch("actiontestsrc name=src " + properties + " ! " + caps + " ! fakesink name=sink");
  attach(pipeline.get(), &run);
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  finish(pipeline.get(), &run);
  return run;
}

TEST_F(ActionTestSrc, StampsEveryFrameAndTellsTheTruth) {
  const Harness h = harness("script=walk:2,wave:2", kSmall);
  const auto buffers = pull(h.get(), 40);
  ASSERT_EQ(buffers.size(), 40u);
  for (size_t i = 0; i < buffers.size(); ++i) {
    EXPECT_EQ(GST_BUFFER_PTS(buffers[i].get()), i * GST_SECOND / 10);
    EXPECT_EQ(GST_BUFFER_DURATION(buffers[i].get()), GST_SECOND / 10);
    const auto truth = get_truth_meta(buffers[i].get());
    ASSERT_TRUE(truth);
    EXPECT_EQ(truth->label, i < 20 ? "walk" : "wave");
  }
  EXPECT_FALSE(get_truth_meta(buffers[19].get())->in_transition);
  EXPECT_TRUE(get_truth_meta(buffers[20].get())->in_transition);
  EXPECT_GT(get_truth_meta(buffers[39].get())->height, 10);
}

TEST_F(ActionTestSrc, NegotiatesEveryFormatAndSize) {
  for (const char* format : {"I420", "NV12", "RGB", "RGBx", "BGRx", "RGBA", "BGRA", "GRAY8"})
    for (const char* size : {"width=320,height=240", "width=101,height=77", "width=16,height=16"}) {
      const std::string caps = std::string("video/x-raw,format=") + format + "," + size + ",framerate=25/1";
      const Harness h = harness("script=clap", caps.c_str());
      const auto buffers = pull(h.get(), 2);
      ASSERT_EQ(buffers.size(), 2u) << caps;
      GstVideoInfo info;
      const auto current = Owned<GstCaps>::adopt(gst_pad_get_current_caps(h->sinkpad));
      ASSERT_TRUE(gst_video_info_from_caps(&info, current.get()));
      EXPECT_EQ(gst_buffer_get_size(buffers[0].get()), info.size) << caps;
    }
}

TEST_F(ActionTestSrc, ChoosesAModestPictureWhenDownstreamDoesNotCare) {
  const Harness h = harness("", "video/x-raw");
  ASSERT_EQ(pull(h.get(), 1).size(), 1u);
  const auto caps = Owned<GstCaps>::adopt(gst_pad_get_current_caps(h->sinkpad));
  GstVideoInfo info;
  ASSERT_TRUE(gst_video_info_from_caps(&info, caps.get()));
  EXPECT_EQ(info.width, 640);
  EXPECT_EQ(info.height, 480);
  EXPECT_EQ(info.fps_n, 30);
  const GstStructure* s = gst_caps_get_structure(caps.get(), 0);
  EXPECT_TRUE(gst_structure_has_field(s, "pixel-aspect-ratio")) << "or a scaler makes the picture a row high";
  EXPECT_STREQ(gst_structure_get_string(s, "interlace-mode"), "progressive");
}

TEST_F(ActionTestSrc, RefusesFullRangeYuv) {
  const Played run =
      play("num-buffers=2", "video/x-raw,format=I420,width=64,height=48,colorimetry=(string)1:4:0:0");
  EXPECT_EQ(run.end, GST_MESSAGE_ERROR);
  EXPECT_NE(run.error.find("full-range"), std::string::npos) << run.error;
}

TEST_F(ActionTestSrc, RenegotiatesInMidStreamWithoutAJumpInTime) {
  Played run;
  const Pipeline pipeline =
      launch(std::string("actiontestsrc num-buffers=60 script=walk ! capsfilter name=filter caps=") + kSmall +
             " ! fakesink name=sink");
  attach(pipeline.get(), &run);
  GstElement* filter = gst_bin_get_by_name(GST_BIN(pipeline.get()), "filter");
  GstPad* pad = gst_element_get_static_pad(filter, "sink");
  const auto ask = [](GstPad* at, GstPadProbeInfo* info, gpointer) {
    if (GST_BUFFER_OFFSET(GST_PAD_PROBE_INFO_BUFFER(info)) != 10) return GST_PAD_PROBE_OK;
    GstElement* parent = gst_pad_get_parent_element(at);
    gst_util_set_object_arg(G_OBJECT(parent), "caps",
                            "video/x-raw,format=I420,width=128,height=96,framerate=20/1");
    gst_object_unref(parent);
    return GST_PAD_PROBE_REMOVE;
  };
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, ask, nullptr, nullptr);
  gst_object_unref(pad);
  gst_object_unref(filter);
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  finish(pipeline.get(), &run);
  EXPECT_EQ(run.error, "");
  ASSERT_EQ(run.pts.size(), 60u);
  EXPECT_EQ(run.pictures.back().size(), 128u * 96 * 3 / 2);
  for (size_t i = 1; i < run.pts.size(); ++i)
    EXPECT_EQ(run.pts[i] - run.pts[i - 1],
              run.pictures[i - 1].size() == 64 * 48 ? GST_SECOND / 10 : GST_SECOND / 20);
}

TEST_F(ActionTestSrc, TheSameSeedGivesTheSameBytesAndAnotherDoesNot) {
  const auto first = [](const char* properties) {
    const Harness h = harness(properties, kSmall);
    return bytes_of(pull(h.get(), 5)[4]);
  };
  EXPECT_EQ(first("seed=3"), first("seed=3"));
  EXPECT_NE(first("seed=3"), first("seed=4"));
}

TEST_F(ActionTestSrc, EndsAfterNumBuffersAndAfterTheScript) {
  EXPECT_EQ(play("num-buffers=7").pts.size(), 7u);
  const Played run = play("script=walk:1,wave:1.5 loop=false");
  EXPECT_EQ(run.end, GST_MESSAGE_EOS);
  EXPECT_EQ(run.pts.size(), 25u);
  EXPECT_EQ(play("script=walk:1 num-buffers=30").pts.size(), 30u);
}

TEST_F(ActionTestSrc, ABadScriptIsOneErrorThatNamesTheToken) {
  const Played run = play("script=walk:2,yodel:1");
  EXPECT_EQ(run.end, GST_MESSAGE_ERROR);
  EXPECT_NE(run.error.find("yodel"), std::string::npos) << run.error;
  EXPECT_NE(play("gap-every=1 gap-length=2").error.find("gap-length"), std::string::npos);
  EXPECT_NE(play("gap-every=1 gap-length=0.9999999").error.find("gap-length"), std::string::npos);
}

TEST_F(ActionTestSrc, WorksAgainAfterABadScript) {
  const Pipeline pipeline = launch("actiontestsrc name=src script=yodel num-buffers=3 ! fakesink name=sink");
  EXPECT_EQ(gst_element_set_state(pipeline.get(), GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  Played run;
  attach(pipeline.get(), &run);
  GstElement* src = gst_bin_get_by_name(GST_BIN(pipeline.get()), "src");
  g_object_set(src, "script", "walk", nullptr);
  gst_object_unref(src);
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  Played result;
  finish(pipeline.get(), &result);
  EXPECT_EQ(run.pts.size(), 3u);
}

TEST_F(ActionTestSrc, GapsAreSilentOrAnnounced) {
  const Played silent = play("gap-every=1 gap-length=0.3 num-buffers=21");
  EXPECT_EQ(silent.gap_events, 0);
  EXPECT_EQ(silent.pts[6], 6 * GST_SECOND / 10);
  EXPECT_EQ(silent.pts[7], GST_SECOND);
  EXPECT_EQ(silent.discontinuities, 3);  // the first buffer and one after each gap
  EXPECT_EQ(play("gap-every=1 gap-length=0.3 gap-mode=event num-buffers=21").gap_events, 2);
}

TEST_F(ActionTestSrc, VariableRatesKeepOrderAndDurationsMeet) {
  for (const char* mode : {"jitter", "drop", "swing"}) {
    const Harness h = harness(std::string("vfr-mode=") + mode, kSmall);
    const auto buffers = pull(h.get(), 60);
    ASSERT_EQ(buffers.size(), 60u);
    bool uneven = false;
    for (size_t i = 1; i < buffers.size(); ++i) {
      GstBuffer *a = buffers[i - 1].get(), *b = buffers[i].get();
      EXPECT_EQ(GST_BUFFER_PTS(a) + GST_BUFFER_DURATION(a), GST_BUFFER_PTS(b));
      uneven |= GST_BUFFER_DURATION(a) != GST_SECOND / 10;
    }
    EXPECT_TRUE(uneven) << mode;
  }
}

TEST_F(ActionTestSrc, TimestampOffsetMovesTheStampsOnly) {
  const auto plain = pull(harness("", kSmall).get(), 3),
             moved = pull(harness("timestamp-offset=5000000000", kSmall).get(), 3);
  EXPECT_EQ(GST_BUFFER_PTS(moved[2].get()), GST_BUFFER_PTS(plain[2].get()) + 5 * GST_SECOND);
  EXPECT_EQ(bytes_of(moved[2]), bytes_of(plain[2]));
}

TEST_F(ActionTestSrc, SeekingShowsTheSamePicturesAndStopsWhereAsked) {
  const Played whole = play("script=walk:1,jump:2 num-buffers=30");
  for (const double rate : {1.0, -1.0}) {
    Played run;
    const Pipeline pipeline =
        launch(std::string("actiontestsrc script=walk:1,jump:2 ! ") + kSmall + " ! fakesink name=sink");
    gst_element_set_state(pipeline.get(), GST_STATE_PAUSED);
    gst_element_get_state(pipeline.get(), nullptr, nullptr, 10 * GST_SECOND);
    ASSERT_TRUE(gst_element_seek(pipeline.get(), rate, GST_FORMAT_TIME,
                                 static_cast<GstSeekFlags>(GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE),
                                 GST_SEEK_TYPE_SET, GST_SECOND, GST_SEEK_TYPE_SET, 2 * GST_SECOND));
    gst_element_get_state(pipeline.get(), nullptr, nullptr, 10 * GST_SECOND);
    attach(pipeline.get(), &run);  // after the preroll buffer
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    finish(pipeline.get(), &run);
    EXPECT_EQ(run.end, GST_MESSAGE_EOS);
    ASSERT_GE(run.pts.size(), 9u) << rate;
    EXPECT_EQ(run.pts.back(), rate > 0 ? GST_SECOND * 19 / 10 : GST_SECOND) << rate;
    for (size_t i = 0; i < run.pts.size(); ++i)
      EXPECT_EQ(run.pictures[i], whole.pictures[run.pts[i] * 10 / GST_SECOND]) << rate << " " << i;
  }
}

TEST_F(ActionTestSrc, SeeksInTimestampsThatAreMoved) {
  const Played whole = play("script=walk:1,jump:2 num-buffers=30");
  Played run;
  const Pipeline pipeline =
      launch(std::string("actiontestsrc timestamp-offset=3600000000000 script=walk:1,jump:2 ! ") + kSmall +
             " ! fakesink name=sink");
  gst_element_set_state(pipeline.get(), GST_STATE_PAUSED);
  gst_element_get_state(pipeline.get(), nullptr, nullptr, 10 * GST_SECOND);
  ASSERT_TRUE(gst_element_seek(pipeline.get(), 1, GST_FORMAT_TIME,
                               static_cast<GstSeekFlags>(GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE),
                               GST_SEEK_TYPE_SET, 3601 * GST_SECOND, GST_SEEK_TYPE_SET, 3602 * GST_SECOND));
  gst_element_get_state(pipeline.get(), nullptr, nullptr, 10 * GST_SECOND);
  attach(pipeline.get(), &run);
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  finish(pipeline.get(), &run);
  ASSERT_GE(run.pts.size(), 9u);
  EXPECT_EQ(run.pts.back(), GST_SECOND * 36019 / 10);
  for (size_t i = 0; i < run.pts.size(); ++i)
    EXPECT_EQ(run.pictures[i], whole.pictures[(run.pts[i] - 3600 * GST_SECOND) * 10 / GST_SECOND]) << i;
}

TEST_F(ActionTestSrc, AnswersDurationAndSeekingQueries) {
  const Pipeline pipeline = launch("actiontestsrc script=walk:1,jump:2 loop=false ! fakesink name=sink");
  gst_element_set_state(pipeline.get(), GST_STATE_PAUSED);
  gst_element_get_state(pipeline.get(), nullptr, nullptr, 10 * GST_SECOND);
  gint64 duration = 0;
  EXPECT_TRUE(gst_element_query_duration(pipeline.get(), GST_FORMAT_TIME, &duration));
  EXPECT_EQ(duration, static_cast<gint64>(3 * GST_SECOND));
  const Pipeline moved =
      launch("actiontestsrc script=walk:1 loop=false timestamp-offset=5000000000 ! fakesink name=sink");
  gst_element_set_state(moved.get(), GST_STATE_PAUSED);
  gst_element_get_state(moved.get(), nullptr, nullptr, 10 * GST_SECOND);
  EXPECT_TRUE(gst_element_query_duration(moved.get(), GST_FORMAT_TIME, &duration));
  EXPECT_EQ(duration, static_cast<gint64>(6 * GST_SECOND)) << "the time it ends at";
  const Pipeline gaps = launch(std::string("actiontestsrc num-buffers=21 gap-every=1 gap-length=0.3 ! ") +
                               kSmall + " ! fakesink name=sink");
  gst_element_set_state(gaps.get(), GST_STATE_PAUSED);
  gst_element_get_state(gaps.get(), nullptr, nullptr, 10 * GST_SECOND);
  EXPECT_FALSE(gst_element_query_duration(gaps.get(), GST_FORMAT_TIME, &duration))
      << "how long 21 frames take is not known among gaps";
  for (const bool live : {false, true}) {
    const Pipeline other =
        launch(std::string("actiontestsrc is-live=") + (live ? "true" : "false") + " ! fakesink name=sink");
    gst_element_set_state(other.get(), GST_STATE_PLAYING);
    gst_element_get_state(other.get(), nullptr, nullptr, 10 * GST_SECOND);
    const auto query = Owned<GstQuery>::adopt(gst_query_new_seeking(GST_FORMAT_TIME));
    ASSERT_TRUE(gst_element_query(other.get(), query.get()));
    gboolean seekable;
    gst_query_parse_seeking(query.get(), nullptr, &seekable, nullptr, nullptr);
    EXPECT_EQ(seekable, !live);
  }
}

TEST_F(ActionTestSrc, ALiveSourceIsPacedAndReportsItsLatency) {
  Harness h(gst_harness_new_parse("actiontestsrc is-live=true script=wave"));
  gst_harness_set_sink_caps_str(h.get(), kSmall);
  gst_harness_use_testclock(h.get());
  gst_harness_play(h.get());
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(gst_harness_wait_for_clock_id_waits(h.get(), 1, 10));
    ASSERT_TRUE(gst_harness_crank_single_clock_wait(h.get()));
    const auto one = pull(h.get(), 1);
    ASSERT_EQ(one.size(), 1u);
    EXPECT_EQ(GST_BUFFER_PTS(one[0].get()), static_cast<GstClockTime>(i) * GST_SECOND / 10);
  }
  EXPECT_EQ(gst_harness_query_latency(h.get()), GST_SECOND / 10);
  const auto query = Owned<GstQuery>::adopt(gst_query_new_latency());
  ASSERT_TRUE(gst_pad_peer_query(h->sinkpad, query.get()));
  GstClockTime most = 0;
  gst_query_parse_latency(query.get(), nullptr, nullptr, &most);
  EXPECT_EQ(most, GST_CLOCK_TIME_NONE) << "as videotestsrc: it waits as long as anybody wants";
}

TEST_F(ActionTestSrc, AScriptsEndIsWhereItIsWritten) {
  EXPECT_EQ(play("script=walk:2.2 loop=false").pts.size(), 22u);
  EXPECT_EQ(play("script=walk:1.6,wave:2.2 loop=false").pts.size(), 38u);
  const Played two = play("script=walk:2.2,wave:1 loop=false");
  ASSERT_EQ(two.truths.size(), 32u);
  EXPECT_EQ(two.truths[21].label, "walk");
  EXPECT_EQ(two.truths[22].label, "wave");
}

TEST_F(ActionTestSrc, ASeekBeforeTheCapsIsCountedAtTheirRate) {
  const Played run = play("timestamp-offset=-150000000 num-buffers=3");
  ASSERT_EQ(run.pts.size(), 3u);
  EXPECT_EQ(run.pts[0], 0u) << "the frame before 0 that is shown at 0";
  EXPECT_EQ(run.pts[1], 50 * GST_MSECOND);
  EXPECT_EQ(run.pts[2], 150 * GST_MSECOND);
}

TEST_F(ActionTestSrc, GrayHasTheRangeThatTheCapsSay) {
  const auto gray = [](const std::string& colorimetry) {
    return bytes_of(pull(harness("clutter=0", (kSmall + colorimetry).c_str()).get(), 1)[0]);
  };
  const auto usual = gray(""), full = gray(",colorimetry=1:4:0:0"), limited = gray(",colorimetry=2:4:0:0");
  EXPECT_EQ(usual, full) << "GStreamer's default for GRAY8";
  for (size_t i = 0; i < full.size(); ++i) ASSERT_NEAR(limited[i], 16 + full[i] * 219 / 255.0, 1);
}

/// ITU-R BT.601 and BT.709: Y' = kr R + kg G + kb B, Cb = (B - Y') / (2 - 2 kb), Cr = (R - Y') / (2 - 2 kr).
TEST_F(ActionTestSrc, YuvIsOfTheMatrixThatTheCapsSay) {
  constexpr size_t kWidth = 64, kHeight = 48, kPixels = kWidth * kHeight;
  const auto picture = [](const std::string& format) {
    return bytes_of(
        pull(harness("", ("video/x-raw,width=64,height=48,format=" + format).c_str()).get(), 1)[0]);
  };
  const auto rgb = picture("RGB");
  struct {
    const char* name;
    double kr, kb;
  } constexpr kMatrices[] = {{"bt601", 0.299, 0.114}, {"bt709", 0.2126, 0.0722}};
  for (const auto& matrix : kMatrices) {
    const auto yuv = picture("I420,colorimetry=" + std::string(matrix.name));
    ASSERT_EQ(yuv.size(), kPixels * 3 / 2);
    std::vector<double> u(kPixels / 4), v(kPixels / 4);
    for (size_t i = 0; i < kPixels; ++i) {
      const double r = rgb[3 * i], g = rgb[3 * i + 1], b = rgb[3 * i + 2];
      const double luma = matrix.kr * r + (1 - matrix.kr - matrix.kb) * g + matrix.kb * b;
      ASSERT_NEAR(yuv[i], 16 + luma * 219 / 255, 1) << matrix.name << ", pixel " << i;
      const size_t chroma = i / kWidth / 2 * (kWidth / 2) + i % kWidth / 2;
      u[chroma] += (b - luma) / (2 - 2 * matrix.kb) * 224 / 255 / 4;
      v[chroma] += (r - luma) / (2 - 2 * matrix.kr) * 224 / 255 / 4;
    }
    for (size_t i = 0; i < kPixels / 4; ++i) {
      ASSERT_NEAR(yuv[kPixels + i], 128 + u[i], 1) << matrix.name << ", Cb " << i;
      ASSERT_NEAR(yuv[kPixels * 5 / 4 + i], 128 + v[i], 1) << matrix.name << ", Cr " << i;
    }
  }
}

TEST_F(ActionTestSrc, RefusesColoursItCannotMake) {
  for (const char* caps : {"format=I420,colorimetry=bt2020", "format=NV12,colorimetry=smpte240m",
                           "format=RGB,colorimetry=2:1:7:1"})
    EXPECT_NE(
        play("num-buffers=1", "video/x-raw,width=64,height=48,framerate=10/1," + std::string(caps)).error, "")
        << caps;
}

TEST_F(ActionTestSrc, AStopInALongGapComesBack) {
  const Pipeline pipeline = launch(
      "actiontestsrc gap-every=86400 gap-length=86399.9 ! "
      "video/x-raw,format=GRAY8,width=64,height=48,framerate=1000/1 ! fakesink name=sink");
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  g_usleep(100000);
  EXPECT_EQ(gst_element_set_state(pipeline.get(), GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
}

TEST_F(ActionTestSrc, PostsTruthWhenItChanges) {
  const Played run = play("script=walk:2,wave:2,empty:1 loop=false post-truth=true");
  ASSERT_GE(run.posted.size(), 3u);
  EXPECT_EQ(run.posted.front(), "walk");
  EXPECT_EQ(run.posted.back(), "nothing");
  EXPECT_LE(run.posted.size(), 7u);
}

/// The base class gives what a live source sends the time at which it does: with an offset, another one.
TEST_F(ActionTestSrc, PostsTruthWithTheTimeOfTheFrameAlsoLive) {
  const Played run =
      play("script=walk:1,wave:1 loop=false post-truth=true is-live=true timestamp-offset=5000000000");
  ASSERT_GE(run.posted_at.size(), 2u);
  for (const guint64 at : run.posted_at)
    EXPECT_NE(std::find(run.pts.begin(), run.pts.end(), at), run.pts.end()) << at;
}

TEST_F(ActionTestSrc, GapsLieBetweenTheirFramesAlsoLive) {
  const Played run = play(
      "is-live=true timestamp-offset=5000000000 gap-every=0.6 gap-length=0.3 gap-mode=event num-buffers=7");
  ASSERT_GE(run.gap_ends.size(), 2u);
  for (const GstClockTime end : run.gap_ends)
    EXPECT_TRUE(std::any_of(run.pts.begin(), run.pts.end(), [&](GstClockTime pts) {
      return GST_CLOCK_DIFF(end, pts) < GST_MSECOND && GST_CLOCK_DIFF(pts, end) < GST_MSECOND;
    })) << end;
}

TEST_F(ActionTestSrc, AnOffsetBeyondAllTimeStaysThere) {
  const auto h = harness("timestamp-offset=9223372036854775807", kSmall);
  for (const auto& buffer : pull(h.get(), 3))
    EXPECT_EQ(GST_BUFFER_PTS(buffer.get()), static_cast<GstClockTime>(G_MAXINT64));
}

/// x, y, width, height and id of what is marked as a person.
std::vector<std::array<int, 5>> marked(GstBuffer* buffer) {
  std::vector<std::array<int, 5>> all;
  gpointer state = nullptr;
  while (GstMeta* meta =
             gst_buffer_iterate_meta_filtered(buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)) {
    const auto* roi = reinterpret_cast<const GstVideoRegionOfInterestMeta*>(meta);
    EXPECT_STREQ(g_quark_to_string(roi->roi_type), "person");
    all.push_back({static_cast<int>(roi->x), static_cast<int>(roi->y), static_cast<int>(roi->w),
                   static_cast<int>(roi->h), roi->id});
  }
  return all;
}

TEST_F(ActionTestSrc, MarksPersonsAsADetectorWouldWhereItIsAskedTo) {
  const auto plain = harness("script=hug:4", kSmall);
  for (const auto& buffer : pull(plain.get(), 3)) EXPECT_TRUE(marked(buffer.get()).empty());
  const auto h = harness("script=hug:4 clutter=1 seed=2 mark-persons=true", kSmall);
  std::size_t most = 0;
  for (const auto& buffer : pull(h.get(), 20)) {
    const auto persons = marked(buffer.get());
    ASSERT_GE(persons.size(), 2u);
    most = std::max(most, persons.size());
    EXPECT_EQ(persons[0][4], 1);
    EXPECT_EQ(persons[1][4], 2);
    // The truth's box lies round the two of the action.
    const TruthMeta truth = get_truth_meta(buffer.get()).value_or(TruthMeta{});
    EXPECT_EQ(truth.x, std::min(persons[0][0], persons[1][0]));
    EXPECT_EQ(truth.y + truth.height, std::max(persons[0][1] + persons[0][3], persons[1][1] + persons[1][3]));
    for (const auto& [x, y, w, h_, id] : persons) {
      EXPECT_GE(x, 0);
      EXPECT_GT(w, 0);
      EXPECT_LE(x + w, 64);
      EXPECT_LE(y + h_, 48);
    }
  }
  EXPECT_GT(most, 2u) << "bystanders, too";
}

TEST_F(ActionTestSrc, MetasDoNotOutliveTheirBufferInThePool) {
  const Played run = play("script=walk:2,wave:2 num-buffers=40");
  ASSERT_EQ(run.truths.size(), 40u);
  EXPECT_EQ(run.truths[0].label, "walk");
  EXPECT_EQ(run.truths[39].label, "wave");
}

TEST_F(ActionTestSrc, TruthSurvivesConversionAndScaling) {
  const Played run = play("script=kick num-buffers=3",
                          "video/x-raw,format=I420,width=128,height=96 ! videoconvertscale ! "
                          "video/x-raw,format=RGB,width=64,height=48");
  ASSERT_EQ(run.truths.size(), 3u);
  EXPECT_EQ(run.truths[0].label, "kick");
}

TEST_F(ActionTestSrc, SurvivesFiftyStateCycles) {
  const Pipeline pipeline =
      launch(std::string("actiontestsrc is-live=true ! ") + kSmall + " ! fakesink name=sink");
  for (int i = 0; i < 50; ++i) {
    gst_element_set_state(pipeline.get(), i % 3 ? GST_STATE_PLAYING : GST_STATE_PAUSED);
    if (i % 2) gst_element_get_state(pipeline.get(), nullptr, nullptr, GST_SECOND);
    EXPECT_NE(gst_element_set_state(pipeline.get(), i % 5 ? GST_STATE_READY : GST_STATE_NULL),
              GST_STATE_CHANGE_FAILURE);
  }
}

}  // namespace
}  // namespace mone
