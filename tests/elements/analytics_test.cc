// Labels as GstAnalytics metadata, read as any application would read them (GStreamer >= 1.24).
#include "elements/analytics.h"

#include <gtest/gtest.h>

#include "tests/elements/play.h"
#include "tests/elements/support.h"

#ifdef HAVE_GST_ANALYTICS
#include <gst/analytics/analytics.h>
#endif

namespace mone {
namespace {

#ifdef HAVE_GST_ANALYTICS

/// A detection and the classes related to it.
struct Found {
  std::string name;
  int x = 0, y = 0, width = 0, height = 0;
  float confidence = 0;
  std::vector<NamedScore> classes;
};

std::vector<Found> read(GstBuffer* buffer) {
  std::vector<Found> all;
  GstAnalyticsRelationMeta* meta = gst_buffer_get_analytics_relation_meta(buffer);
  if (!meta) return all;
  gpointer state = nullptr;
  GstAnalyticsODMtd object;
  while (gst_analytics_relation_meta_iterate(meta, &state, gst_analytics_od_mtd_get_mtd_type(), &object)) {
    Found found;
    found.name = g_quark_to_string(gst_analytics_od_mtd_get_obj_type(&object));
    gst_analytics_od_mtd_get_location(&object, &found.x, &found.y, &found.width, &found.height,
                                      &found.confidence);
    gpointer of_object = nullptr;
    GstAnalyticsClsMtd classes;
    while (gst_analytics_relation_meta_get_direct_related(meta, object.id, GST_ANALYTICS_REL_TYPE_RELATE_TO,
                                                          gst_analytics_cls_mtd_get_mtd_type(), &of_object,
                                                          &classes))
      for (gsize i = 0; i < gst_analytics_cls_mtd_get_length(&classes); ++i)
        found.classes.push_back({g_quark_to_string(gst_analytics_cls_mtd_get_quark(&classes, i)),
                                 gst_analytics_cls_mtd_get_level(&classes, i)});
    all.push_back(found);
  }
  return all;
}

TEST(Analytics, EveryRegionIsADetectionRelatedToItsClasses) {
  const auto buffer = Owned<GstBuffer>::adopt(gst_buffer_new());
  for (int region = 0; region < 2; ++region) {
    ActionMeta action;
    action.window.region = static_cast<guint>(region);
    action.window.box = {10 + 100 * region, 20, 30, 40};
    action.top = {{region ? "clap" : "wave", 0.75}, {"walk", 0.125}};
    add_analytics(buffer.get(), action);
  }
  const auto found = read(buffer.get());
  ASSERT_EQ(found.size(), 2u);
  for (int region = 0; region < 2; ++region) {
    const Found& f = found[region];
    EXPECT_EQ(f.name, region ? "clap" : "wave");
    EXPECT_EQ(f.x, 10 + 100 * region);
    EXPECT_EQ(f.y, 20);
    EXPECT_EQ(f.width, 30);
    EXPECT_EQ(f.height, 40);
    EXPECT_FLOAT_EQ(f.confidence, 0.75f);
    ASSERT_EQ(f.classes.size(), 2u);
    EXPECT_EQ(f.classes[0].label, f.name);
    EXPECT_EQ(f.classes[1].label, "walk");
    EXPECT_FLOAT_EQ(static_cast<float>(f.classes[1].score), 0.125f);
  }
}

TEST(Analytics, ABoxIsCutToTheFrame) {
  const auto buffer = Owned<GstBuffer>::adopt(gst_buffer_new());
  ActionMeta action;
  action.window.box = {100, -40, 160, 160};
  action.window.source_width = 240;
  action.window.source_height = 240;
  action.top = {{"wave", 0.75}};
  add_analytics(buffer.get(), action);
  const auto found = read(buffer.get());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].y, 0);
  EXPECT_EQ(found[0].width, 140);
  EXPECT_EQ(found[0].height, 120);
}

TEST(Analytics, NoLabelIsNoDetection) {
  const auto buffer = Owned<GstBuffer>::adopt(gst_buffer_new());
  add_analytics(buffer.get(), {});
  EXPECT_TRUE(read(buffer.get()).empty());
}

TEST(Analytics, LabelledFramesOfAPipelineCarryTheirLabelOverTheFrame) {
  int labelled = 0;
  play(classified_line("ball", 64, 48) + "fakesink name=out", [&](GstBuffer* buffer) {
    const auto actions = get_action_metas(buffer);
    const auto found = read(buffer);
    ASSERT_EQ(actions.size(), found.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      ++labelled;
      EXPECT_EQ(found[i].name, actions[i].top.front().label);
      EXPECT_EQ(found[i].width, 64);
      EXPECT_EQ(found[i].height, 48);
      EXPECT_EQ(found[i].classes.size(), 3u);
    }
  });
  EXPECT_GT(labelled, 40);
}

#else

TEST(Analytics, IsThere) {
  GTEST_SKIP()
      << "built without GstAnalytics, which needs GStreamer 1.24 and libgstreamer-plugins-bad1.0-dev";
}

#endif

}  // namespace
}  // namespace mone
