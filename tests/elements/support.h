/// What the element tests share: tiny models, tubelets that fit them, a bus that is read to the end.
#pragma once

#include <gst/check/gstharness.h>
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "elements/glue/gst_ptr.h"
#include "elements/scores_meta.h"
#include "elements/tubelet_caps.h"
#include "elements/tubelet_meta.h"
#include "engine/model.h"

namespace mone {

/// How long to wait for what should take at most `usual`: a sanitizer's build is told to be patient, as
/// `meson test --timeout-multiplier` is (tests/run.sh).
inline GstClockTime patience(GstClockTime usual) {
  const char* times = std::getenv("MONE_TEST_PATIENCE");
  return usual * static_cast<GstClockTime>(std::max(1, times ? std::atoi(times) : 1));
}

/// A random model of a few KB: 16x20 pixels, tubelets of 2x4x4, 5 classes, 3 tubelets a window.
inline std::string tiny_model(const char* name = "fe_e3") {
  return std::string(MONE_GOLDEN_DIR "/") + name + ".safetensors";
}

inline TubeletFormat format_of(const std::string& model) {
  return tubelet_format(Model::load(model).value()->config());
}

struct HarnessFree {
  void operator()(GstHarness* h) const {
    gst_element_set_bus(h->element, nullptr);  // messages left on it hold the element that holds the bus
    gst_harness_teardown(h);
  }
};
using Harness = std::unique_ptr<GstHarness, HarnessFree>;

/// What a file's source would say; a harness by itself answers as a camera does. Before the first buffer.
inline void answer_not_live(GstHarness* h) {
  gst_pad_set_query_function(h->srcpad, [](GstPad* pad, GstObject* parent, GstQuery* query) -> gboolean {
    if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY) return gst_pad_query_default(pad, parent, query);
    gst_query_set_latency(query, FALSE, 0, GST_CLOCK_TIME_NONE);
    return TRUE;
  });
}

/// One tubelet at `end`, its pixels made from `seed`.
inline GstBuffer* new_tubelet(const TubeletFormat& format, GstClockTime end, GstClockTime hop,
                              unsigned seed = 1, TubeletMeta meta = {}) {
  GstBuffer* buffer = gst_buffer_new_allocate(nullptr, static_cast<gsize>(format.bytes()), nullptr);
  const BufferMap map(buffer, GST_MAP_WRITE);
  unsigned x = seed * 2654435761u + 1;
  for (gsize i = 0; i < map.size(); ++i) {
    x = x * 1664525u + 1013904223u;
    map.data()[i] = static_cast<guint8>(x >> 24);
  }
  GST_BUFFER_PTS(buffer) = end;
  GST_BUFFER_DURATION(buffer) = hop;
  if (meta.frame_pts.empty()) meta.frame_pts = {end - std::min(end, hop / 2), end};
  if (meta.rate == 0) meta.rate = static_cast<double>(GST_SECOND) / static_cast<double>(hop);
  if (!meta.box.width) meta.box = {0, 0, 320, 240};
  meta.source_width = 320;
  meta.source_height = 240;
  set_tubelet_meta(buffer, meta);
  return buffer;
}

/// The messages of one type that wait on a bus.
inline std::vector<Owned<GstMessage>> messages(GstBus* bus, GstMessageType type) {
  std::vector<Owned<GstMessage>> found;
  while (GstMessage* m = gst_bus_pop_filtered(bus, type)) found.push_back(Owned<GstMessage>::adopt(m));
  return found;
}

inline std::string error_text(GstMessage* message) {
  GError* error = nullptr;
  gchar* debug = nullptr;
  gst_message_parse_error(message, &error, &debug);
  const std::string text = std::string(error->message) + " " + (debug ? debug : "");
  g_error_free(error);
  g_free(debug);
  return text;
}

/// A bus of one's own on a lone element.
inline Owned<GstBus> give_bus(GstElement* element) {
  auto bus = Owned<GstBus>::adopt(gst_bus_new());
  gst_element_set_bus(element, bus.get());
  return bus;
}

}  // namespace mone
