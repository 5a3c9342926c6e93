/// Segments.
#pragma once

#include <gst/gst.h>

#include <cmath>

namespace mone {

/// PTS and running time keep their relation from one segment to the next: nothing that has begun needs to
/// end.
inline bool continues(const GstSegment& a, const GstSegment& b) {
  if (a.format != GST_FORMAT_TIME || b.format != GST_FORMAT_TIME || a.rate != b.rate) return false;
  const auto zero = [](const GstSegment& s) {
    const double base = static_cast<double>(s.base) * std::abs(s.rate);
    return s.rate > 0 ? base - static_cast<double>(s.start) - static_cast<double>(s.offset)
                      : base + static_cast<double>(s.stop) - static_cast<double>(s.offset);
  };
  // `base` is whole nanoseconds of running time.
  return !(b.flags & GST_SEGMENT_FLAG_RESET) && std::abs(zero(a) - zero(b)) <= 1 + std::abs(a.rate);
}

}  // namespace mone
