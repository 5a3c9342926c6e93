/// What `mone classify` prints: one JSON object a line, or a table for people.
#pragma once

#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

namespace mone {

/// What one window says.
struct WindowReport {
  double start = 0, end = 0;  ///< seconds from the file's start: first and last frame the prediction saw
  std::vector<float> scores;  ///< softmax of the logits, [C]
  double budget = 1, realised = 1;
  bool warming = false;
};

/// What the whole file says.
struct FileReport {
  std::vector<float> scores;  ///< softmax of the mean logits, [C]
  int predictions = 0;
  double seconds = 0;  ///< to the end of the last frame
  int frames = 0;
};

/// Writes reports as they come: `begin` once a file, then its windows, then `end`.
class ReportWriter {
 public:
  virtual ~ReportWriter() = default;
  virtual void begin(const std::string& file) = 0;
  virtual void window(const WindowReport& report) = 0;
  virtual void end(const FileReport& report) = 0;
};

/// @param labels  [C], a reference that outlives the writer
/// @param top_k   how many labels `topk` lists, best first; more than C means all
std::unique_ptr<ReportWriter> json_report(std::ostream& out, const std::vector<std::string>& labels,
                                          int top_k);

/// Consecutive windows with the same best label share a row, which has their mean score.
std::unique_ptr<ReportWriter> table_report(std::ostream& out, const std::vector<std::string>& labels,
                                           int top_k);

/// Indices of the `count` best scores, best first; equal scores go to the lower index.
std::vector<int> best_scores(const std::vector<float>& scores, int count);

}  // namespace mone
