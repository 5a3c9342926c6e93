/// The same file through `mone classify` and through GStreamer.
#pragma once

#include <string>
#include <vector>

namespace mone::testing {

struct TimedLabel {
  double start = 0, end = 0;  ///< seconds from the file's start
  std::string label;
  double score = 0;
};

struct Labels {
  std::vector<TimedLabel> labels;
  std::string error;  ///< what went wrong, empty: nothing
};

/// `mone classify --json`.
Labels labels_of_program(const std::string& file, const std::string& model, double budget);

/// `filesrc ! decodebin ! monetubelet ! monevivit ! monelabel`, times in stream time.
Labels labels_of_gstreamer(const std::string& file, const std::string& model, double budget);

/// Expects both to give the same number of predictions, labels and times.
void expect_same_labels(const std::string& file, const std::string& model, double budget);

}  // namespace mone::testing
