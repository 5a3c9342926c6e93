/// A label with everything that is known about it: what monelabel says for one window, what rides on video
/// buffers as the custom meta `GstMoneActionMeta` (one for each region), and what bus messages carry.
///
/// The GstStructure has the fields of GstMoneScoresMeta (scores_meta.h) and
///   label (string), score (double), label-index (int): the best label, also in `top`
///   top-labels, top-scores: GstArray of string, of double, best first
///   active-labels, active-scores: the labels that are on (thresholds and hysteresis)
///   events: GstArray of GstStructure `mone-event` with event ("new", "update", "end"), label (string),
///     label-index (int), score (double), start, end (guint64, PTS in ns). The "end" of a region that has
///     left is on the bus and in JSON only: there is no frame of it any more
///   fresh (boolean): false on a buffer that carries an earlier buffer's label on
///   model, model-hash, backend, dtype, stream-id (string)
///   grid-width, grid-height, expert-count, image-width, image-height, resize-short (int), fit (string): how
///   the
///     token grid lies over the picture; planes, crop (string): what of it the model was shown
///   reference (string, caps), reference-start, reference-end (guint64, ns): the window on the source's
///   clock,
///     where the video had a GstReferenceTimestampMeta
/// so that it is readable without this header.
#pragma once

#include <gst/gst.h>

#include <optional>
#include <string>
#include <vector>

#include "elements/glue/gst_ptr.h"
#include "elements/scores_meta.h"

namespace mone {

struct NamedScore {
  std::string label;
  double score = 0;
  bool operator==(const NamedScore&) const = default;
};

struct ActionEvent {
  std::string event;  ///< "new", "update", "end"
  std::string label;
  int index = 0;                    ///< class of `label`
  double score = 0;                 ///< now; "end": the highest it reached
  GstClockTime start = 0, end = 0;  ///< PTS
  bool operator==(const ActionEvent&) const = default;
};

struct ActionMeta {
  ScoresMeta window;                ///< region, box, times, budget, flags, experts
  ModelInfo model;                  ///< `labels` stays empty
  std::vector<NamedScore> top;      ///< best first
  std::vector<NamedScore> active;   ///< labels that are on
  std::vector<ActionEvent> events;  ///< what changed with this window
  int label_index = 0;              ///< class of top[0]
  bool fresh = true;                ///< false: carried on from an earlier buffer
  std::string stream_id;
  std::string reference;  ///< caps of the source's clock, empty if there is none
  GstClockTime reference_end = GST_CLOCK_TIME_NONE;

  bool operator==(const ActionMeta&) const = default;
  GstClockTime reference_start() const { return reference_end - (window.window_end - window.window_start); }
};

void write_action(GstStructure* s, const ActionMeta& action);
ActionMeta read_action(const GstStructure* s);

/// Registers the meta; the functions below do so by themselves.
const GstMetaInfo* register_action_meta();
void add_action_meta(GstBuffer* buffer, const ActionMeta& action);
/// One for each region, in the order they were added.
std::vector<ActionMeta> get_action_metas(GstBuffer* buffer);

/// The structure of a bus message about one event, `mone-label`: all of the above but events and experts,
/// where event, label, label-index, score, start and end are the event's.
OwnedStructure action_message(const ActionMeta& action, const ActionEvent& event);

}  // namespace mone
