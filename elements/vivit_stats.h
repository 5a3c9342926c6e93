/// What monevivit's `stats` property tells, and how it is counted.
#pragma once

#include <gst/gst.h>

#include <algorithm>

#include "elements/region_windows.h"

namespace mone {

struct VivitStats {
  guint64 processed = 0;      ///< tubelets that ran
  guint64 lost = 0;           ///< that the timestamps say never came
  guint64 skipped = 0;        ///< that came and were not run
  guint64 not_predicted = 0;  ///< that ran without a prediction, as the hop was wide
  guint64 late = 0;           ///< predictions after their deadline
  guint64 restarts = 0;       ///< windows begun, the first one too
  double rate = 0;            ///< tubelets per second, by the timestamps
  double budget = 0, realised = 0;
  int hop = 1, queue = 0;
  double batch = 0;            ///< tubelets in a call; this and those below averaged over about 16
  double ms = 0, ms_mean = 0;  ///< of the engine: the last tubelet's share of its call
  double waited_ms = 0;        ///< from a tubelet's arrival to its answer
  guint regions = 0;
  guint hurried = 0;  ///< tubelets in a row that ran with less than planned, to be in time

  guint64 dropped() const { return lost + skipped; }
  /// After a second of them it is the deadline that says what the stream gets, and not the plan.
  bool is_hurried() const { return hurried >= std::max(4u, static_cast<guint>(rate)); }
  void count(const RegionWindows::Outcome& outcome, double tubelet_rate);
  void write(GstStructure* s) const;
};

/// The fields that every monevivit of an engine has in common.
void write_load(GstStructure* s, const ControllerView& load);

}  // namespace mone
