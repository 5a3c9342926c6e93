// One camera whose frame rate changes, jitters or is not what its caps say, through monetubelet and monevivit
// with the model that ships (nominal 7.5 tubelets a second): what the budget answers to, and that the stream
// of scores does not break.
#include <gst/check/gstharness.h>
#include <gst/video/video.h>

#include <random>

#include "tests/elements/support.h"

namespace mone {
namespace {

class FrameRates : public testing::Test {
 protected:
  /// @param caps_fps  what the camera says
  void start(int caps_fps, const std::string& tubelet = "") {
    harness_.reset(gst_harness_new_parse(("monetubelet " + tubelet + " ! monevivit threads=1").c_str()));
    answer_not_live(harness_.get());
    gst_video_info_set_format(&info_, GST_VIDEO_FORMAT_I420, 64, 48);
    info_.fps_n = caps_fps;
    info_.fps_d = 1;
    gst_harness_set_src_caps(harness_.get(), gst_video_info_to_caps(&info_));
  }
  void frame(GstClockTime after_last) {
    GstBuffer* buffer = gst_buffer_new_allocate(nullptr, info_.size, nullptr);
    gst_buffer_memset(buffer, 0, static_cast<guint8>(40 + 7 * (frames_++ % 20)), info_.size);
    GST_BUFFER_PTS(buffer) = now_ += after_last;
    ASSERT_EQ(gst_harness_push(harness_.get(), buffer), GST_FLOW_OK);
    while (GstBuffer* out = gst_harness_try_pull(harness_.get())) {
      scores_.push_back(get_scores_meta(out).value());
      gst_buffer_unref(out);
    }
  }
  /// @return the tubelet rate at the end of so many seconds at so many frames a second
  double play(int fps, int seconds) {
    for (int i = 0; i < fps * seconds; ++i) frame(GST_SECOND / static_cast<guint64>(fps));
    return scores_.back().rate;
  }
  /// Scores come, with one window that goes on, and never later than `longest` after each other.
  void expect_unbroken(GstClockTime longest) {
    ASSERT_GT(scores_.size(), 10u);
    for (std::size_t i = 1; i < scores_.size(); ++i) {
      ASSERT_GT(scores_[i].window_end, scores_[i - 1].window_end);
      EXPECT_LE(scores_[i].window_end - scores_[i - 1].window_end, longest) << "at score " << i;
      EXPECT_FALSE(scores_[i].warming && !scores_[i - 1].warming) << "began again at score " << i;
    }
  }

  Harness harness_;
  GstVideoInfo info_{};
  GstClockTime now_ = 0;
  int frames_ = 0;
  std::vector<ScoresMeta> scores_;
};

TEST_F(FrameRates, FollowKeepsTheTubeletRateNearTheNominalOne) {
  start(10);
  EXPECT_NEAR(play(10, 3), 5, .1);
  EXPECT_NEAR(play(30, 3), 7.5, .1);
  EXPECT_NEAR(play(60, 3), 7.5, .1);
  EXPECT_NEAR(play(10, 3), 5, .1);
  expect_unbroken(500 * GST_MSECOND);
  EXPECT_FALSE(scores_.back().rate_out_of_range);
}

TEST_F(FrameRates, AFixedStrideFollowsTheFrameRateInFull) {
  start(10, "stride=2");
  EXPECT_NEAR(play(10, 3), 2.5, .05);
  EXPECT_NEAR(play(30, 3), 7.5, .1);
  EXPECT_NEAR(play(60, 3), 15, .2);
  EXPECT_NEAR(play(10, 3), 2.5, .05);
  expect_unbroken(900 * GST_MSECOND);
}

TEST_F(FrameRates, CapsThatLieAreBelievedForASecondOnly) {
  start(30);
  EXPECT_NEAR(play(10, 4), 5, .1);
  expect_unbroken(700 * GST_MSECOND);
  start(10);
  now_ = 0;
  scores_.clear();
  EXPECT_NEAR(play(60, 3), 7.5, .1);
  expect_unbroken(500 * GST_MSECOND);
}

TEST_F(FrameRates, AVariableRateBreaksNothing) {
  start(0);
  std::minstd_rand random(3);
  for (int i = 0; i < 150; ++i) frame((20 + random() % 41) * GST_MSECOND);
  expect_unbroken(500 * GST_MSECOND);
  EXPECT_NEAR(scores_.back().rate, 6.25, 1.5);
}

TEST_F(FrameRates, ANightModeGoesOnAndSaysThatTheModelWasNotTrainedForIt) {
  start(30);
  play(30, 3);
  EXPECT_FALSE(scores_.back().rate_out_of_range);
  EXPECT_NEAR(play(5, 6), 2.5, .05);
  EXPECT_TRUE(scores_.back().rate_out_of_range);
  EXPECT_NEAR(play(30, 3), 7.5, .1);
  EXPECT_FALSE(scores_.back().rate_out_of_range);
  expect_unbroken(GST_SECOND);
}

}  // namespace
}  // namespace mone
