/// GStreamer's nanoseconds and the engine's.
#pragma once

#include <gst/gst.h>

#include "engine/time.h"

namespace mone {

inline Time from_gst(GstClockTime t) { return Time(static_cast<Time::rep>(t)); }
inline GstClockTime to_gst(Time t) { return static_cast<GstClockTime>(t.count()); }

}  // namespace mone
