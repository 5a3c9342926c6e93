/// monetubelet in a GstHarness, fed with frames of one grey.
#pragma once

#include <gst/check/gstharness.h>
#include <gst/video/video.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "elements/glue/gst_ptr.h"
#include "elements/tubelet_meta.h"

namespace mone::test {

constexpr GstClockTime kFrame30 = GST_SECOND / 30;

/// A contract small enough to read: 16x16, 8x8 tokens, four of them.
inline std::string contract(const char* planes = "luma-motion", int size = 16) {
  return "application/x-mone-tubelets,width=" + std::to_string(size) + ",height=" + std::to_string(size) +
         ",tubelet-frames=2,tubelet-height=8,tubelet-width=8,planes=" + planes +
         ",fit=pad,crop=full,resize-short=256,rate-min=4/1,rate-nominal=15/2,rate-max=25/2";
}

inline std::string gray(int width = 32, int height = 32, const char* framerate = "30/1") {
  return "video/x-raw,format=GRAY8,width=" + std::to_string(width) + ",height=" + std::to_string(height) +
         ",framerate=" + framerate + ",colorimetry=1:4:0:0";  // full range
}

class TubeletHarness {
 public:
  explicit TubeletHarness(const std::string& sink_caps = contract()) {
    harness_ = gst_harness_new("monetubelet");
    bus_ = Owned<GstBus>::adopt(gst_bus_new());
    gst_element_set_bus(harness_->element, bus_.get());
    if (!sink_caps.empty()) gst_harness_set_sink_caps_str(harness_, sink_caps.c_str());
  }
  TubeletHarness(const TubeletHarness&) = delete;
  ~TubeletHarness() {
    gst_element_set_bus(harness_->element, nullptr);
    gst_harness_teardown(harness_);
  }

  GstHarness* get() const { return harness_; }
  GstElement* element() const { return harness_->element; }
  void caps(const std::string& caps = gray()) { gst_harness_set_src_caps_str(harness_, caps.c_str()); }

  Owned<GstBuffer> frame(GstClockTime pts, int level = 100, int width = 32, int height = 32) const {
    auto buffer = Owned<GstBuffer>::adopt(
        gst_buffer_new_allocate(nullptr, static_cast<gsize>(GST_ROUND_UP_4(width) * height), nullptr));
    gst_buffer_memset(buffer.get(), 0, static_cast<guint8>(level), gst_buffer_get_size(buffer.get()));
    GST_BUFFER_PTS(buffer.get()) = pts;
    return buffer;
  }
  GstFlowReturn push(GstClockTime pts, int level = 100, int width = 32, int height = 32) const {
    return gst_harness_push(harness_, frame(pts, level, width, height).release());
  }
  /// Frames [first, last) of a 30 fps stream that starts at `start`.
  void push_range(int first, int last, GstClockTime start = 0) const {
    for (int i = first; i < last; ++i)
      ASSERT_EQ(push(start + gst_util_uint64_scale_int(GST_SECOND, i, 30), i), GST_FLOW_OK);
  }

  std::vector<Owned<GstBuffer>> pull() const {
    std::vector<Owned<GstBuffer>> all;
    while (GstBuffer* b = gst_harness_try_pull(harness_)) all.push_back(Owned<GstBuffer>::adopt(b));
    return all;
  }
  std::vector<Owned<GstEvent>> events(GstEventType type) const {
    std::vector<Owned<GstEvent>> all;
    while (GstEvent* e = gst_harness_try_pull_event(harness_)) {
      auto event = Owned<GstEvent>::adopt(e);
      if (GST_EVENT_TYPE(e) == type) all.push_back(std::move(event));
    }
    return all;
  }
  /// Text and debug string of the first error on the bus; empty if there is none.
  std::string error() const {
    const auto message = Owned<GstMessage>::adopt(gst_bus_pop_filtered(bus_.get(), GST_MESSAGE_ERROR));
    if (!message) return {};
    GError* error = nullptr;
    gchar* debug = nullptr;
    gst_message_parse_error(message.get(), &error, &debug);
    const std::string text = std::string(error->message) + " | " + (debug ? debug : "");
    g_error_free(error);
    g_free(debug);
    return text;
  }
  guint64 stat(const char* name) const {
    GstStructure* s = nullptr;
    g_object_get(element(), "stats", &s, nullptr);
    guint64 value = 0;
    gst_structure_get_uint64(s, name, &value);
    gst_structure_free(s);
    return value;
  }

 private:
  GstHarness* harness_;
  Owned<GstBus> bus_;
};

inline TubeletMeta meta_of(const Owned<GstBuffer>& buffer) {
  const auto meta = get_tubelet_meta(buffer.get());
  EXPECT_TRUE(meta.has_value());
  return meta.value_or(TubeletMeta{});
}

}  // namespace mone::test
