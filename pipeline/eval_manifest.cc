#include "pipeline/eval_manifest.h"

#include <algorithm>
#include <boost/algorithm/string.hpp>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <set>
#include <sstream>

#include "engine/json.h"
#include "pipeline/composed.h"
#include "pipeline/csv.h"

namespace mone {
namespace {

namespace fs = std::filesystem;

constexpr double kForever = std::numeric_limits<double>::infinity();

Result<std::string> read_text(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error))
    return Failure{path.string() +
                   (fs::exists(path, error) ? ": is not a file" : ": No such file or directory")};
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return Failure{path.string() + ": cannot be read"};
  return text.str();
}

bool is_video(const fs::path& path) {
  static const std::set<std::string> kVideo = {".avi", ".mp4",  ".mkv",  ".mov", ".webm", ".m4v", ".mpg",
                                               ".ts",  ".3gp",  ".mpeg", ".ogv", ".flv",  ".y4m", ".wmv",
                                               ".asf", ".m2ts", ".mts",  ".vob", ".gif"};
  return kVideo.count(boost::algorithm::to_lower_copy(path.extension().string())) != 0;
}

/// File managers leave .thumbnails and .Trash-1000 beside folders, macOS ._clip.mp4 beside clip.mp4.
bool is_hidden(const fs::path& path) { return path.filename().string()[0] == '.'; }

/// "A folder of videos a label" as the table that a manifest would be.
/// @param passed_over  counts the other files there
Result<CsvTable> list_folder(const fs::path& folder, int& passed_over) {
  CsvTable table{{"path", "label"}, {}, {}};
  std::error_code error;
  // Links are what they are called here, wherever they lead.
  for (const auto& label : fs::directory_iterator(folder, error)) {
    std::error_code unknown;  // a link that leads to itself is no folder
    if (!label.is_directory(unknown) || is_hidden(label.path())) continue;
    for (const auto& entry : fs::directory_iterator(label.path(), error)) {
      const fs::path inside = label.path().filename() / entry.path().filename();
      if (is_hidden(inside) || entry.is_directory(unknown)) continue;
      if (is_video(inside))
        table.rows.push_back({inside.string(), inside.parent_path().string()});
      else
        passed_over += entry.is_regular_file(unknown);
    }
    if (error) return Failure{label.path().string() + ": " + error.message()};
  }
  if (error) return Failure{folder.string() + ": " + error.message()};
  std::sort(table.rows.begin(), table.rows.end());
  table.lines.resize(table.rows.size(), 0);
  if (table.rows.empty())
    return Failure{folder.string() +
                   ": has no manifest.csv and no videos in folders by label (LABEL/clip.mp4)"};
  return table;
}

/// Seconds; `missing` for an empty cell; NaN for what is no time.
double seconds_of(const std::string& cell, double missing) {
  if (cell.empty()) return missing;
  double value = 0;
  const auto [stop, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  const bool good = error == std::errc{} && stop == cell.data() + cell.size() && value >= 0;
  return good ? value : std::nan("");
}

/// What a manifest that lies in `folder` calls `path`.
fs::path place_of(const std::string& path, const fs::path& folder) {
  return path.find("://") == std::string::npos ? folder / path : fs::path(path);
}

/// The same for all spellings of a path; links stay what they are called.
std::string one_spelling(const fs::path& path) {
  if (path.string().find("://") != std::string::npos) return path.string();
  std::error_code error;
  return fs::absolute(path, error).lexically_normal().string();
}

/// Adds the rows of one table to the manifest.
class Collector {
 public:
  Collector(const std::vector<EvalFilter>& filters, const std::vector<std::string>& labels,
            const LabelMapping& mapping)
      : filters_(filters), mapping_(mapping) {
    for (std::size_t i = 0; i < labels.size(); ++i)
      label_index_.emplace(composed(labels[i]), static_cast<int>(i));
  }

  /// Empty, or what is wrong.
  std::string add(const CsvTable& table, const std::string& name, const fs::path& folder,
                  const std::string& prefix) {
    const int path = table.column("path"), common = table.column("common_label"),
              label = table.column("label"), dataset = table.column("dataset"), start = table.column("start"),
              stop = table.column("end");
    if (path < 0 || (label < 0 && common < 0))
      return name + ": needs the columns path and label (or common_label), and has " +
             boost::algorithm::join(table.columns, ", ");
    std::vector<std::pair<int, const EvalFilter*>> chosen_by;  // with its column
    for (const EvalFilter& filter : filters_) {
      chosen_by.emplace_back(table.column(filter.column), &filter);
      if (chosen_by.back().first < 0) return name + ": has no column " + filter.column + " to choose by";
    }
    for (std::size_t r = 0; r < table.rows.size(); ++r) {
      const auto& row = table.rows[r];
      const auto cell = [&](int column) {
        return column < 0 ? std::string() : std::string(trimmed(row[static_cast<std::size_t>(column)]));
      };
      const fs::path place = place_of(row[path], folder);
      manifest_.files.insert(place.string());
      const auto passes = [&](const std::pair<int, const EvalFilter*>& choice) {
        const auto& values = choice.second->values;
        return std::find(values.begin(), values.end(), cell(choice.first)) != values.end();
      };
      if (!std::all_of(chosen_by.begin(), chosen_by.end(), passes)) continue;
      const double begin = seconds_of(cell(start), 0), end = seconds_of(cell(stop), kForever);
      const auto failed = [&](const std::string& why) {
        return name + ": line " + std::to_string(table.lines[r]) + " " + why;
      };
      if (cell(path).empty()) return failed("has no path");
      if (!(begin < end)) return failed("has start and end that are not seconds from start to end");
      std::string text = cell(common);
      if (text.empty()) text = cell(label);
      if (text.empty()) return failed("has no label");
      text = composed(text);
      if (text[0] == '!') {
        denials_ += 1;
        continue;
      }
      const std::string set = cell(dataset);
      const bool added = add_event(place, prefix + (set.empty() ? "all" : set), begin == 0 && end == kForever,
                                   {text, truth_of(text), begin, end});
      if (!added) manifest_.warnings.push_back(failed("says what an earlier line says, and does not count"));
    }
    return "";
  }

  void add_file(const fs::path& file) { manifest_.files.insert(file.string()); }

  EvalManifest take() {
    if (denials_ > 0)
      manifest_.warnings.push_back(std::to_string(denials_) +
                                   " of the rows deny a label (such as !fall): they are for training, and "
                                   "nothing is asked of them");
    return std::move(manifest_);
  }

 private:
  /// @param label  composed()
  int truth_of(const std::string& label) const {
    auto found = label_index_.find(label);
    if (found == label_index_.end()) found = label_index_.find(mapping_(label));
    return found == label_index_.end() ? -1 : found->second;
  }

  /// False if the manifest has it already.
  bool add_event(const fs::path& path, const std::string& set, bool trimmed, EvalEvent event) {
    const auto [place, first] = video_of_.try_emplace({one_spelling(path), set}, manifest_.videos.size());
    if (first) {
      manifest_.videos.push_back({path.string(), set, true, {}});
      if (std::find(manifest_.sets.begin(), manifest_.sets.end(), set) == manifest_.sets.end())
        manifest_.sets.push_back(set);
    }
    EvalVideo& video = manifest_.videos[place->second];
    const auto same = [&](const EvalEvent& other) {
      const bool label = event.truth >= 0 ? event.truth == other.truth : event.label == other.label;
      return label && event.begin == other.begin && event.end == other.end;
    };
    if (std::any_of(video.events.begin(), video.events.end(), same)) return false;
    if (event.truth < 0) ++manifest_.out_of_vocabulary[event.label];
    video.trimmed &= trimmed;
    video.events.push_back(std::move(event));
    return true;
  }

  const std::vector<EvalFilter>& filters_;
  const LabelMapping& mapping_;
  std::map<std::string, int> label_index_;
  std::map<std::pair<std::string, std::string>, std::size_t> video_of_;
  int denials_ = 0;  ///< rows that only say what is not shown
  EvalManifest manifest_;
};

/// What a manifest's sets are called by: its own name, and as many of the folders above it as tell it from
/// the others, "clips" or "monday/clips". A manifest.csv goes by the name of its folder.
std::vector<std::string> names_apart(const std::vector<fs::path>& files) {
  std::vector<std::vector<std::string>> parts;  // of each path, the last first
  for (const fs::path& file : files) {
    fs::path path = file;
    if (path.filename().empty() || path.filename() == "manifest.csv") path = path.parent_path();
    parts.emplace_back();
    for (; path.has_filename(); path = path.parent_path()) parts.back().push_back(path.filename().string());
  }
  // x.csv is called x, unless there is a folder x, too.
  for (std::vector<std::string>& own : parts) {
    if (own.empty() || !own[0].ends_with(".csv")) continue;
    std::vector<std::string> shorter = own;
    shorter[0].resize(own[0].size() - 4);
    if (std::find(parts.begin(), parts.end(), shorter) == parts.end()) own = shorter;
  }
  std::vector<std::string> names(files.size());
  for (std::size_t i = 0; i < files.size(); ++i) {
    for (const std::string& part : parts[i]) {
      names[i] = names[i].empty() ? part : part + "/" + names[i];
      const std::size_t depth = std::count(names[i].begin(), names[i].end(), '/') + 1;
      const bool apart = std::none_of(parts.begin(), parts.end(), [&](const std::vector<std::string>& other) {
        return &other != &parts[i] && other.size() >= depth &&
               std::equal(other.begin(), other.begin() + depth, parts[i].begin());
      });
      if (apart) break;
    }
  }
  return names;
}

}  // namespace

Result<LabelMapping> LabelMapping::parse(std::string_view text, const std::string& name) {
  const auto parsed = parse_json(text, name);
  if (!parsed) return parsed.error();
  if (!parsed.value().is_object()) return Failure{name + ": must be an object of lists"};
  LabelMapping mapping;
  for (const auto& [ours, others] : parsed.value().items()) {
    if (!others.is_array()) return Failure{name + ": " + ours + " must be a list of labels"};
    for (const auto& other : others) {
      if (!other.is_string()) return Failure{name + ": " + ours + " must be a list of labels"};
      if (!mapping.to_.emplace(composed(other.get<std::string>()), composed(ours)).second)
        return Failure{name + ": " + other.get<std::string>() + " stands under two labels"};
    }
  }
  return mapping;
}

Result<LabelMapping> LabelMapping::read(const std::string& path) {
  const auto text = read_text(path);
  if (!text) return text.error();
  return parse(text.value(), path);
}

const std::string& LabelMapping::operator()(const std::string& label) const {
  const auto found = to_.find(label);
  return found == to_.end() ? label : found->second;
}

Result<EvalManifest> read_manifests(const std::vector<std::string>& paths,
                                    const std::vector<EvalFilter>& filters,
                                    const std::vector<std::string>& model_labels,
                                    const LabelMapping& mapping) {
  Collector collector(filters, model_labels, mapping);
  int passed_over = 0;
  std::vector<fs::path> files(paths.begin(), paths.end());
  std::error_code error;
  for (fs::path& file : files) {
    if (fs::is_directory(file, error) && fs::exists(file / "manifest.csv", error)) file /= "manifest.csv";
  }
  std::vector<fs::path> whole;
  for (const fs::path& file : files) {
    whole.push_back(fs::absolute(file, error).lexically_normal());
    if (std::find(whole.begin(), whole.end() - 1, whole.back()) != whole.end() - 1)
      return Failure{file.string() + ": is given twice"};
  }
  const std::vector<std::string> names = names_apart(whole);
  for (std::size_t i = 0; i < files.size(); ++i) {
    const fs::path& file = files[i];
    const bool folder = fs::is_directory(file, error);
    auto text = folder ? Result<std::string>("") : read_text(file);
    if (!text) return text.error();
    if (!folder) collector.add_file(file);
    const auto table = folder ? list_folder(file, passed_over) : parse_csv(text.value(), file.string());
    if (!table) return table.error();
    const fs::path home = folder ? file : file.parent_path();
    const std::string prefix = paths.size() > 1 ? names[i] + "/" : "";
    if (const std::string why = collector.add(table.value(), file.string(), home, prefix); !why.empty())
      return Failure{why};
  }
  EvalManifest manifest = collector.take();
  manifest.passed_over = passed_over;
  if (manifest.videos.empty()) return Failure{paths[0] + ": has no row to evaluate"};
  return manifest;
}

}  // namespace mone
