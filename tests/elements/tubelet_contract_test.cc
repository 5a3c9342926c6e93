// The caps and the meta that monetubelet and monevivit share.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include "elements/tubelet_caps.h"
#include "elements/tubelet_meta.h"

namespace mone {
namespace {

Owned<GstCaps> caps_from(const char* text) {
  gst_init(nullptr, nullptr);
  return Owned<GstCaps>::adopt(gst_caps_from_string(text));
}

TubeletFormat small() {
  TubeletFormat f;
  f.width = f.height = 112;
  f.planes = Planes::kLumaMotion;
  f.fit = Fit::kPad;
  f.rate_nominal = 7.5;
  return f;
}

TEST(TubeletCaps, SayTheContractAsTheArchitectureSpellsIt) {
  gst_init(nullptr, nullptr);
  const auto caps = tubelet_caps(small());
  const auto expected = caps_from(
      "application/x-mone-tubelets, width=112, height=112, tubelet-frames=2, tubelet-height=16, "
      "tubelet-width=16, planes=luma-motion, fit=pad, crop=full, resize-short=256, rate-min=4/1, "
      "rate-nominal=15/2, rate-max=25/2");
  EXPECT_TRUE(gst_caps_is_equal(caps.get(), expected.get())) << gst_caps_to_string(caps.get());
  EXPECT_EQ(parse_tubelet_caps(caps.get()).value(), small());
}

TEST(TubeletCaps, AreAmongThoseOfTheTemplate) {
  const auto all = caps_from(MONE_TUBELET_CAPS_TEMPLATE);
  EXPECT_TRUE(gst_caps_is_subset(tubelet_caps(small()).get(), all.get()));
}

TEST(TubeletCaps, NameTheFieldThatIsWrong) {
  auto caps = tubelet_caps(small());
  gst_caps_set_simple(caps.get(), "planes", G_TYPE_STRING, "infrared", nullptr);
  EXPECT_NE(parse_tubelet_caps(caps.get()).error().text.find("planes"), std::string::npos);
  caps = tubelet_caps(small());
  gst_structure_remove_field(gst_caps_get_structure(caps.get(), 0), "rate-nominal");
  EXPECT_NE(parse_tubelet_caps(caps.get()).error().text.find("rate-nominal"), std::string::npos);
  caps = tubelet_caps(small());
  gst_caps_set_simple(caps.get(), "tubelet-width", G_TYPE_INT, 15, nullptr);
  EXPECT_NE(parse_tubelet_caps(caps.get()).error().text.find("tubelet-width"), std::string::npos);
  EXPECT_NE(parse_tubelet_caps(caps_from("video/x-raw").get()).error().text.find("monetubelet"),
            std::string::npos);
}

TEST(TubeletCaps, FixateToTheWantedValuesWhereDownstreamLeavesAChoice) {
  auto open = caps_from("application/x-mone-tubelets, width=[32,128], planes={rgb,luma-motion}, fit=pad");
  const auto fixed = fixate_tubelet_caps(open, TubeletFormat{});
  const TubeletFormat f = parse_tubelet_caps(fixed.get()).value();
  EXPECT_EQ(f.width, 128);  // the nearest to 224
  EXPECT_EQ(f.height, 224);
  EXPECT_EQ(f.planes, Planes::kRgb);
  EXPECT_EQ(f.fit, Fit::kPad);
}

TEST(TubeletMeta, ComesBackAsItWasSet) {
  gst_init(nullptr, nullptr);
  TubeletMeta meta{3, {2, 4, 640, 352}, 1280, 720, {100, 200}, 1, 7.5, 2, 5, true, true, 99};
  auto buffer = Owned<GstBuffer>::adopt(gst_buffer_new());
  EXPECT_FALSE(get_tubelet_meta(buffer.get()));
  set_tubelet_meta(buffer.get(), meta);
  EXPECT_EQ(get_tubelet_meta(buffer.get()), meta);
  meta.frame_pts = {300, 400};
  meta.missing = 0;
  set_tubelet_meta(buffer.get(), meta);  // the same meta again, not a second one
  EXPECT_EQ(get_tubelet_meta(buffer.get()), meta);
  EXPECT_EQ(gst_buffer_get_n_meta(buffer.get(), gst_meta_get_info("GstMoneTubeletMeta")->api), 1u);
}

TEST(TubeletMeta, SurvivesACopyOfTheBuffer) {
  gst_init(nullptr, nullptr);
  const TubeletMeta meta{0, {0, 0, 64, 48}, 64, 48, {0, 40}, 0, 6.25, 2, 1, false, false, 0};
  auto buffer = Owned<GstBuffer>::adopt(gst_buffer_new());
  set_tubelet_meta(buffer.get(), meta);
  const auto copy = Owned<GstBuffer>::adopt(gst_buffer_copy(buffer.get()));
  EXPECT_EQ(get_tubelet_meta(copy.get()), meta);
}

}  // namespace
}  // namespace mone
