/// The newest label of each region, from the thread that finds labels to the one that carries video. Safe
/// from both.
#pragma once

#include <map>
#include <mutex>
#include <vector>

#include "elements/action_meta.h"

namespace mone {

class LatestLabels {
 public:
  /// Takes the place of the region's earlier label; events nobody has seen yet stay.
  void put(ActionMeta action);

  /// What a frame at `pts` carries, by region: labels whose window has ended by then, and not longer than
  /// their max_gap ago. Events and `fresh` go to one frame only. A frame without a time is as
  /// late as the newest label.
  std::vector<ActionMeta> at(GstClockTime pts);

  void clear();

 private:
  std::mutex mutex_;
  std::map<guint, ActionMeta> regions_;
};

}  // namespace mone
