#pragma once

#include "engine/time.h"

namespace mone {

/// `time` in seconds, as people and JSON have it.
inline double to_seconds(Time time) { return std::chrono::duration<double>(time).count(); }

}  // namespace mone
