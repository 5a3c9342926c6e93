/// The regions that elements upstream (detectors, trackers) marked on a frame, with ids that stay.
///
/// Reads GstVideoRegionOfInterestMeta and, with GStreamer >= 1.24, object detections in
/// GstAnalyticsRelationMeta. Many detectors number afresh in every frame, so a region is the one of the frame
/// before that it overlaps most; only where none does, an id that upstream gave says which it is.
#pragma once

#include <gst/video/video.h>

#include <span>
#include <vector>

#include "engine/tubelet.h"

namespace mone {

class UpstreamRegions {
 public:
  /// At most so many, the oldest first.
  void set_most(std::size_t most) { most_ = most; }
  void reset() { known_.clear(); }

  /// @param visible  the part of the frame that is seen; regions are cut to it and dropped outside of it
  /// @return  valid until the next call. Ids count from 1: 0 stands for the whole frame. A region that is not
  ///          marked any more stays for kKeptFrames frames, since detectors may skip some.
  std::span<const Region> of(GstBuffer* buffer, const Box& visible);

  static constexpr int kKeptFrames = 10;

 private:
  struct Found {
    Box box;
    gint id = 0;  // upstream's; 0, which GStreamer gives where nobody sets one, = none
  };
  struct Known {
    Region region;
    gint upstream = 0;
    int unseen = 0;
  };
  static std::vector<Found> read(GstBuffer* buffer, const Box& visible);
  void match(std::vector<Found>& found);

  std::size_t most_ = 8;
  guint32 next_ = 1;
  std::vector<Known> known_;  // oldest first
  std::vector<Region> out_;
};

}  // namespace mone
