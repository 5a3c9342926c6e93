/// Plays whole pipelines and looks at what reaches their end.
#pragma once

#include <functional>

#include "tests/elements/support.h"

namespace mone {

/// Plays a line to its end with `see` called on every buffer that reaches the element `out`.
inline void play(const std::string& line, std::function<void(GstBuffer*)> see) {
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
  const auto end = Owned<GstMessage>::adopt(
      gst_bus_timed_pop_filtered(bus.get(), patience(60 * GST_SECOND),
                                 static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  ASSERT_TRUE(end) << "no end came";
  ASSERT_EQ(GST_MESSAGE_TYPE(end.get()), GST_MESSAGE_EOS) << error_text(end.get());
}

/// Two seconds of a test picture through moneclassify with a tiny model; the rest of the line is the
/// caller's.
inline std::string classified_line(const std::string& pattern, int width, int height) {
  return "videotestsrc num-buffers=60 pattern=" + pattern +
         " ! video/x-raw,format=I420,framerate=30/1,width=" + std::to_string(width) +
         ",height=" + std::to_string(height) +
         " ! moneclassify wait=always backend=reference threads=1 top-k=3 model=\"" + tiny_model() + "\" ! ";
}

}  // namespace mone
