/// The regions that elements upstream (detectors, trackers) marked on a frame, with ids that stay.
///
/// Reads GstVideoRegionOfInterestMeta and, with GStreamer >= 1.24, object detections in
/// GstAnalyticsRelationMeta, with the tracking that is related to them. A tracker's id says which region it
/// is. Many detectors number afresh in every frame, so else a region is the one of the frame before that it
/// overlaps most; only where none does, the id of the region-of-interest meta says which it is.
#pragma once

#include <gst/video/video.h>

#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "engine/time.h"
#include "engine/tubelet.h"

namespace mone {

class UpstreamRegions {
 public:
  /// At most so many, the oldest first.
  void set_most(std::size_t most) { most_ = most; }
  /// Only regions of this type ("person"), upper and lower case alike; empty = all.
  void set_type(const std::string& type) { type_ = type; }
  void reset() {
    known_.clear();
    other_types_.clear();
  }

  /// @param visible  the part of the frame that is seen; regions are cut to it and dropped outside of it
  /// @param now  the frame's running time
  /// @return  valid until the next call. Ids count from 1: 0 stands for the whole frame. A region that is not
  ///          marked any more stays for kKept, since detectors may skip frames.
  std::span<const Region> of(GstBuffer* buffer, const Box& visible, Time now);
  /// The id that upstream gave the region last, where it gives ids and the region is one of the latest of().
  std::optional<guint64> upstream_id(std::uint32_t region) const;
  /// What has been marked and is not of the wanted type: "car, face"; empty = nothing.
  std::string other_types() const;

  /// A detector that marks a person once a second is fast enough.
  static constexpr Time kKept = std::chrono::milliseconds(1200);

 private:
  struct Found {
    Box box;
    std::optional<guint64> id;  // upstream's
    bool tracked = false;       // it is a tracker's
  };
  struct Known {
    Region region;
    std::optional<guint64> id;  // the last that a mark had: not every one has
    bool tracked = false;
    Time seen{0};
  };
  bool wanted(GQuark type);
  std::vector<Found> read(GstBuffer* buffer, const Box& visible);
  void match(std::vector<Found>& found, Time now);
  bool make_room(Time now);
  std::vector<Known>::iterator seen_longest_ago();

  std::size_t most_ = 8;
  std::string type_;
  guint32 next_ = 1;
  std::vector<Known> known_;      // oldest first
  std::set<GQuark> other_types_;  // the first few
  std::vector<Region> out_;
};

}  // namespace mone
