/// What `mone eval` is asked about: videos, what happens in them, and how their labels are spelt here.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/error.h"

namespace mone {

/// Other people's labels to the model's: one JSON file, {"wave": ["wave_one_hand", "wave_two_hands"], ...}.
/// A label that the model has itself needs no entry, and stays what it is. Labels are composed().
class LabelMapping {
 public:
  /// A failure names the file and the label.
  static Result<LabelMapping> parse(std::string_view json, const std::string& name);
  static Result<LabelMapping> read(const std::string& path);
  /// What the mapping says, else `label` itself.
  const std::string& operator()(const std::string& label) const;
  const std::map<std::string, std::string>& merges() const { return to_; }

 private:
  std::map<std::string, std::string> to_;
};

/// One row of a manifest: something that happens in a video.
struct EvalEvent {
  std::string label;          ///< as the manifest spells it
  int truth = -1;             ///< the model's label, -1: not in its vocabulary
  double begin = 0, end = 0;  ///< seconds; of a trimmed clip 0 to infinity
};

/// One video with all that happens in it.
struct EvalVideo {
  std::string path, set;
  bool trimmed = true;  ///< the whole file is one event; else the rows have start and end
  std::vector<EvalEvent> events;
};

/// A column that must have one of some values.
struct EvalFilter {
  std::string column;
  std::vector<std::string> values;
};

struct EvalManifest {
  std::vector<EvalVideo> videos;                 ///< in the order of their first row
  std::vector<std::string> sets;                 ///< in the order of their first video
  std::map<std::string, int> out_of_vocabulary;  ///< label -> rows
  int passed_over = 0;  ///< files in folders by label that are not called as videos are
  /// Every file that was read or named, also in rows that were not chosen.
  std::set<std::string> files;
  std::vector<std::string> warnings;  ///< what counts otherwise than it may have been meant, one line each
};

/// Reads manifests: CSV files with the columns `path` (relative to the file) and `label` or `common_label`
/// (which goes first), and if wanted `dataset`, `start`, `end` (seconds); a folder stands for its
/// manifest.csv, or, without one, for a folder of videos a label (hidden folders are none). Sets are the
/// datasets of each manifest (of several: behind its name and as many folders as tell it apart); they are
/// never merged. A row that says what an earlier one does counts once; one whose label begins with `!` (what
/// is not shown, for training) not at all. Accents may be spelt either way. A failure names the file and the
/// line.
Result<EvalManifest> read_manifests(const std::vector<std::string>& paths,
                                    const std::vector<EvalFilter>& filters,
                                    const std::vector<std::string>& model_labels,
                                    const LabelMapping& mapping);

}  // namespace mone
