// crop=motion and crop=region in the element: negotiation, boxes, ids.
#include "tests/elements/tubelet_harness.h"

namespace mone::test {
namespace {

std::string any_crop() {
  std::string caps = contract("luma-motion", 64);
  return caps.replace(caps.find("crop=full"), 9, "crop=(string){full,motion,region}");
}

constexpr int kSize = 96;

/// A grey frame with a bright square at x, y.
Owned<GstBuffer> square_frame(const TubeletHarness& h, int i, int x, int y) {
  auto buffer = h.frame(i * kFrame30 * 3, 90, kSize, kSize);
  const BufferMap map(buffer.get(), GST_MAP_WRITE);
  for (int r = y; r < y + 12; ++r)
    for (int c = x; c < x + 12; ++c) map.data()[r * kSize + c] = 220;
  return buffer;
}

std::string negotiated_crop(const TubeletHarness& h) {
  const auto pad = Owned<GstPad>::adopt(gst_element_get_static_pad(h.element(), "src"));
  const auto caps = Owned<GstCaps>::adopt(gst_pad_get_current_caps(pad.get()));
  const char* crop = caps ? gst_structure_get_string(gst_caps_get_structure(caps.get(), 0), "crop") : nullptr;
  return crop ? crop : "";
}

TEST(MoneTubeletCrop, IsWhatDownstreamAsksForUnlessThePropertySaysOtherwise) {
  {
    TubeletHarness h(any_crop());
    h.caps(gray());
    h.push_range(0, 4);
    EXPECT_EQ(negotiated_crop(h), "full");
  }
  {
    TubeletHarness h(any_crop());
    gst_util_set_object_arg(G_OBJECT(h.element()), "crop", "motion");
    h.caps(gray());
    h.push_range(0, 4);
    EXPECT_EQ(negotiated_crop(h), "motion");
  }
  TubeletHarness h;  // downstream takes crop=full only
  gst_util_set_object_arg(G_OBJECT(h.element()), "crop", "region");
  h.caps(gray());
  EXPECT_EQ(h.push(0), GST_FLOW_NOT_NEGOTIATED);
  EXPECT_NE(h.error().find("crop"), std::string::npos);
}

TEST(MoneTubeletCrop, MotionGivesTheBoxOfWhatMovesInSourcePixels) {
  TubeletHarness h(any_crop());
  gst_util_set_object_arg(G_OBJECT(h.element()), "crop", "motion");
  g_object_set(h.element(), "stride", 1, nullptr);
  h.caps(gray(kSize, kSize, "10/1"));
  for (int i = 0; i < 24; ++i)
    ASSERT_EQ(gst_harness_push(h.get(), square_frame(h, i, 70 + i % 2 * 4, 20).release()), GST_FLOW_OK);
  const auto tubelets = h.pull();
  ASSERT_EQ(tubelets.size(), 12u);
  EXPECT_EQ(meta_of(tubelets[0]).region, 0u);
  const Box box = meta_of(tubelets.back()).box;
  EXPECT_LE(box.width, kSize / 2);
  EXPECT_LE(box.x, 70);
  EXPECT_GE(box.x + box.width, 86);
  EXPECT_EQ(meta_of(tubelets.back()).source_width, kSize);
}

TEST(MoneTubeletCrop, RegionGivesOneTubeletARegionWithIdsThatStay) {
  TubeletHarness h(any_crop());
  gst_util_set_object_arg(G_OBJECT(h.element()), "crop", "region");
  g_object_set(h.element(), "stride", 1, "max-regions", 2, nullptr);
  h.caps(gray(kSize, kSize, "10/1"));
  for (int i = 0; i < 8; ++i) {
    auto frame = square_frame(h, i, 40, 40);
    // Both in another order in every frame, as detectors list them; a third where there is room for two.
    const auto mark = [&](guint x, guint y, guint size) {
      gst_buffer_add_video_region_of_interest_meta(frame.get(), "person", x, y, size, size);
    };
    const auto step = static_cast<guint>(i);
    if (i % 2) mark(50 + step, 40, 40);
    mark(5, 5 + step, 40);
    if (i % 2 == 0) mark(50 + step, 40, 40);
    if (i > 4) mark(0, 60, 30);
    ASSERT_EQ(gst_harness_push(h.get(), frame.release()), GST_FLOW_OK);
  }
  const auto tubelets = h.pull();
  ASSERT_EQ(tubelets.size(), 8u);
  for (std::size_t i = 0; i < 8; ++i) {
    const TubeletMeta meta = meta_of(tubelets[i]);
    EXPECT_EQ(meta.region, i % 2 + 1);
    EXPECT_EQ(GST_BUFFER_PTS(tubelets[i].get()), GST_BUFFER_PTS(tubelets[i / 2 * 2].get()));
    if (meta.region == 1)
      EXPECT_LT(meta.box.x, 30);
    else
      EXPECT_GT(meta.box.x, 30);
  }
}

TEST(MoneTubeletCrop, WithoutRegionsThereAreNoTubelets) {
  TubeletHarness h(any_crop());
  gst_util_set_object_arg(G_OBJECT(h.element()), "crop", "region");
  h.caps(gray());
  h.push_range(0, 12);
  EXPECT_TRUE(h.pull().empty());
}

}  // namespace
}  // namespace mone::test
