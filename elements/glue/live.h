/// Whether a stream is live.
#pragma once

#include <gst/gst.h>

#include <optional>

namespace mone {

/// As upstream says. Not everybody answers: splitmuxsrc and videomixer do not.
inline std::optional<bool> is_live(GstPad* sink) {
  GstQuery* query = gst_query_new_latency();
  gboolean live = TRUE;
  const bool answered = gst_pad_peer_query(sink, query);
  if (answered) gst_query_parse_latency(query, &live, nullptr, nullptr);
  gst_query_unref(query);
  return answered ? std::optional<bool>(live) : std::nullopt;
}

/// A guess at the first buffer, where nobody answers: one that comes in PAUSED is a file's, as a live source
/// gives none before PLAYING; any other may be a camera's, or a file's whose sink fills no pipeline.
inline bool may_be_live(GstElement* element) { return GST_STATE(element) != GST_STATE_PAUSED; }

}  // namespace mone
