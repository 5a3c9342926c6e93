/// What is true on a frame of `actiontestsrc`: the custom meta `GstMoneTruthMeta`.
///
/// Its GstStructure has the fields label (string); label-index, persons, entry, x, y, width, height (int,
/// source pixels, 0 where nobody is seen); in-transition (boolean); phase (double), so that it is readable
/// without this header.
#pragma once

#include <gst/gst.h>

#include <optional>
#include <string>

namespace mone {

struct TruthMeta {
  std::string label;
  int label_index = 0;
  /// No viewer of the last second could be expected to name it: between actions, before an action has shown
  /// what marks it, and while the person gets back into position to repeat it. Leave these out of accuracies.
  bool in_transition = false;
  double phase = 0;  ///< share of the script entry that has passed
  int persons = 0;   ///< of the action; bystanders do not count
  int entry = 0;     ///< running number of the script entry
  int x = 0, y = 0, width = 0, height = 0;

  bool operator==(const TruthMeta&) const = default;
};

const GstMetaInfo* register_truth_meta();
void add_truth_meta(GstBuffer* buffer, const TruthMeta& truth);
std::optional<TruthMeta> get_truth_meta(GstBuffer* buffer);

}  // namespace mone
