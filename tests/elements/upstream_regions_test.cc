// Regions out of GstAnalytics metadata, as a detector and a tracker upstream write it (GStreamer >= 1.24).
#include "elements/upstream_regions.h"

#include <gtest/gtest.h>

#include "elements/glue/gst_ptr.h"

#ifdef HAVE_GST_ANALYTICS
#include <gst/analytics/analytics.h>
#endif

namespace mone {
namespace {

#ifdef HAVE_GST_ANALYTICS

struct Detection {
  const char* type;
  Box box;
  gint64 track = -1;  ///< -1: no tracker
  bool lost = false;
};

std::vector<Region> regions_of(UpstreamRegions& regions, const std::vector<Detection>& detections,
                               const std::vector<Box>& also_as_roi = {}, Time now = Time(0)) {
  const auto buffer = Owned<GstBuffer>::adopt(gst_buffer_new());
  for (const Box& b : also_as_roi)
    gst_buffer_add_video_region_of_interest_meta(buffer.get(), "person", static_cast<guint>(b.x),
                                                 static_cast<guint>(b.y), static_cast<guint>(b.width),
                                                 static_cast<guint>(b.height));
  GstAnalyticsRelationMeta* meta = gst_buffer_add_analytics_relation_meta(buffer.get());
  for (const Detection& d : detections) {
    GstAnalyticsODMtd object;
    EXPECT_TRUE(gst_analytics_relation_meta_add_od_mtd(meta, g_quark_from_string(d.type), d.box.x, d.box.y,
                                                       d.box.width, d.box.height, 0.9f, &object));
    if (d.track < 0) continue;
    GstAnalyticsTrackingMtd tracking;
    EXPECT_TRUE(
        gst_analytics_relation_meta_add_tracking_mtd(meta, static_cast<guint64>(d.track), 0, &tracking));
    if (d.lost) gst_analytics_tracking_mtd_set_lost(&tracking);
    EXPECT_TRUE(gst_analytics_relation_meta_set_relation(meta, GST_ANALYTICS_REL_TYPE_RELATE_TO, object.id,
                                                         tracking.id));
  }
  const auto found = regions.of(buffer.get(), {0, 0, 200, 100}, now);
  return {found.begin(), found.end()};
}

constexpr Box kLeft{0, 0, 40, 80}, kRight{120, 0, 40, 80};

TEST(UpstreamRegions, ATrackersIdSaysWhoItIsWhateverTheBoxesSay) {
  UpstreamRegions regions;
  auto now = regions_of(regions, {{"person", kLeft, 0}, {"person", kRight, 7}});
  ASSERT_EQ(now.size(), 2u);
  EXPECT_EQ(now[0].id, 1u);
  EXPECT_EQ(now[0].box.x, kLeft.x);
  // They change places between two frames: overlap alone would take each for the other.
  now = regions_of(regions, {{"person", kLeft, 7}, {"person", kRight, 0}});
  ASSERT_EQ(now.size(), 2u);
  EXPECT_EQ(now[0].id, 1u);
  EXPECT_EQ(now[0].box.x, kRight.x);
  EXPECT_EQ(now[1].id, 2u);
  EXPECT_EQ(now[1].box.x, kLeft.x);
}

TEST(UpstreamRegions, AnotherTrackInTheSamePlaceIsAnotherRegion) {
  UpstreamRegions regions;
  regions_of(regions, {{"person", kLeft, 3}});
  const auto now = regions_of(regions, {{"person", kLeft, 4}});
  ASSERT_EQ(now.size(), 2u) << "the first one stays for a while";
  EXPECT_EQ(now[1].id, 2u);
}

TEST(UpstreamRegions, ALostTrackIsNotSeenAndItsRegionStaysWhereItWas) {
  UpstreamRegions regions;
  regions_of(regions, {{"person", kLeft, 3}});
  auto now = regions_of(regions, {{"person", kRight, 3, true}});
  ASSERT_EQ(now.size(), 1u);
  EXPECT_EQ(now[0].box.x, kLeft.x);
  EXPECT_EQ(regions.upstream_id(now[0].id), 3u);
  now = regions_of(regions, {{"person", kRight, 3, true}}, {}, UpstreamRegions::kKept);
  EXPECT_EQ(now.size(), 1u);
  now = regions_of(regions, {{"person", kRight, 3, true}}, {}, UpstreamRegions::kKept + Time(1));
  EXPECT_TRUE(now.empty());
}

TEST(UpstreamRegions, AMarkThatTheTrackerMissedDoesNotMakeSomebodyElseOfHim) {
  UpstreamRegions regions;
  regions_of(regions, {{"person", kLeft, 3}});
  auto now = regions_of(regions, {{"person", kLeft}});
  ASSERT_EQ(now.size(), 1u);
  EXPECT_EQ(regions.upstream_id(1), 3u);
  now = regions_of(regions, {{"person", kRight, 3}, {"person", kLeft, 4}});
  ASSERT_EQ(now.size(), 2u);
  EXPECT_EQ(now[0].id, 1u);
  EXPECT_EQ(now[0].box.x, kRight.x) << "he has walked on";
  EXPECT_EQ(regions.upstream_id(now[1].id), 4u);
}

TEST(UpstreamRegions, ABoxThatADetectorWritesInBothMetasIsOnePerson) {
  UpstreamRegions regions;
  auto now = regions_of(regions, {{"person", kLeft, 3}, {"person", kRight}}, {kLeft, {121, 0, 40, 80}});
  ASSERT_EQ(now.size(), 2u);
  UpstreamRegions tracked;
  now = regions_of(tracked, {{"person", kLeft, 3}}, {kLeft});
  ASSERT_EQ(now.size(), 1u);
  now = regions_of(tracked, {{"person", kRight, 3}}, {kRight});
  ASSERT_EQ(now.size(), 1u) << "it is the tracker that says who it is";
  EXPECT_EQ(now[0].box.x, kRight.x);
  UpstreamRegions near;
  now = regions_of(near, {{"person", kLeft}, {"person", {44, 0, 40, 80}}}, {});
  EXPECT_EQ(now.size(), 2u) << "beside each other is not the same";
}

TEST(UpstreamRegions, DetectionsWithoutATrackerGoByOverlapAndType) {
  UpstreamRegions regions;
  regions.set_type("person");
  auto now = regions_of(regions, {{"car", kRight}, {"person", kLeft}});
  ASSERT_EQ(now.size(), 1u);
  now = regions_of(regions, {{"Person", {4, 0, 40, 80}}, {"car", kLeft}});
  ASSERT_EQ(now.size(), 1u);
  EXPECT_EQ(now[0].id, 1u);
  EXPECT_EQ(now[0].box.x, 4);
}

#else

TEST(UpstreamRegions, ReadGstAnalytics) {
  GTEST_SKIP()
      << "built without GstAnalytics, which needs GStreamer 1.24 and libgstreamer-plugins-bad1.0-dev";
}

#endif

}  // namespace
}  // namespace mone
