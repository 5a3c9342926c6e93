/// What every element shares: the boundary where C++ exceptions become bus errors.
#pragma once

#include <gst/gst.h>

#include <exception>
#include <utility>

#include "engine/error.h"

namespace mone {

/// Posts one bus error for a failure. Call it with no lock held.
/// `ConfigError`, `WeightsError` and failures are the user's to mend (RESOURCE/SETTINGS), `ShapeError` is a
/// stream that does not fit (STREAM/FORMAT), everything else is LIBRARY/FAILED.
void post_error(GstElement* element, const std::exception& error);
void post_failure(GstElement* element, const Failure& failure);

/// Runs `body`; an exception becomes one bus error and `fallback`. Locks taken inside `body` are released
/// first.
template <class T, class Body>
T guarded(void* element, T fallback, Body&& body) noexcept {
  try {
    return std::forward<Body>(body)();
  } catch (const std::exception& error) {
    post_error(GST_ELEMENT_CAST(element), error);
  } catch (...) {
    post_error(GST_ELEMENT_CAST(element), Error("unknown exception"));
  }
  return fallback;
}

}  // namespace mone
