/// Whether a stream is live.
#pragma once

#include <gst/gst.h>

namespace mone {

/// Asked at a buffer that comes through `sink` into `element`. Not everybody answers (splitmuxsrc and
/// videomixer do not): then a buffer that comes in PAUSED is a file's, since a live source gives none before
/// PLAYING, and any other may be a camera's.
inline bool is_live(GstElement* element, GstPad* sink) {
  GstQuery* query = gst_query_new_latency();
  gboolean live = TRUE;
  if (gst_pad_peer_query(sink, query))
    gst_query_parse_latency(query, &live, nullptr, nullptr);
  else
    live = GST_STATE(element) != GST_STATE_PAUSED;
  gst_query_unref(query);
  return live;
}

}  // namespace mone
