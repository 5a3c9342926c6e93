// Negotiation and pixels: caps, queries, renegotiation, strides, crop meta, interlacing.
#include "elements/tubelet_caps.h"
#include "tests/elements/tubelet_harness.h"

namespace mone {
namespace {

using namespace test;

Owned<GstCaps> caps_of(const std::string& text) {
  return Owned<GstCaps>::adopt(gst_caps_from_string(text.c_str()));
}

Owned<GstCaps> src_caps(const TubeletHarness& h) {
  const auto pad = Owned<GstPad>::adopt(gst_element_get_static_pad(h.element(), "src"));
  return Owned<GstCaps>::adopt(gst_pad_get_current_caps(pad.get()));
}

bool accepts(const TubeletHarness& h, const std::string& caps) {
  const auto pad = Owned<GstPad>::adopt(gst_element_get_static_pad(h.element(), "sink"));
  return gst_pad_query_accept_caps(pad.get(), caps_of(caps).get());
}

TEST(MoneTubelet, TakesTheContractFromDownstream) {
  TubeletHarness h;
  h.caps();
  EXPECT_TRUE(gst_caps_is_equal(src_caps(h).get(), caps_of(contract()).get()));
}

TEST(MoneTubelet, UsesTheDocumentedContractWhereNobodyAsks) {
  TubeletHarness h("ANY");
  h.caps();
  EXPECT_TRUE(gst_caps_is_equal(src_caps(h).get(), tubelet_caps(TubeletFormat{}).get()));
}

TEST(MoneTubelet, PropertiesNarrowTheContract) {
  TubeletHarness h("ANY");
  g_object_set(h.element(), "width", 64, "height", 48, "tubelet-frames", 3, nullptr);
  gst_util_set_object_arg(G_OBJECT(h.element()), "planes", "luma-motion");
  gst_util_set_object_arg(G_OBJECT(h.element()), "fit", "pad");
  h.caps();
  const TubeletFormat f = parse_tubelet_caps(src_caps(h).get()).value();
  EXPECT_EQ(f.width, 64);
  EXPECT_EQ(f.height, 48);
  EXPECT_EQ(f.pt, 3);
  EXPECT_EQ(f.pw, 16);
  EXPECT_EQ(f.planes, Planes::kLumaMotion);
  EXPECT_EQ(f.fit, Fit::kPad);
}

TEST(MoneTubelet, SaysWhatDownstreamTakesWhenPropertiesDoNotFit) {
  TubeletHarness h;
  g_object_set(h.element(), "width", 64, nullptr);
  h.caps();
  EXPECT_EQ(h.push(0), GST_FLOW_NOT_NEGOTIATED);
  const std::string error = h.error();
  EXPECT_NE(error.find("width=(int)64"), std::string::npos) << error;
  EXPECT_NE(error.find("width=(int)16"), std::string::npos) << error;
}

TEST(MoneTubelet, SaysWhichSizeDoesNotFitTheTubelet) {
  TubeletHarness h("ANY");
  g_object_set(h.element(), "width", 100, nullptr);
  h.caps();
  EXPECT_EQ(h.push(0), GST_FLOW_NOT_NEGOTIATED);
  EXPECT_NE(h.error().find("tubelet-width 16 does not divide"), std::string::npos);
}

TEST(MoneTubelet, AcceptsTheFormatsOfItsTemplateOnly) {
  TubeletHarness h;
  for (const char* format : {"NV12", "I420", "YUY2", "RGB", "BGR", "RGBA", "BGRA", "RGBx", "BGRx", "GRAY8"})
    EXPECT_TRUE(accepts(h, std::string("video/x-raw,width=64,height=48,framerate=0/1,format=") + format))
        << format;
  EXPECT_FALSE(accepts(h, "video/x-raw,width=64,height=48,framerate=30/1,format=P010_10LE"));
  EXPECT_FALSE(accepts(h, "video/x-raw(memory:GLMemory),width=64,height=48,framerate=30/1,format=RGBA"));
#ifdef HAVE_GST_CUDA
  constexpr bool kTakesCuda = true;
#else
  constexpr bool kTakesCuda = false;
#endif
  EXPECT_EQ(accepts(h, "video/x-raw(memory:CUDAMemory),width=64,height=48,framerate=30/1,format=NV12"),
            kTakesCuda);
  EXPECT_FALSE(
      accepts(h, "video/x-raw(memory:CUDAMemory),width=64,height=48,framerate=30/1,format=P010_10LE"));
  EXPECT_FALSE(accepts(h,
                       "video/x-raw(format:Interlaced),width=64,height=48,framerate=30/1,format=NV12,"
                       "interlace-mode=alternate"));
  EXPECT_FALSE(accepts(h, "audio/x-raw"));
}

TEST(MoneTubelet, ASizeThatChangesStartsAgainAndAFormatDoesNot) {
  TubeletHarness h;
  h.caps();
  h.push_range(0, 5);
  h.caps("video/x-raw,format=I420,width=32,height=32,framerate=30/1");
  for (int i = 5; i < 8; ++i) ASSERT_EQ(h.push(i * kFrame30, 100, 32, 48), GST_FLOW_OK);  // 1.5 x the bytes
  auto tubelets = h.pull();
  ASSERT_EQ(tubelets.size(), 2u);
  EXPECT_EQ(meta_of(tubelets[1]).epoch, 1u);

  h.caps(gray(64, 48));
  for (int i = 8; i < 12; ++i) ASSERT_EQ(h.push(i * kFrame30, 100, 64, 48), GST_FLOW_OK);
  tubelets = h.pull();
  ASSERT_EQ(tubelets.size(), 1u);
  const TubeletMeta m = meta_of(tubelets[0]);
  EXPECT_EQ(m.epoch, 2u);
  EXPECT_TRUE(GST_BUFFER_FLAG_IS_SET(tubelets[0].get(), GST_BUFFER_FLAG_DISCONT));
  EXPECT_EQ(m.source_width, 64);
  EXPECT_EQ(m.source_height, 48);
  EXPECT_EQ(m.frame_pts[0], 8 * kFrame30);
}

TEST(MoneTubelet, DownstreamMayAskForAnotherContractInMidStream) {
  TubeletHarness h("ANY");
  h.caps();
  h.push_range(0, 5);
  gst_harness_set_sink_caps_str(h.get(), contract("rgb", 32).c_str());
  gst_harness_push_upstream_event(h.get(), gst_event_new_reconfigure());
  h.push_range(5, 10);
  const auto tubelets = h.pull();
  ASSERT_EQ(tubelets.size(), 2u);
  EXPECT_EQ(gst_buffer_get_size(tubelets[1].get()), 32u * 32 * 2 * 3);
  EXPECT_EQ(meta_of(tubelets[1]).epoch, 2u);
  EXPECT_EQ(h.stat("frames"), 10u);
}

TEST(MoneTubelet, AddsNoLatencyButAFrameWithTheNominalGrid) {
  TubeletHarness h;
  h.caps();
  gst_harness_set_upstream_latency(h.get(), 20 * GST_MSECOND);
  EXPECT_EQ(gst_harness_query_latency(h.get()), 20 * GST_MSECOND);
  gst_util_set_object_arg(G_OBJECT(h.element()), "sampling", "nominal");
  EXPECT_EQ(gst_harness_query_latency(h.get()), 20 * GST_MSECOND + GST_SECOND / 30);
}

TEST(MoneTubelet, PassesQosOnToWhoeverCanDropFrames) {
  TubeletHarness h;
  h.caps();
  gst_harness_push_upstream_event(h.get(), gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 1.5, 10, 20));
  bool seen = false;
  while (GstEvent* e = gst_harness_try_pull_upstream_event(h.get())) {
    seen |= GST_EVENT_TYPE(e) == GST_EVENT_QOS;
    gst_event_unref(e);
  }
  EXPECT_TRUE(seen);
}

TEST(MoneTubelet, AsksUpstreamForFewBuffersAndTakesAnyStridesAndCrop) {
  TubeletHarness h;
  const auto caps = caps_of(gray(64, 48));
  const auto query = Owned<GstQuery>::adopt(gst_query_new_allocation(caps.get(), TRUE));
  const auto pad = Owned<GstPad>::adopt(gst_element_get_static_pad(h.element(), "sink"));
  ASSERT_TRUE(gst_pad_query(pad.get(), query.get()));
  EXPECT_TRUE(gst_query_find_allocation_meta(query.get(), GST_VIDEO_META_API_TYPE, nullptr));
  EXPECT_TRUE(gst_query_find_allocation_meta(query.get(), GST_VIDEO_CROP_META_API_TYPE, nullptr));
  ASSERT_EQ(gst_query_get_n_allocation_pools(query.get()), 1u);
  guint size = 0, min = 0, max = 0;
  gst_query_parse_nth_allocation_pool(query.get(), 0, nullptr, &size, &min, &max);
  EXPECT_EQ(size, 64u * 48);
  EXPECT_LE(min, 1u);
}

TEST(MoneTubelet, AnswersPositionsInTimeOnly) {
  TubeletHarness h;
  h.caps();
  const auto pad = Owned<GstPad>::adopt(gst_element_get_static_pad(h.element(), "src"));
  gint64 value = 0;
  EXPECT_FALSE(gst_pad_query_duration(pad.get(), GST_FORMAT_DEFAULT, &value));
  EXPECT_FALSE(gst_pad_query_position(pad.get(), GST_FORMAT_BYTES, &value));
  const auto seeking = Owned<GstQuery>::adopt(gst_query_new_seeking(GST_FORMAT_BYTES));
  EXPECT_FALSE(gst_pad_query(pad.get(), seeking.get()));
}

TEST(MoneTubelet, ReadsStridesFromTheVideoMeta) {
  TubeletHarness h;
  h.caps();
  for (int i = 0; i < 4; ++i) {
    auto buffer = h.frame(i * kFrame30, 255, 64, 40);  // white all round a grey picture
    {
      const BufferMap map(buffer.get(), GST_MAP_WRITE);
      for (int y = 0; y < 32; ++y)
        for (int x = 0; x < 32; ++x) map.data()[64 * (y + 3) + 5 + x] = 70;
    }
    const gsize offset[] = {64 * 3 + 5};
    const gint stride[] = {64};
    gst_buffer_add_video_meta_full(buffer.get(), GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_GRAY8, 32, 32, 1,
                                   const_cast<gsize*>(offset), const_cast<gint*>(stride));
    ASSERT_EQ(gst_harness_push(h.get(), buffer.release()), GST_FLOW_OK);
  }
  const auto tubelets = h.pull();
  const BufferMap map(tubelets[0].get(), GST_MAP_READ);
  for (gsize i = 0; i < map.size(); i += 3) ASSERT_EQ(map.data()[i], 70);
}

TEST(MoneTubelet, CutsOutTheCropMetaAndSaysSo) {
  TubeletHarness h;
  h.caps(gray(64, 48));
  for (int i = 0; i < 4; ++i) {
    auto buffer = h.frame(i * kFrame30, 255, 64, 48);
    {
      const BufferMap map(buffer.get(), GST_MAP_WRITE);
      for (int y = 8; y < 40; ++y)
        for (int x = 20; x < 52; ++x) map.data()[64 * y + x] = 70;
    }
    GstVideoCropMeta* crop = gst_buffer_add_video_crop_meta(buffer.get());
    crop->x = 20;
    crop->y = 8;
    crop->width = crop->height = 32;
    ASSERT_EQ(gst_harness_push(h.get(), buffer.release()), GST_FLOW_OK);
  }
  const auto tubelets = h.pull();
  EXPECT_EQ(meta_of(tubelets[0]).box, (Box{20, 8, 32, 32}));
  EXPECT_EQ(meta_of(tubelets[0]).source_width, 64);
  const BufferMap map(tubelets[0].get(), GST_MAP_READ);
  for (gsize i = 0; i < map.size(); i += 3) ASSERT_EQ(map.data()[i], 70);
}

/// videocrop leaves the pixels where they are if downstream takes crop metas, and sends caps of what is left.
TEST(MoneTubelet, SeesWhatVideocropLeft) {
  for (const char* format : {"GRAY8", "I420", "NV12", "YUY2", "RGBx"}) {
    for (const int left : {20, 21}) {
      GstHarness* h = gst_harness_new_parse(("videocrop left=" + std::to_string(left) + " right=" +
                                             std::to_string(12 - left % 2) + " top=8 bottom=8 ! monetubelet")
                                                .c_str());
      gst_harness_set_sink_caps_str(h, contract().c_str());
      const std::string caps = "video/x-raw,format=" + std::string(format) +
                               ",width=64,height=48,framerate=30/1,colorimetry=1:4:0:0";
      gst_harness_set_src_caps_str(h, caps.c_str());
      GstVideoInfo info;
      ASSERT_TRUE(gst_video_info_from_caps(&info, caps_of(caps).get()));
      for (int i = 0; i < 4; ++i) {
        GstBuffer* buffer = gst_buffer_new_allocate(nullptr, info.size, nullptr);
        GST_BUFFER_PTS(buffer) = i * kFrame30;
        {
          GstVideoFrame frame;
          ASSERT_TRUE(gst_video_frame_map(&frame, &info, buffer, GST_MAP_WRITE));
          for (guint c = 0; c < GST_VIDEO_FRAME_N_COMPONENTS(&frame); ++c)
            for (int y = 0; y < GST_VIDEO_FRAME_COMP_HEIGHT(&frame, c); ++y)
              for (int x = 0; x < GST_VIDEO_FRAME_COMP_WIDTH(&frame, c); ++x) {
                const int column = x << GST_VIDEO_FORMAT_INFO_W_SUB(info.finfo, c);
                const int row = y << GST_VIDEO_FORMAT_INFO_H_SUB(info.finfo, c);
                const bool seen = column >= left - 1 && column < left + 32 && row >= 8 && row < 40;
                GST_VIDEO_FRAME_COMP_DATA(&frame, c)
                [y * GST_VIDEO_FRAME_COMP_STRIDE(&frame, c) + x * GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, c)] =
                    c > 0 && !GST_VIDEO_INFO_IS_RGB(&info) ? 128
                    : seen                                 ? 70
                                                           : 255;
              }
          gst_video_frame_unmap(&frame);
        }
        ASSERT_EQ(gst_harness_push(h, buffer), GST_FLOW_OK) << format;
      }
      const auto tubelet = Owned<GstBuffer>::adopt(gst_harness_pull(h));
      const TubeletMeta meta = meta_of(tubelet);
      EXPECT_EQ(meta.box.width, 32);
      EXPECT_EQ(meta.box.height, 32);
      EXPECT_LE(meta.source_width, 33) << "the picture of the caps, not of the buffer";
      {
        const BufferMap map(tubelet.get(), GST_MAP_READ);
        for (gsize i = 0; i < map.size(); i += 3)
          ASSERT_NEAR(map.data()[i], 70, 1) << format << " " << left << " at " << i;
      }
      gst_harness_teardown(h);
    }
  }
}

TEST(MoneTubelet, UsesOneFieldOfInterlacedFramesAndSaysSo) {
  TubeletHarness h;
  h.caps(gray() + ",interlace-mode=interleaved,field-order=bottom-field-first");
  for (int i = 0; i < 4; ++i) {
    auto buffer = h.frame(i * kFrame30, 10);
    {
      const BufferMap map(buffer.get(), GST_MAP_WRITE);
      for (int y = 1; y < 32; y += 2) std::fill_n(map.data() + 32 * y, 32, guint8{200});
    }
    ASSERT_EQ(gst_harness_push(h.get(), buffer.release()), GST_FLOW_OK);
  }
  const auto tubelets = h.pull();
  EXPECT_TRUE(meta_of(tubelets[0]).interlaced);
  EXPECT_EQ(meta_of(tubelets[0]).box, (Box{0, 0, 32, 32}));
  const BufferMap map(tubelets[0].get(), GST_MAP_READ);
  for (gsize i = 0; i < map.size(); i += 3) ASSERT_EQ(map.data()[i], 200);
}

TEST(MoneTubelet, ABufferTooSmallForItsCapsIsAnError) {
  TubeletHarness h;
  h.caps(gray(64, 48));
  EXPECT_EQ(h.push(0, 100, 32, 32), GST_FLOW_ERROR);
  EXPECT_NE(h.error().find("1024 bytes"), std::string::npos);
}

TEST(MoneTubelet, WorksAgainAfterAnErrorAndThroughManyStates) {
  TubeletHarness h;
  h.caps(gray(64, 48));
  EXPECT_EQ(h.push(0, 100, 32, 32), GST_FLOW_ERROR);
  guint epoch = 0;
  for (int cycle = 0; cycle < 50; ++cycle) {
    gst_element_set_state(h.element(), cycle % 2 ? GST_STATE_NULL : GST_STATE_READY);
    gst_harness_play(h.get());
    gst_pad_set_active(h.get()->srcpad, TRUE);
    gst_harness_push_event(h.get(), gst_event_new_stream_start("again"));
    h.caps();
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_push_event(h.get(), gst_event_new_segment(&segment));
    h.push_range(0, 7);
    const auto tubelets = h.pull();
    ASSERT_EQ(tubelets.size(), 2u) << "cycle " << cycle;
    EXPECT_GT(meta_of(tubelets[0]).epoch, epoch);
    epoch = meta_of(tubelets[0]).epoch;
  }
}

}  // namespace
}  // namespace mone
