// Labels as GstAnalytics metadata, read as any application would read them (GStreamer >= 1.24).
#include "elements/analytics.h"

#include <gtest/gtest.h>

#include <functional>

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

/// Plays a line to its end with `see` called on every buffer that reaches the element `out`.
void play(const std::string& line, std::function<void(GstBuffer*)> see) {
  const auto pipeline =
      Owned<GstElement>::adopt(GST_ELEMENT(gst_object_ref_sink(gst_parse_launch(line.c_str(), nullptr))));
  const auto out = Owned<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "out"));
  const auto pad = Owned<GstPad>::adopt(gst_element_get_static_pad(out.get(), "sink"));
  gst_pad_add_probe(
      pad.get(), GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad*, GstPadProbeInfo* info, gpointer function) {
        (*static_cast<std::function<void(GstBuffer*)>*>(function))(GST_PAD_PROBE_INFO_BUFFER(info));
        return GST_PAD_PROBE_OK;
      },
      &see, nullptr);
  const auto bus = Owned<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  const auto end = Owned<GstMessage>::adopt(gst_bus_timed_pop_filtered(
      bus.get(), 60 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  ASSERT_TRUE(end) << "nothing came for a minute";
  ASSERT_EQ(GST_MESSAGE_TYPE(end.get()), GST_MESSAGE_EOS) << error_text(end.get());
}

std::string classified(const std::string& pattern, int width, int height) {
  return "videotestsrc num-buffers=60 pattern=" + pattern +
         " ! video/x-raw,format=I420,framerate=30/1,width=" + std::to_string(width) +
         ",height=" + std::to_string(height) +
         " ! moneclassify wait=always backend=reference threads=1 top-k=3 model=" + tiny_model() + " ! ";
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

TEST(Analytics, NoLabelIsNoDetection) {
  const auto buffer = Owned<GstBuffer>::adopt(gst_buffer_new());
  add_analytics(buffer.get(), {});
  EXPECT_TRUE(read(buffer.get()).empty());
}

TEST(Analytics, LabelledFramesOfAPipelineCarryTheirLabelOverTheFrame) {
  int labelled = 0;
  play(classified("ball", 64, 48) + "fakesink name=out", [&](GstBuffer* buffer) {
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

TEST(Analytics, TheStockOverlayDrawsTheLabel) {
  const auto stock = Owned<GstElementFactory>::adopt(gst_element_factory_find("objectdetectionoverlay"));
  if (!stock) GTEST_SKIP() << "no objectdetectionoverlay; it is in gstreamer1.0-plugins-bad";
  std::string last[2];
  for (const bool drawn : {false, true})
    play(classified("black", 320, 240) + "videoconvert ! " + (drawn ? "objectdetectionoverlay ! " : "") +
             "video/x-raw,format=BGRA ! fakesink name=out",
         [&](GstBuffer* buffer) {
           const BufferMap map(buffer, GST_MAP_READ);
           last[drawn].assign(reinterpret_cast<const char*>(map.data()), map.size());
         });
  EXPECT_EQ(last[0].size(), last[1].size());
  EXPECT_TRUE(last[0] != last[1]) << "nothing was drawn";
}

#else

TEST(Analytics, IsThere) {
  GTEST_SKIP()
      << "built without GstAnalytics, which needs GStreamer 1.24 and libgstreamer-plugins-bad1.0-dev";
}

#endif

}  // namespace
}  // namespace mone
