// Time: which tubelets come out, when, and what they say about themselves.

#include <set>

#include "tests/elements/tubelet_harness.h"

namespace mone {
namespace {

using namespace test;

TEST(MoneTubelet, GivesTubeletsTheTimeOfTheirLastFrameAndOneHopOfDuration) {
  TubeletHarness h;
  h.caps();
  h.push_range(0, 12);
  const auto tubelets = h.pull();
  ASSERT_EQ(tubelets.size(), 3u);
  for (std::size_t k = 0; k < 3; ++k) {
    GstBuffer* b = tubelets[k].get();
    EXPECT_EQ(GST_BUFFER_PTS(b), gst_util_uint64_scale_int(GST_SECOND, 4 * k + 2, 30));
    EXPECT_NEAR(static_cast<double>(GST_BUFFER_DURATION(b)), 4e9 / 30, 1);
    EXPECT_EQ(gst_buffer_get_size(b), 4u * 2 * 8 * 8 * 3);
    EXPECT_EQ(GST_BUFFER_FLAG_IS_SET(b, GST_BUFFER_FLAG_DISCONT), k == 0);
    const TubeletMeta m = meta_of(tubelets[k]);
    EXPECT_EQ(m.frame_pts, (std::vector<GstClockTime>{gst_util_uint64_scale_int(GST_SECOND, 4 * k, 30),
                                                      gst_util_uint64_scale_int(GST_SECOND, 4 * k + 2, 30)}));
    EXPECT_EQ(m.region, 0u);
    EXPECT_EQ(m.box, (Box{0, 0, 32, 32}));
    EXPECT_EQ(m.source_width, 32);
    EXPECT_EQ(m.missing, 0);
    EXPECT_EQ(m.rate, 7.5);
    EXPECT_EQ(m.stride, 2);
    EXPECT_FALSE(m.rate_out_of_range);
    const BufferMap map(b, GST_MAP_READ);
    EXPECT_EQ(map.data()[0], 4 * k);
    EXPECT_EQ(map.data()[8 * 8 * 3], 4 * k + 2);
  }
}

TEST(MoneTubelet, KeepsTimestampsWhenFramesAreDropped) {
  TubeletHarness h;
  h.caps();
  for (int i = 0; i < 24; ++i)
    if (i != 10) h.push_range(i, i + 1);
  const auto tubelets = h.pull();
  ASSERT_EQ(tubelets.size(), 6u);
  EXPECT_EQ(meta_of(tubelets[2]).missing, 1);  // steps 8 and 10
  EXPECT_NEAR(static_cast<double>(GST_BUFFER_PTS(tubelets[2].get())), 10e9 / 30, 2);
  EXPECT_EQ(meta_of(tubelets[3]).missing, 0);
  EXPECT_EQ(meta_of(tubelets[3]).frame_pts[0], gst_util_uint64_scale_int(GST_SECOND, 12, 30));
  EXPECT_EQ(h.stat("frames-missing"), 1u);
  EXPECT_EQ(h.stat("frames"), 23u);
}

TEST(MoneTubelet, CountsSinceTheStart) {
  TubeletHarness h;
  h.caps();
  h.push_range(0, 12);
  EXPECT_EQ(h.stat("frames"), 12u);
  gst_element_set_state(h.element(), GST_STATE_READY);
  EXPECT_EQ(h.stat("frames"), 12u) << "to be read after a stop";
  EXPECT_EQ(h.stat("tubelets"), 3u);
  gst_element_set_state(h.element(), GST_STATE_PLAYING);
  EXPECT_EQ(h.stat("frames"), 0u);
  EXPECT_EQ(h.stat("tubelets"), 0u);
}

TEST(MoneTubelet, ATubeletThatWasLostWholeIsAGapEvent) {
  TubeletHarness h;
  h.caps();
  h.push_range(0, 8);
  h.push_range(20, 28);  // 0.4 s without frames: tubelets 8+10, 12+14, 16+18
  EXPECT_EQ(h.pull().size(), 4u);
  const auto gaps = h.events(GST_EVENT_GAP);
  ASSERT_EQ(gaps.size(), 3u);
  GstClockTime pts = 0, duration = 0;
  gst_event_parse_gap(gaps[0].get(), &pts, &duration);
  EXPECT_NEAR(static_cast<double>(pts), 10e9 / 30, 2);
  EXPECT_NEAR(static_cast<double>(duration), 4e9 / 30, 1);
  EXPECT_EQ(h.stat("tubelets-lost"), 3u);
}

TEST(MoneTubelet, StartsAgainAfterAGapLongerThanMaxGap) {
  for (const guint64 max_gap : {GST_SECOND, 3 * GST_SECOND}) {
    TubeletHarness h;
    g_object_set(h.element(), "max-gap", max_gap, nullptr);
    h.caps();
    h.push_range(0, 7);
    h.push_range(0, 8, 2 * GST_SECOND);
    const auto tubelets = h.pull();
    const bool again = max_gap == GST_SECOND;
    const TubeletMeta last = meta_of(tubelets.back());
    EXPECT_EQ(last.epoch, again ? 2u : 1u);
    EXPECT_EQ(h.events(GST_EVENT_GAP).empty(), again);
    if (!again) continue;
    EXPECT_EQ(last.frame_pts[0], 2 * GST_SECOND + 4 * GST_SECOND / 30);
    EXPECT_TRUE(GST_BUFFER_FLAG_IS_SET(tubelets[tubelets.size() - 2].get(), GST_BUFFER_FLAG_DISCONT));
    EXPECT_EQ(h.stat("tubelets-partial"), 0u);
    EXPECT_EQ(h.stat("restarts"), 1u);
  }
}

TEST(MoneTubelet, TimeThatGoesBackStartsAgain) {
  TubeletHarness h;
  h.caps();
  h.push_range(0, 5, 10 * GST_SECOND);  // one and a half tubelets
  h.push_range(0, 4);
  const auto tubelets = h.pull();
  ASSERT_EQ(tubelets.size(), 2u);
  EXPECT_EQ(meta_of(tubelets[1]).epoch, 2u);
  EXPECT_EQ(GST_BUFFER_PTS(tubelets[1].get()), 2 * GST_SECOND / 30);
  EXPECT_EQ(h.stat("tubelets-partial"), 1u);
}

TEST(MoneTubelet, AGapEventFromUpstreamBecomesLostTubeletsOrGoesOn) {
  TubeletHarness h;
  h.caps();
  h.push_range(0, 8);
  gst_harness_push_event(h.get(), gst_event_new_gap(8 * GST_SECOND / 30, 8 * GST_SECOND / 30));
  EXPECT_EQ(h.events(GST_EVENT_GAP).size(), 2u);
  h.push_range(16, 20);
  const auto tubelets = h.pull();
  EXPECT_EQ(meta_of(tubelets.back()).epoch, 1u);
  EXPECT_EQ(meta_of(tubelets.back()).missing, 0);

  gst_harness_push_event(h.get(), gst_event_new_gap(20 * GST_SECOND / 30, 10 * GST_SECOND));
  const auto on = h.events(GST_EVENT_GAP);
  ASSERT_EQ(on.size(), 1u);
  GstClockTime duration = 0;
  gst_event_parse_gap(on[0].get(), nullptr, &duration);
  EXPECT_EQ(duration, 10 * GST_SECOND);
}

TEST(MoneTubelet, MakesMissingTimestampsFromTheFrameRate) {
  TubeletHarness h;
  h.caps();
  for (int i = 0; i < 8; ++i)
    ASSERT_EQ(gst_harness_push(h.get(), h.frame(i == 3 ? 3 * kFrame30 : GST_CLOCK_TIME_NONE).release()),
              GST_FLOW_OK);
  const auto tubelets = h.pull();
  ASSERT_EQ(tubelets.size(), 2u);
  EXPECT_EQ(GST_BUFFER_PTS(tubelets[1].get()), 6 * kFrame30);
}

TEST(MoneTubelet, SaysWhatToDoAboutFramesWithoutAnyTime) {
  TubeletHarness h;
  h.caps(gray(32, 32, "0/1"));
  EXPECT_EQ(gst_harness_push(h.get(), h.frame(GST_CLOCK_TIME_NONE).release()), GST_FLOW_ERROR);
  EXPECT_NE(h.error().find("videorate"), std::string::npos);
}

TEST(MoneTubelet, MeasuresTheRateOfAVariableFrameRateStream) {
  TubeletHarness h;
  h.caps(gray(32, 32, "0/1"));
  for (int i = 0; i < 50; ++i) ASSERT_EQ(h.push(i * GST_SECOND / 25), GST_FLOW_OK);
  auto tubelets = h.pull();
  EXPECT_NEAR(meta_of(tubelets.back()).rate, 6.25, 1e-6);
  EXPECT_EQ(meta_of(tubelets.back()).stride, 2);
  for (int i = 0; i < 50; ++i) ASSERT_EQ(h.push(2 * GST_SECOND + i * GST_SECOND / 10), GST_FLOW_OK);
  tubelets = h.pull();
  EXPECT_NEAR(meta_of(tubelets.back()).rate, 5, 1e-6);
  EXPECT_EQ(meta_of(tubelets.back()).stride, 1);
  EXPECT_EQ(meta_of(tubelets.back()).epoch, 1u);  // a new stride keeps the window
}

TEST(MoneTubelet, FlagsARateOutsideTheTrainedRange) {
  TubeletHarness h;
  h.caps(gray(32, 32, "5/1"));
  for (int i = 0; i < 4; ++i) h.push(i * GST_SECOND / 5);
  EXPECT_TRUE(meta_of(h.pull().back()).rate_out_of_range);
}

TEST(MoneTubelet, NominalSamplingKeepsTheGridOfTheModel) {
  TubeletHarness h;
  gst_util_set_object_arg(G_OBJECT(h.element()), "sampling", "nominal");
  h.caps(gray(32, 32, "25/1"));
  for (int i = 0; i < 50; ++i) h.push(i * GST_SECOND / 25, i);
  const auto tubelets = h.pull();
  ASSERT_GE(tubelets.size(), 14u);
  for (std::size_t k = 0; k < tubelets.size(); ++k) {
    const TubeletMeta m = meta_of(tubelets[k]);
    EXPECT_EQ(m.rate, 7.5);
    EXPECT_EQ(m.stride, 0);
    for (std::size_t s = 0; s < 2; ++s)  // newest frame at or before grid point 2k + s, 15 a second
      EXPECT_EQ(m.frame_pts[s], (2 * k + s) * 25 / 15 * (GST_SECOND / 25));
  }
}

TEST(MoneTubelet, AFlushStartsAgain) {
  TubeletHarness h;
  h.caps();
  h.push_range(0, 5);
  EXPECT_TRUE(gst_harness_push_event(h.get(), gst_event_new_flush_start()));
  EXPECT_TRUE(gst_harness_push_event(h.get(), gst_event_new_flush_stop(TRUE)));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(h.get(), gst_event_new_segment(&segment));
  h.push_range(0, 4);
  const auto tubelets = h.pull();
  const TubeletMeta m = meta_of(tubelets.back());
  EXPECT_EQ(m.epoch, 2u);
  EXPECT_EQ(m.frame_pts, (std::vector<GstClockTime>{0, 2 * GST_SECOND / 30}));
  EXPECT_EQ(h.stat("tubelets-partial"), 1u);
}

TEST(MoneTubelet, ASegmentThatKeepsRunningTimeGoesOnAndAnotherStartsAgain) {
  TubeletHarness h;
  h.caps();
  h.push_range(0, 5);
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.stop = 100 * GST_SECOND;
  gst_harness_push_event(h.get(), gst_event_new_segment(&segment));
  h.push_range(5, 8);
  EXPECT_EQ(meta_of(h.pull().back()).epoch, 1u);
  segment.base = 8 * GST_SECOND / 30;  // another file behind the first, its own time from 0
  gst_harness_push_event(h.get(), gst_event_new_segment(&segment));
  h.push_range(0, 4);
  const auto tubelets = h.pull();
  ASSERT_EQ(tubelets.size(), 1u);
  EXPECT_EQ(meta_of(tubelets[0]).epoch, 2u);
  EXPECT_EQ(GST_BUFFER_PTS(tubelets[0].get()), 2 * GST_SECOND / 30);
}

TEST(MoneTubelet, ASegmentInBytesIsAnError) {
  TubeletHarness h;
  h.caps();
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_BYTES);
  gst_harness_push_event(h.get(), gst_event_new_segment(&segment));
  EXPECT_NE(h.push(0), GST_FLOW_OK);
  EXPECT_NE(h.error().find("time"), std::string::npos);
}

TEST(MoneTubelet, SamplesFastAndBackwardPlaybackInRunningTime) {
  TubeletHarness h;
  h.caps(gray(32, 32, "0/1"));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.rate = -2;
  segment.stop = 4 * GST_SECOND;
  gst_harness_push_event(h.get(), gst_event_new_segment(&segment));
  for (int i = 0; i < 100; ++i) ASSERT_EQ(h.push(4 * GST_SECOND - i * GST_SECOND / 30), GST_FLOW_OK);
  const auto tubelets = h.pull();
  const TubeletMeta m = meta_of(tubelets.back());
  EXPECT_EQ(m.stride, 4);  // 60 frames a second pass
  EXPECT_GT(m.frame_pts[0], m.frame_pts[1]);
  EXPECT_NEAR(static_cast<double>(m.frame_pts[0] - m.frame_pts[1]), 4e9 / 30, 10);
  EXPECT_EQ(m.epoch, 1u);
}

TEST(MoneTubelet, DurationsAreInTimeOfTheSegmentLikeThePts) {
  TubeletHarness h;
  h.caps(gray(32, 32, "0/1"));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.rate = 2;
  gst_harness_push_event(h.get(), gst_event_new_segment(&segment));
  for (int i = 0; i < 100; ++i) ASSERT_EQ(h.push(i * GST_SECOND / 30), GST_FLOW_OK);
  const auto tubelets = h.pull();
  const auto& last = tubelets.back();
  const GstClockTime apart = GST_BUFFER_PTS(last.get()) - GST_BUFFER_PTS(tubelets[tubelets.size() - 2].get());
  EXPECT_NEAR(static_cast<double>(GST_BUFFER_DURATION(last.get())), static_cast<double>(apart), 1e6);
}

TEST(MoneTubelet, AGapRightAfterAJumpBridgesNothing) {
  TubeletHarness h;
  h.caps();
  h.push_range(0, 12);
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.base = 12 * kFrame30;  // running time goes on, the picture is another
  gst_harness_push_event(h.get(), gst_event_new_segment(&segment));
  gst_harness_push_event(h.get(), gst_event_new_gap(0, GST_SECOND / 10));
  EXPECT_EQ(h.events(GST_EVENT_GAP).size(), 1u) << "it goes on downstream";
}

TEST(MoneTubelet, FramesOutsideTheSegmentAreNotSeen) {
  TubeletHarness h;
  h.caps();
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.start = GST_SECOND;
  gst_harness_push_event(h.get(), gst_event_new_segment(&segment));
  h.push_range(0, 34);
  const auto tubelets = h.pull();
  ASSERT_EQ(tubelets.size(), 1u);
  EXPECT_EQ(meta_of(tubelets[0]).frame_pts[0], GST_SECOND);
}

TEST(MoneTubelet, EosDropsAnUnfinishedTubeletAndCountsIt) {
  TubeletHarness h;
  h.caps();
  h.push_range(0, 5);
  EXPECT_TRUE(gst_harness_push_event(h.get(), gst_event_new_eos()));
  EXPECT_EQ(h.pull().size(), 1u);
  EXPECT_EQ(h.events(GST_EVENT_EOS).size(), 1u);
  EXPECT_EQ(h.stat("tubelets-partial"), 1u);
}

TEST(MoneTubelet, AStrideSetWhileRunningActsOnTheNextTubelet) {
  TubeletHarness h;
  h.caps();
  h.push_range(0, 7);
  g_object_set(h.element(), "stride", 1, nullptr);
  h.push_range(7, 12);
  const auto tubelets = h.pull();
  const TubeletMeta m = meta_of(tubelets.back());
  EXPECT_EQ(m.stride, 1);
  EXPECT_EQ(m.rate, 15);
  EXPECT_TRUE(m.rate_out_of_range);
  EXPECT_EQ(m.epoch, 1u);
}

TEST(MoneTubelet, ReusesAFewBuffers) {
  TubeletHarness h;
  h.caps();
  std::set<GstBuffer*> seen;
  for (int i = 0; i < 200; ++i) {
    h.push_range(i, i + 1);
    for (const auto& b : h.pull()) {
      seen.insert(b.get());
      EXPECT_EQ(gst_buffer_get_n_meta(b.get(), register_tubelet_meta()->api), 1u);
    }
  }
  EXPECT_LE(seen.size(), 3u);
}

TEST(MoneTubelet, CarriesTheReferenceTimeOfTheLastFrame) {
  TubeletHarness h;
  h.caps();
  const auto ntp = Owned<GstCaps>::adopt(gst_caps_new_empty_simple("timestamp/x-ntp"));
  for (int i = 0; i < 8; ++i) {
    auto frame = h.frame(i * kFrame30);
    if (i < 4)
      gst_buffer_add_reference_timestamp_meta(frame.get(), ntp.get(), 1000 * GST_SECOND + i,
                                              GST_CLOCK_TIME_NONE);
    ASSERT_EQ(gst_harness_push(h.get(), frame.release()), GST_FLOW_OK);
  }
  const auto tubelets = h.pull();
  ASSERT_EQ(tubelets.size(), 2u);
  const auto* reference = gst_buffer_get_reference_timestamp_meta(tubelets[0].get(), nullptr);
  ASSERT_NE(reference, nullptr);
  EXPECT_EQ(reference->timestamp, 1000 * GST_SECOND + 2);
  EXPECT_EQ(gst_buffer_get_reference_timestamp_meta(tubelets[1].get(), nullptr), nullptr);
}

TEST(MoneTubelet, TakesBufferLists) {
  TubeletHarness h;
  h.caps();
  GstBufferList* list = gst_buffer_list_new();
  for (int i = 0; i < 8; ++i) gst_buffer_list_add(list, h.frame(i * kFrame30).release());
  EXPECT_EQ(gst_pad_push_list(h.get()->srcpad, list), GST_FLOW_OK);
  EXPECT_EQ(h.pull().size(), 2u);
}

}  // namespace
}  // namespace mone
