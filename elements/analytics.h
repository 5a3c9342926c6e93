/// Labels as GstAnalytics metadata, which stock elements read (GStreamer >= 1.24; nothing happens before).
#pragma once

#include <gst/gst.h>

#include "elements/action_meta.h"

namespace mone {

/// Adds an object detection over the region, named by its best label, related to a classification that has
/// all of the top labels.
void add_analytics(GstBuffer* buffer, const ActionMeta& action);

}  // namespace mone
