#include <gst/check/gstharness.h>
#include <gst/video/video.h>

#include <cstring>

#include "elements/action_meta.h"
#include "elements/overlay_canvas.h"
#include "elements/overlay_painter.h"
#include "tests/elements/support.h"

namespace mone {
namespace {

ActionMeta jumping(int width, int height) {
  ActionMeta a;
  a.top = {{"jumping jack", 0.87}, {"wave", 0.07}, {"clap", 0.03}};
  a.active = {{"jumping jack", 0.87}};
  a.model.experts = 4;
  a.model.grid_width = a.model.grid_height = 7;
  a.model.image_width = a.model.image_height = 112;
  a.model.fit = "pad";
  a.window.budget = 0.5;
  a.window.realised = 0.49;
  a.window.source_width = width;
  a.window.source_height = height;
  a.window.box = {0, 0, width, height};
  for (int i = 0; i < 49; ++i) a.window.experts.push_back(static_cast<guint8>(i % 4));
  return a;
}

class MoneOverlay : public testing::Test {
 protected:
  void start(const std::string& properties = "", GstVideoFormat format = GST_VIDEO_FORMAT_BGRx,
             int width = 320, int height = 240) {
    harness_.reset(gst_harness_new_parse(("moneoverlay " + properties).c_str()));
    caps(format, width, height);
  }
  void caps(GstVideoFormat format, int width, int height) {
    gst_video_info_set_format(&info_, format, static_cast<guint>(width), static_cast<guint>(height));
    info_.fps_n = 30;
    info_.fps_d = 1;
    gst_harness_set_src_caps(harness_.get(), gst_video_info_to_caps(&info_));
  }
  /// A mid-grey frame, with these labels, through the element.
  Owned<GstBuffer> through(const std::vector<ActionMeta>& actions) {
    GstBuffer* buffer = gst_buffer_new_allocate(nullptr, info_.size, nullptr);
    gst_buffer_memset(buffer, 0, 0x80, info_.size);
    GST_BUFFER_PTS(buffer) = pts_ += GST_SECOND / 30;
    for (const ActionMeta& a : actions) add_action_meta(buffer, a);
    EXPECT_EQ(gst_harness_push(harness_.get(), buffer), GST_FLOW_OK);
    return Owned<GstBuffer>::adopt(gst_harness_pull(harness_.get()));
  }
  /// The share of bytes that are not as they came.
  double changed(GstBuffer* buffer) {
    const BufferMap map(buffer, GST_MAP_READ);
    gsize n = 0;
    for (gsize i = 0; i < map.size(); ++i) n += map.data()[i] != 0x80;
    return static_cast<double>(n) / static_cast<double>(map.size());
  }
  ActionMeta here() const { return jumping(GST_VIDEO_INFO_WIDTH(&info_), GST_VIDEO_INFO_HEIGHT(&info_)); }

  Harness harness_;
  GstVideoInfo info_{};
  GstClockTime pts_ = 0;
};

TEST_F(MoneOverlay, AFrameWithoutLabelsPassesAsItIs) {
  start();
  EXPECT_EQ(changed(through({}).get()), 0);
}

TEST_F(MoneOverlay, TheGaugeSaysWhatOverloadCost) {
  start("labels=false expert-map=false");
  ActionMeta a = here();
  const double calm = changed(through({a}).get());
  a.window.hop = 2;
  const double wide = changed(through({a}).get());
  EXPECT_GT(wide, calm) << "a line more, although nothing else has changed";
  ActionMeta more = a;
  more.window.missing = 3;
  EXPECT_FALSE(same_picture({a}, {more}));
}

TEST_F(MoneOverlay, EachPartCanBeSwitched) {
  start("labels=false gauge=false expert-map=false");
  EXPECT_EQ(changed(through({here()}).get()), 0);
  start("labels=false gauge=true expert-map=false");
  const double gauge = changed(through({here()}).get());
  EXPECT_GT(gauge, 0.01);
  start("labels=true gauge=true expert-map=false");
  const double panel = changed(through({here()}).get());
  EXPECT_GT(panel, gauge);
  EXPECT_LT(panel, 0.4) << "the picture is not covered";
  start("labels=false gauge=false expert-map=true");
  const double map = changed(through({here()}).get());
  EXPECT_GT(map, 0.02);
  EXPECT_LT(map, 0.25) << "the picture stays visible";
}

TEST_F(MoneOverlay, DrawsOnEveryFormatThatVideoComesIn) {
  for (GstVideoFormat format :
       {GST_VIDEO_FORMAT_I420, GST_VIDEO_FORMAT_NV12, GST_VIDEO_FORMAT_YUY2, GST_VIDEO_FORMAT_RGB,
        GST_VIDEO_FORMAT_BGRA, GST_VIDEO_FORMAT_GRAY8, GST_VIDEO_FORMAT_Y42B, GST_VIDEO_FORMAT_UYVY}) {
    start("", format);
    EXPECT_GT(changed(through({here()}).get()), 0.05) << gst_video_format_to_string(format);
  }
}

TEST_F(MoneOverlay, DownstreamThatBlendsGetsTheCompositionAndTheFrameAsItIs) {
  start();
  gst_harness_set_sink_caps_str(harness_.get(),
                                "video/x-raw(memory:SystemMemory, meta:GstVideoOverlayComposition)");
  gst_harness_add_propose_allocation_meta(harness_.get(), GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE,
                                          nullptr);
  caps(GST_VIDEO_FORMAT_BGRx, 320, 240);
  const auto first = through({here()});
  EXPECT_EQ(changed(first.get()), 0);
  const auto* meta = gst_buffer_get_video_overlay_composition_meta(first.get());
  ASSERT_NE(meta, nullptr);
  EXPECT_EQ(gst_video_overlay_composition_n_rectangles(meta->overlay), 36u)
      << "the 35 tokens that are not letterbox, and the panel";

  ActionMeta same = here();
  same.fresh = false;
  same.window.window_end += GST_SECOND;
  const auto second = through({same});
  EXPECT_EQ(gst_buffer_get_video_overlay_composition_meta(second.get())->overlay, meta->overlay)
      << "nothing new to say, nothing painted";
  same.top[0].score = 0.5;
  const auto third = through({same});
  EXPECT_NE(gst_buffer_get_video_overlay_composition_meta(third.get())->overlay, meta->overlay);
}

TEST_F(MoneOverlay, SizeAndFormatMayChangeInMidStream) {
  start();
  EXPECT_GT(changed(through({here()}).get()), 0.05);
  caps(GST_VIDEO_FORMAT_I420, 640, 360);
  EXPECT_GT(changed(through({here()}).get()), 0.05);
  EXPECT_GT(changed(through({jumping(1920, 1080)}).get()), 0.05)
      << "labels of the frame before it was scaled";
}

TEST_F(MoneOverlay, PropertiesActOnTheNextFrame) {
  start();
  EXPECT_GT(changed(through({here()}).get()), 0.05);
  const auto overlay = Owned<GstElement>::adopt(gst_harness_find_element(harness_.get(), "moneoverlay"));
  g_object_set(overlay.get(), "labels", FALSE, "gauge", FALSE, "expert-map", FALSE, nullptr);
  EXPECT_EQ(changed(through({here()}).get()), 0);
}

TEST_F(MoneOverlay, FiftyStateCycles) {
  start();
  for (int i = 0; i < 50; ++i) {
    ASSERT_NE(gst_element_set_state(harness_->element, GST_STATE_NULL), GST_STATE_CHANGE_FAILURE);
    ASSERT_NE(gst_element_set_state(harness_->element, GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
  }
}

/// Layers that fit the picture whatever its size.
void expect_inside(const std::vector<OverlayLayer>& layers, int width, int height) {
  for (const OverlayLayer& l : layers) {
    EXPECT_GE(l.y, 0) << width << "x" << height;
    EXPECT_LE(l.x + cairo_image_surface_get_width(l.surface.get()), width + 1) << width << "x" << height;
    EXPECT_LE(l.y + cairo_image_surface_get_height(l.surface.get()), height + 1) << width << "x" << height;
  }
}

TEST(OverlayPainter, StaysInsideThePictureAtAnySize) {
  const int sizes[][2] = {{160, 120},   {320, 240},  {1280, 720}, {720, 1280},
                          {3840, 2160}, {2000, 100}, {64, 10}};
  OverlayStyle large;
  large.scale = 4;
  large.rows = 8;
  for (const auto& [w, h] : sizes)
    for (const OverlayStyle& style : {OverlayStyle{}, large})
      expect_inside(paint_overlay({jumping(w, h)}, w, h, 1, style), w, h);
  EXPECT_NO_THROW(paint_overlay({jumping(1, 1)}, 1, 1, 1, {}));
  EXPECT_TRUE(paint_overlay({jumping(8, 8)}, 0, 0, 1, {}).empty());
}

TEST(OverlayPainter, TheBestLabelCanBeReadAtAnyScale) {
  // Two labels whose names are cut to an ellipsis look alike.
  for (const auto& [w, h] : {std::pair(320, 240), {160, 120}, {640, 360}})
    for (const double scale : {1.0, 2.0, 4.0}) {
      OverlayStyle style;
      style.scale = scale;
      style.experts = false;
      ActionMeta clap = jumping(w, h), wave = jumping(w, h);
      clap.top[0].label = "clap", wave.top[0].label = "wave";
      const auto a = paint_overlay({clap}, w, h, 1, style), b = paint_overlay({wave}, w, h, 1, style);
      ASSERT_EQ(a.size(), 1u);
      ASSERT_EQ(b.size(), 1u);
      cairo_surface_t *left = a[0].surface.get(), *right = b[0].surface.get();
      ASSERT_EQ(cairo_image_surface_get_height(left), cairo_image_surface_get_height(right));
      const auto bytes = static_cast<std::size_t>(cairo_image_surface_get_stride(left)) *
                         static_cast<std::size_t>(cairo_image_surface_get_height(left));
      ASSERT_EQ(cairo_image_surface_get_stride(left), cairo_image_surface_get_stride(right));
      EXPECT_NE(std::memcmp(cairo_image_surface_get_data(left), cairo_image_surface_get_data(right), bytes),
                0)
          << w << "x" << h << " at " << scale;
    }
}

TEST(OverlayCanvas, ATextThatFitsExactlyIsNotCut) {
  const auto drawn = [](const std::string& text, double size, double more) {
    std::unique_ptr<cairo_surface_t, void (*)(cairo_surface_t*)> surface(
        cairo_image_surface_create(CAIRO_FORMAT_ARGB32, 300, 40), cairo_surface_destroy);
    {
      Canvas canvas(surface.get());
      const double pad = size * 0.85, wide = canvas.measure(text, size, true).width + 2 * pad;
      canvas.text(text, 5, 0, wide - 2 * pad + more, 40, size, true, Align::kLeft, {1, 1, 1, 1});
    }
    cairo_surface_flush(surface.get());
    const unsigned char* first = cairo_image_surface_get_data(surface.get());
    return std::vector<unsigned char>(first, first + 40 * cairo_image_surface_get_stride(surface.get()));
  };
  for (const double size : {11.0, 720 * 0.0265, 1080 * 0.0265})  // of the labels on boxes in usual pictures
    for (const char* label : {"clap", "jumping jack", "stand up", "wave"})
      for (int share = 0; share <= 100; ++share) {
        const std::string text = std::string(label) + " " + std::to_string(share) + "%";
        EXPECT_EQ(drawn(text, size, 0), drawn(text, size, 8)) << text << " at " << size;
      }
}

TEST(OverlayPainter, ARegionGetsABoxOfItsOwn) {
  ActionMeta region = jumping(640, 480);
  region.window.region = 3;
  region.window.box = {100, 50, 200, 300};
  OverlayStyle style;
  style.experts = false;
  const auto layers = paint_overlay({region}, 1280, 960, 1, style);
  ASSERT_EQ(layers.size(), 2u);
  EXPECT_EQ(layers[0].x, 200);
  EXPECT_EQ(layers[0].y, 100);
  EXPECT_EQ(cairo_image_surface_get_width(layers[0].surface.get()), 400);
}

TEST(OverlayPainter, TheExpertMapLiesOverABoxThatReachesIntoOneBlackBorder) {
  ActionMeta a = jumping(320, 240);
  a.window.box = {100, -40, 160, 160};  // its upper quarter is border
  OverlayStyle style;
  style.labels = style.gauge = false;
  const auto layers = paint_overlay({a}, 320, 240, 1, style);
  ASSERT_EQ(layers.size(), 35u);  // of seven rows two are above the picture
  const auto expect_middle = [](const OverlayLayer& l, double x, double y) {
    EXPECT_NEAR(l.x + cairo_image_surface_get_width(l.surface.get()) / 2.0, x, 1);
    EXPECT_NEAR(l.y + cairo_image_surface_get_height(l.surface.get()) / 2.0, y, 1);
  };
  const double cell = 160 / 7.0;
  expect_middle(layers.front(), 100 + 0.5 * cell, -40 + 2.5 * cell);
  expect_middle(layers.back(), 260 - 0.5 * cell, 120 - 0.5 * cell);
  // The box itself is drawn where there is picture.
  style.experts = false;
  style.labels = true;
  const auto boxes = paint_overlay({a}, 320, 240, 1, style);
  EXPECT_EQ(boxes[0].y, 0);
  EXPECT_EQ(cairo_image_surface_get_height(boxes[0].surface.get()), 120);
}

TEST(OverlayPainter, NonsenseInAMetaIsNotACrash) {
  ActionMeta a;
  EXPECT_NO_THROW(paint_overlay({a}, 64, 48, 1, {}));
  a = jumping(64, 48);
  a.window.experts.assign(49, 200);
  a.window.experts[0] = 1;
  EXPECT_NO_THROW(paint_overlay({a}, 64, 48, 1, {}));
  a.window.experts.resize(3);
  a.top[0].label = "\xff\xfe not text";
  a.window.box = {-50, -50, 10, 10};
  EXPECT_NO_THROW(paint_overlay({a}, 64, 48, 1, {}));
  a.window.box = {G_MAXINT - 1, 0, G_MAXINT, G_MAXINT};
  EXPECT_NO_THROW(paint_overlay({a}, 64, 48, 1, {}));
  a.window.box = {0, 0, 1 << 30, 1 << 30};
  EXPECT_NO_THROW(paint_overlay({a}, 64, 48, 1, {}));
}

}  // namespace
}  // namespace mone
