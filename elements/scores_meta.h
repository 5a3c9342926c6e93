/// What rides on a score buffer (the custom meta `GstMoneScoresMeta`), the caps of scores, and the sticky
/// event `mone-model` that goes before the first of them.
///
/// The meta's GstStructure has the fields region (uint); upstream-id (guint64, where upstream gave one); x,
/// y, width, height, source-width, source-height (int, source pixels; x and y below 0 and ends beyond the
/// source where a crop reaches into black borders); window-start, window-end, max-gap (guint64, ns, PTS);
/// budget, realised, rate (double); hop, missing (int); warming, mixed-rate, rate-out-of-range (boolean);
/// experts (GBytes, u8 per token): readable without this header.
#pragma once

#include <gst/gst.h>

#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/frame.h"

namespace mone {

#define MONE_SCORES_CAPS "application/x-mone-scores"

struct ScoresMeta {
  guint region = 0;  ///< 0 = the whole frame
  Box box;           ///< what the newest tubelet showed, source pixels; a crop may leave the frame
  int source_width = 0, source_height = 0;
  GstClockTime window_start = 0, window_end = 0;  ///< PTS of the first and last frame the scores saw
  GstClockTime max_gap = 0;  ///< scores older than this after their window's end mean nothing
  double budget = 1;         ///< as asked for the newest tubelet
  double realised = 1;       ///< what rounding to whole tokens made of it
  double rate = 0;           ///< tubelets per second
  int hop = 1;               ///< tubelets from one prediction to the next
  int missing = 0;           ///< tubelets of the window that repeat the one before them
  bool warming = false;      ///< the window is not full yet
  bool mixed_rate = false;   ///< its tubelets came at more than one rate
  bool rate_out_of_range = false;
  std::vector<guint8> experts;  ///< expert of each token of the newest tubelet, row by row; 0 = smallest
  std::optional<guint64> upstream_id;  ///< what the tracker or detector calls the region

  bool operator==(const ScoresMeta&) const = default;
  /// The part of `box` that lies in the frame: to draw and to tell others.
  Box box_in_frame() const {
    if (source_width <= 0 || source_height <= 0) return box;
    return intersection(box, {0, 0, source_width, source_height});
  }
};

/// The fields above in a structure that somebody else owns.
void write_scores(GstStructure* s, const ScoresMeta& meta);
ScoresMeta read_scores(const GstStructure* s);

/// Registers the meta; the two functions below do so by themselves.
const GstMetaInfo* register_scores_meta();
void add_scores_meta(GstBuffer* buffer, const ScoresMeta& meta);
std::optional<ScoresMeta> get_scores_meta(GstBuffer* buffer);

/// What does not change from one buffer to the next.
struct ModelInfo {
  std::vector<std::string> labels;
  std::string model, model_hash, backend, dtype;
  int grid_width = 0, grid_height = 0;  ///< tokens across and down
  int experts = 1;
  int image_width = 0, image_height = 0;  ///< pixels the grid covers
  int resize_short = 0;                   ///< short side before the centre crop, with `fit` "crop"
  std::string fit;                        ///< "crop" or "pad"
  std::string planes, crop;               ///< of the stream's tubelets: what the model is shown

  bool operator==(const ModelInfo&) const = default;
  /// The name of a class; "class 7" where the model names none.
  std::string label(int index) const;
};

ModelInfo model_info(const Engine& engine);

/// All but the labels, in a structure that somebody else owns.
void write_model(GstStructure* s, const ModelInfo& info);
ModelInfo read_model(const GstStructure* s);

/// A sticky custom downstream event; its structure is `mone-model`: what write_model() writes and labels
/// (GstArray of string).
GstEvent* new_model_event(const ModelInfo& info);
/// Nothing if the event is another one.
std::optional<ModelInfo> parse_model_event(GstEvent* event);

}  // namespace mone
