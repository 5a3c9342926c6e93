/// The regions that elements upstream (detectors, trackers) marked on a frame, with ids that stay.
///
/// Reads GstVideoRegionOfInterestMeta and, with GStreamer >= 1.24, object detections in
/// GstAnalyticsRelationMeta, with the tracking that is related to them. A tracker's id says which region it
/// is. Many detectors number afresh in every frame, so else a region is the one of the frame before that it
/// overlaps most; only where none does, the id of the region-of-interest meta says which it is.
#pragma once

#include <gst/video/video.h>

#include <span>
#include <string>
#include <vector>

#include "engine/tubelet.h"

namespace mone {

class UpstreamRegions {
 public:
  /// At most so many, the oldest first.
  void set_most(std::size_t most) { most_ = most; }
  /// Only regions of this type ("person"), upper and lower case alike; empty = all.
  void set_type(const std::string& type) { type_ = type; }
  void reset() { known_.clear(); }

  /// @param visible  the part of the frame that is seen; regions are cut to it and dropped outside of it
  /// @return  valid until the next call. Ids count from 1: 0 stands for the whole frame. A region that is not
  ///          marked any more stays for kKeptFrames frames, since detectors may skip some.
  std::span<const Region> of(GstBuffer* buffer, const Box& visible);

  static constexpr int kKeptFrames = 10;

 private:
  struct Found {
    Box box;
    guint64 id = 0;        // upstream's; 0, which GStreamer gives where nobody sets one, = none
    bool tracked = false;  // the id is a tracker's, and may be 0
  };
  struct Known {
    Region region;
    Found last;
    int unseen = 0;
  };
  bool wanted(GQuark type) const;
  std::vector<Found> read(GstBuffer* buffer, const Box& visible) const;
  void match(std::vector<Found>& found);

  std::size_t most_ = 8;
  std::string type_;
  guint32 next_ = 1;
  std::vector<Known> known_;  // oldest first
  std::vector<Region> out_;
};

}  // namespace mone
