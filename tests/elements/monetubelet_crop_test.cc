// crop=motion and crop=region in the element: negotiation, boxes, ids.
#include "tests/elements/support.h"
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

/// With crop=region, ten frames and five tubelets a second.
class RegionHarness : public TubeletHarness {
 public:
  RegionHarness() : TubeletHarness(any_crop()) {
    gst_util_set_object_arg(G_OBJECT(element()), "crop", "region");
    g_object_set(element(), "stride", 1, nullptr);
    caps(gray(kSize, kSize, "10/1"));
  }
};

/// Pushes frame `i` with somebody marked at `x`. @param id  0: the detector numbers nobody
void push_person(const TubeletHarness& h, int i, guint x, gint id = 0) {
  auto frame = square_frame(h, i, 40, 40);
  gst_buffer_add_video_region_of_interest_meta(frame.get(), "person", x, 10, 30, 60)->id = id;
  ASSERT_EQ(gst_harness_push(h.get(), frame.release()), GST_FLOW_OK);
}

TEST(MoneTubeletCrop, RegionGivesOneTubeletARegionWithIdsThatStay) {
  const RegionHarness h;
  g_object_set(h.element(), "max-regions", 2, nullptr);
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
    EXPECT_EQ(meta.following, 1 - static_cast<int>(i % 2)) << "the second of a moment is its last";
    EXPECT_EQ(GST_BUFFER_PTS(tubelets[i].get()), GST_BUFFER_PTS(tubelets[i / 2 * 2].get()));
    if (meta.region == 1)
      EXPECT_LT(meta.box.x, 30);
    else
      EXPECT_GT(meta.box.x, 30);
  }
}

/// Regions of the tubelets of 16 frames: eight with a region on the left, then eight with one on the right.
std::vector<guint> regions_of_a_jump(gint left_id, gint right_id) {
  const RegionHarness h;
  for (int i = 0; i < 16; ++i) push_person(h, i, i < 8 ? 2 : 60, i < 8 ? left_id : right_id);
  std::vector<guint> regions;
  for (const auto& tubelet : h.pull()) regions.push_back(meta_of(tubelet).region);
  return regions;
}

TEST(MoneTubeletCrop, ARegionFarAwayIsAnotherUnlessItsIdSaysOtherwise) {
  // Without an id (0): the first stays for a while, since detectors skip frames, beside the new one.
  const auto unknown = regions_of_a_jump(0, 0);
  EXPECT_EQ(unknown, (std::vector<guint>{1, 1, 1, 1, 1, 2, 1, 2, 1, 2, 1, 2}));
  EXPECT_EQ(regions_of_a_jump(5, 5), std::vector<guint>(8, 1));
  EXPECT_EQ(regions_of_a_jump(5, 6), unknown);
}

TEST(MoneTubeletCrop, OnlyRegionsOfTheTypeAskedFor) {
  const RegionHarness h;
  g_object_set(h.element(), "region-type", "Person", nullptr);
  const auto push = [&h](int first, int last) {
    for (int i = first; i < last; ++i) {
      auto frame = square_frame(h, i, 40, 40);
      gst_buffer_add_video_region_of_interest_meta(frame.get(), "car", 50, 10, 40, 40);
      gst_buffer_add_video_region_of_interest_meta(frame.get(), "person", 2, 10, 30, 60);
      gst_buffer_add_video_region_of_interest_meta_id(frame.get(), 0, 40, 60, 20, 20);  // without a type
      ASSERT_EQ(gst_harness_push(h.get(), frame.release()), GST_FLOW_OK);
    }
  };
  push(0, 4);
  const auto people = h.pull();
  ASSERT_EQ(people.size(), 2u);
  for (const auto& tubelet : people) EXPECT_LT(meta_of(tubelet).box.x, 30);
  g_object_set(h.element(), "region-type", nullptr, nullptr);
  push(4, 8);
  EXPECT_EQ(h.pull().size(), 6u) << "three regions now, while it plays";
}

/// Pushes frames [first, last), each with a region in the middle of the left half.
void push_left(const TubeletHarness& h, int first, int last) {
  for (int i = first; i < last; ++i) push_person(h, i, 2);
}

TEST(MoneTubeletCrop, RegionsDoNotOutliveAFlushANewSegmentOrNewCaps) {
  const RegionHarness h;
  const auto expect_only = [&h](guint region) {
    push_left(h, 0, 4);
    const auto tubelets = h.pull();
    ASSERT_EQ(tubelets.size(), 2u);
    for (const auto& tubelet : tubelets) EXPECT_EQ(meta_of(tubelet).region, region);
  };
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  expect_only(1);
  ASSERT_TRUE(gst_harness_push_event(h.get(), gst_event_new_flush_start()));
  ASSERT_TRUE(gst_harness_push_event(h.get(), gst_event_new_flush_stop(TRUE)));
  ASSERT_TRUE(gst_harness_push_event(h.get(), gst_event_new_segment(&segment)));
  expect_only(2);
  segment.base = 10 * GST_SECOND;  // from the start once more, as a loop plays
  ASSERT_TRUE(gst_harness_push_event(h.get(), gst_event_new_segment(&segment)));
  expect_only(3);
  const auto new_caps = [&h](const std::string& text) {  // alone: h.caps() sends a segment too
    const auto caps = Owned<GstCaps>::adopt(gst_caps_from_string(text.c_str()));
    ASSERT_TRUE(gst_harness_push_event(h.get(), gst_event_new_caps(caps.get())));
  };
  new_caps(gray(kSize, kSize, "5/1"));  // another rate, the same picture: it goes on
  push_left(h, 4, 8);
  for (const auto& tubelet : h.pull()) EXPECT_EQ(meta_of(tubelet).region, 3u);
  new_caps(gray(128, 72, "10/1"));  // as many bytes, another picture
  push_left(h, 8, 12);
  const auto wide = h.pull();
  ASSERT_EQ(wide.size(), 2u);
  for (const auto& tubelet : wide) EXPECT_EQ(meta_of(tubelet).region, 4u);
}

TEST(MoneTubeletCrop, ADetectorThatMarksOnceASecondIsFastEnough) {
  const RegionHarness h;
  for (int i = 0; i < 60; ++i)
    if (i % 10 == 0 && i <= 40)
      push_person(h, i, 2, 77);
    else
      ASSERT_EQ(gst_harness_push(h.get(), square_frame(h, i, 40, 40).release()), GST_FLOW_OK);
  const auto tubelets = h.pull();
  EXPECT_EQ(tubelets.size(), 26u) << "until the last mark at 4 s and 1.2 s more";
  for (const auto& tubelet : tubelets) {
    EXPECT_EQ(meta_of(tubelet).region, 1u);
    EXPECT_EQ(meta_of(tubelet).upstream_id, 77u) << "what the detector calls it";
  }
}

TEST(MoneTubeletCrop, TheIdOfARegionStaysThroughMarksWithoutOne) {
  const RegionHarness h;
  for (int i = 0; i < 8; ++i) push_person(h, i, 2, i < 4 ? 77 : 0);
  const auto tubelets = h.pull();
  ASSERT_EQ(tubelets.size(), 4u);
  for (const auto& tubelet : tubelets) EXPECT_EQ(meta_of(tubelet).upstream_id, 77u);
}

TEST(MoneTubeletCrop, WhoIsSeenGoesBeforeWhoWas) {
  const RegionHarness h;
  g_object_set(h.element(), "max-regions", 1, nullptr);
  push_left(h, 0, 2);
  for (int i = 2; i < 4; ++i) push_person(h, i, 60);
  const auto tubelets = h.pull();
  ASSERT_EQ(tubelets.size(), 2u);
  EXPECT_EQ(meta_of(tubelets[0]).region, 1u);
  EXPECT_EQ(meta_of(tubelets[0]).upstream_id, std::nullopt) << "the detector gives no ids";
  EXPECT_EQ(meta_of(tubelets[1]).region, 2u);
}

/// What GST_MESSAGE_INFO says, all of it.
std::string infos(GstBus* bus) {
  std::string text;
  for (const auto& message : messages(bus, GST_MESSAGE_INFO)) {
    GError* error = nullptr;
    gchar* debug = nullptr;
    gst_message_parse_info(message.get(), &error, &debug);
    text += std::string(error->message) + " " + debug;
    g_clear_error(&error);
    g_free(debug);
  }
  return text;
}

TEST(MoneTubeletCrop, WhereNobodyIsMarkedItIsSaidOnce) {
  TubeletHarness h(any_crop());
  const auto bus = give_bus(h.element());
  gst_util_set_object_arg(G_OBJECT(h.element()), "crop", "region");
  g_object_set(h.element(), "region-type", "people", nullptr);
  h.caps(gray(kSize, kSize, "10/1"));
  push_left(h, 0, 25);
  EXPECT_EQ(infos(bus.get()), "");
  push_left(h, 25, 80);
  const std::string said = infos(bus.get());
  EXPECT_NE(said.find("marks as people; seen so far: person"), std::string::npos) << said;
  EXPECT_EQ(said.find("crop=region"), said.rfind("crop=region looks")) << "once: " << said;
}

TEST(MoneTubeletCrop, MaxRegionsIsNoMatterOfCaps) {
  const RegionHarness h;
  push_left(h, 0, 4);
  const auto pad = Owned<GstPad>::adopt(gst_element_get_static_pad(h.element(), "src"));
  ASSERT_FALSE(gst_pad_needs_reconfigure(pad.get()));
  g_object_set(h.element(), "max-regions", 3, nullptr);
  EXPECT_FALSE(gst_pad_needs_reconfigure(pad.get()));
  g_object_set(h.element(), "width", 32, nullptr);
  EXPECT_TRUE(gst_pad_needs_reconfigure(pad.get()));
}

TEST(MoneTubeletCrop, WithoutRegionsThereAreNoTubeletsAndTimeGoesOn) {
  TubeletHarness h(any_crop());
  gst_util_set_object_arg(G_OBJECT(h.element()), "crop", "region");
  h.caps(gray());
  h.push_range(0, 12);
  EXPECT_TRUE(h.pull().empty());
  const auto gaps = h.events(GST_EVENT_GAP);
  ASSERT_EQ(gaps.size(), 3u);
  GstClockTime pts = 0, duration = 0;
  gst_event_parse_gap(gaps[1].get(), &pts, &duration);
  EXPECT_NEAR(static_cast<double>(pts), 6 * kFrame30, 10);
  EXPECT_NEAR(static_cast<double>(duration), 4e9 / 30, 10);
  EXPECT_EQ(h.stat("lost"), 0u) << "nothing was there to lose";
}

}  // namespace
}  // namespace mone::test
