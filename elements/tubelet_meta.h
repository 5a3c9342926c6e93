/// What rides on a tubelet buffer: the custom meta `GstMoneTubeletMeta`.
///
/// Its GstStructure has the fields region (uint); upstream-id (guint64, where upstream gave one); x, y,
/// width, height, source-width, source-height (int, source pixels); frame-pts (GstArray of guint64); missing,
/// stride (int); rate (double); epoch (uint); rate-out-of-range, interlaced (boolean); cut-at (guint64, ns);
/// following (int), so that it is readable without this header.
///
/// A tubelet that was lost whole (the source sent no frame for any of its steps) is not sent: a GAP event
/// with its PTS and one hop of duration stands for it, where the window repeats the entry before.
#pragma once

#include <gst/gst.h>

#include <optional>
#include <vector>

#include "engine/frame.h"

namespace mone {

struct TubeletMeta {
  guint region = 0;  ///< 0 = the whole frame
  Box box;           ///< what the tubelet shows, in source pixels; a crop may leave the frame
  int source_width = 0, source_height = 0;
  /// PTS of the frame each time step shows, [pt]. A repeated frame stands here with its own PTS again, while
  /// the buffer's PTS goes on: it is the time of the last step.
  std::vector<GstClockTime> frame_pts;
  int missing = 0;  ///< steps that repeat the one before because the source had no frame for them
  double rate = 0;  ///< tubelets per second at this moment
  int stride = 0;   ///< source frames from one step to the next; 0 = `sampling=nominal`
  /// Counts restarts: no window may hold tubelets of two epochs. It is a number and not a flag so that a
  /// queue that drops the first tubelet of an epoch does not hide the restart. (The buffer has
  /// GST_BUFFER_FLAG_DISCONT as well, but so has one behind a leaky queue.)
  guint epoch = 0;
  bool rate_out_of_range = false;  ///< the source's frame rate fits no stride of the trained range
  bool interlaced = false;         ///< one field of each frame was used
  /// When it was cut, by the system's monotonic clock: a tubelet's deadline counts from there, however long
  /// it then stood in queues. 0 = not known.
  guint64 cut_at = 0;
  int following = 0;  ///< tubelets of other regions with the same PTS that come right after this one
  std::optional<guint64> upstream_id;  ///< what the tracker or detector calls the region

  bool operator==(const TubeletMeta&) const = default;
};

/// Registers the meta; every function below does so by itself.
const GstMetaInfo* register_tubelet_meta();

/// Writes the meta on a writable buffer, over the one that is there or as a new one. Allocates nothing when
/// the buffer already carries one with as many frames. @return the buffer's meta
GstMeta* set_tubelet_meta(GstBuffer* buffer, const TubeletMeta& meta);

/// Its `following` alone; 0 if it has no meta.
int tubelets_following(GstBuffer* buffer);

/// The buffer's meta; nothing if it has none.
std::optional<TubeletMeta> get_tubelet_meta(GstBuffer* buffer);

}  // namespace mone
