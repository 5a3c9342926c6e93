// mone classify: the actions in video files, as a table or as JSON lines.
#include <iostream>

#include "engine/model.h"
#include "pipeline/classify_report.h"
#include "pipeline/command_line.h"
#include "pipeline/file_labels.h"
#include "pipeline/open_engine.h"
#include "pipeline/progress.h"
#include "pipeline/video_file.h"

namespace mone {
namespace {

struct ClassifyArguments {
  ModelArguments model;
  std::string sampling = "follow";
  EngineArguments engine;
  FileLabelOptions label;
  int top_k = 5;
  bool json = false;
  std::vector<std::string> files;

  /// False if only the help was wanted.
  bool parse(const Arguments& arguments);
};

bool ClassifyArguments::parse(const Arguments& arguments) {
  namespace po = boost::program_options;
  CommandLine line(
      "classify [options] FILE...",
      "Labels the actions in video files of any kind that FFmpeg reads: one prediction per tubelet,\n"
      "nothing skipped, scores as the model gives them. A file's summary (its first line; with --json\n"
      "its last) is the mean over the predictions whose window was full (else the last one's).");
  line.options()("json", po::bool_switch(&json), "one JSON object a line instead of a table")(
      "budget", po::value(&label.budget)->value_name("B"),
      "share of the model's width a token gets, above 0 up to 1; default: 1")(
      "sampling", po::value(&sampling)->value_name("MODE"),
      "follow: every n-th frame, as live; nominal: the model's own grid of times; default: follow")(
      "top-k", po::value(&top_k)->value_name("K"), "labels listed per prediction; default: 5");
  model.add_to(line);
  engine.add_to(line);
  line.take_rest("FILE", &files);
  if (!line.parse(arguments)) return false;

  check_budget(label.budget);
  label.sampling = parse_sampling(sampling);
  if (top_k < 1) throw UsageError("--top-k is 1 or more, not " + std::to_string(top_k));
  if (files.empty()) throw UsageError("a FILE is missing: mone classify [options] FILE...");
  return true;
}

/// Cameras go on for ever, whether somebody hears of it or not. @throws OutputLost
void check_heard() {
  if (!std::cout) throw OutputLost();
}

/// Labels one file; false, with a line on standard error that names it, when it fails.
bool classify(const std::string& path, Engine& engine, const FileLabelOptions& options,
              ReportWriter& writer) {
  Progress progress;
  const std::string shown = shown_name(path);
  const auto say = [&](const std::string& what) {
    progress.clear();
    std::cerr << "mone: " << shown << ": " << what << '\n';
  };
  auto opened = VideoFile::open(path);
  if (!opened) {
    std::cerr << "mone: " << opened.error().text << '\n';
    return false;
  }
  VideoFile& file = *opened.value();
  progress.start(shown);
  writer.begin(shown);
  try {
    const auto report = label_file(
        engine, file, options,
        [&](const WindowReport& window) {
          progress.clear();
          writer.window(window);
          check_heard();
        },
        [&](double done) { progress.update(done, file.duration()); });
    progress.clear();
    if (file.losses().any()) say(file.losses().text());
    if (!report) {
      say(report.error().text);
      return false;
    }
    writer.end(report.value());
    check_heard();
    return true;
  } catch (const Error& error) {
    say(error.what());
    return false;
  }
}

}  // namespace

int classify_command(const Arguments& arguments) {
  ClassifyArguments wanted;
  if (!wanted.parse(arguments)) return kExitDone;
  av_log_set_level(AV_LOG_QUIET);  // what was lost is counted and said once a file
  log_engine_to_stderr();

  const auto engine = open_engine(wanted.model, wanted.engine.options());
  if (!engine) return kExitFailed;
  const auto& labels = engine->model().config().labels;
  const auto writer = wanted.json ? json_report(std::cout, labels, wanted.top_k)
                                  : table_report(std::cout, labels, wanted.top_k);
  bool all = true;
  for (const std::string& path : wanted.files) all &= classify(path, *engine, wanted.label, *writer);
  return all ? kExitDone : kExitFailed;
}

}  // namespace mone
