/// Time in the engine: nanoseconds on the stream's own clock (GStreamer's running time, or seconds from a
/// file's start).
#pragma once

#include <chrono>

namespace mone {
using Time = std::chrono::nanoseconds;
}  // namespace mone
