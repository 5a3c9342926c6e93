// mone eval: how often a model is right about labelled videos, by budget, and against controls.
#include <algorithm>
#include <boost/algorithm/string/join.hpp>
#include <charconv>
#include <filesystem>
#include <iostream>
#include <sstream>

#include "pipeline/command_line.h"
#include "pipeline/eval_page.h"
#include "pipeline/eval_report.h"
#include "pipeline/open_engine.h"
#include "pipeline/output_file.h"
#include "pipeline/progress.h"
#include "pipeline/table.h"
#include "pipeline/video_file.h"

namespace mone {
namespace {

struct EvalArguments {
  ModelArguments model;
  EngineArguments engine;
  EvalOptions options;
  std::vector<EvalFilter> filters;
  std::vector<std::string> manifests;
  std::string mapping, page;
  bool json = false, background_given = false;

  /// False if only the help was wanted.
  bool parse(const Arguments& arguments);
};

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, at);) parts.push_back(part);
  if (text.empty() || text.back() == at) parts.emplace_back();
  return parts;
}

std::vector<Chooser> parse_controls(const std::string& text) {
  std::vector<Chooser> controls;
  if (text == "none") return controls;
  for (const std::string& name : split(text, ',')) {
    bool known = false;
    for (const Chooser chooser : {Chooser::kRandom, Chooser::kShuffled, Chooser::kUniform}) {
      if (name != to_name(chooser)) continue;
      if (std::find(controls.begin(), controls.end(), chooser) == controls.end()) controls.push_back(chooser);
      known = true;
    }
    if (!known)
      throw UsageError("--controls is a list of random, shuffled and uniform, or none, not '" + text + "'");
  }
  return controls;
}

EvalFilter parse_filter(const std::string& text) {
  const auto at = text.find('=');
  if (at == std::string::npos || at == 0)
    throw UsageError("--where is COLUMN=VALUE,VALUE, not '" + text + "'");
  return {text.substr(0, at), split(text.substr(at + 1), ',')};
}

unsigned parse_seed(const std::string& text) {
  unsigned seed = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, seed);
  if (error == std::errc{} && stop == end) return seed;
  throw UsageError("--seed is a whole number from 0 to 4294967295, not '" + text + "'");
}

bool EvalArguments::parse(const Arguments& arguments) {
  namespace po = boost::program_options;
  std::string budgets = "1,0.75,0.5,0.4,0.25,0.15", controls = "random,shuffled,uniform", sampling = "follow",
              seed = "1";
  std::vector<std::string> where;
  CommandLine line(
      "eval [options] MANIFEST...",
      "How often a model is right about labelled videos: top-1, top-5, by label, with 95 % intervals, at\n"
      "several budgets, against a router that chooses by chance, one that looks elsewhere, and one nested\n"
      "model for every token; events found and false alarms an hour as monelabel would report them.\n"
      "A MANIFEST is a CSV file with the columns path and label (or common_label) and, if wanted, dataset,\n"
      "start, end (seconds) and any others; or a folder with a manifest.csv or with a folder a label.\n"
      "Each dataset is a set of its own; sets are never merged. What happens under a label that the model\n"
      "does not know is in no share, but what is said meanwhile is a false alarm, and its time counts.");
  line.options()("json", po::bool_switch(&json), "one JSON object instead of tables, with every answer")(
      "html", po::value(&page)->value_name("FILE"),
      "also write a page with plots and expert maps, all in one file")(
      "budgets", po::value(&budgets)->value_name("LIST"), "default: 1,0.75,0.5,0.4,0.25,0.15")(
      "controls", po::value(&controls)->value_name("LIST"),
      "random, shuffled, uniform, or none; default: all three")(
      "labels", po::value(&mapping)->value_name("FILE"),
      "JSON that says which labels of the manifests are which of the model's,\n"
      "{\"wave\": [\"wave_one_hand\", ...]}; default: labels.json beside the model, if there")(
      "where", po::value(&where)->value_name("COLUMN=VALUES"),
      "only rows whose column has one of these values, separated by commas; more than once: all must hold")(
      "background", po::value(&options.background)->value_name("LABEL"),
      "the label that is no event; default: nothing")("smoothing",
                                                      po::value(&options.policy.smoothing)->value_name("S"),
                                                      "of events, as monelabel; default: 0.5")(
      "on", po::value(&options.policy.on)->value_name("SCORE"), "of events, as monelabel; default: 0.5")(
      "off", po::value(&options.policy.off)->value_name("SCORE"), "of events, as monelabel; default: 0.35")(
      "sampling", po::value(&sampling)->value_name("MODE"),
      "follow or nominal, as mone classify; default: follow")("seed", po::value(&seed)->value_name("N"),
                                                              "of the controls; default: 1");
  model.add_to(line);
  engine.add_to(line);
  line.take_rest("MANIFEST", &manifests);
  if (!line.parse(arguments)) return false;
  if (manifests.empty()) throw UsageError("a MANIFEST is missing: mone eval [options] MANIFEST...");
  options.budgets = parse_budgets(budgets, "--budgets");
  options.controls = parse_controls(controls);
  options.sampling = parse_sampling(sampling);
  options.seed = parse_seed(seed);
  background_given = line.has("background");
  for (const std::string& text : where) filters.push_back(parse_filter(text));
  try {
    LabelTracker(1, options.policy);
  } catch (const ConfigError& error) {
    throw UsageError(error.what());
  }
  return true;
}

/// The file of the mapping asked for, or of the one beside the model; empty: there is none.
std::string mapping_path(const std::string& asked, const Model& model) {
  if (!asked.empty()) return asked;
  std::filesystem::path beside = model.path();
  std::error_code error;
  beside = (std::filesystem::is_directory(beside, error) ? beside : beside.parent_path()) / "labels.json";
  return std::filesystem::exists(beside, error) ? beside.string() : "";
}

/// Every file that is read or named by what is read.
std::vector<std::string> files_read(const EvalManifest& manifest, const Model& model,
                                    const std::string& mapping) {
  std::vector<std::string> files(manifest.files.begin(), manifest.files.end());
  files.push_back(mapping);
  const auto of_model = model_files(model.path());
  files.insert(files.end(), of_model.begin(), of_model.end());
  return files;
}

/// "walk, wave and 3 more".
std::string some_of(const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 20;
  if (names.size() <= kMost) return boost::algorithm::join(names, ", ");
  return boost::algorithm::join(std::vector(names.begin(), names.begin() + kMost), ", ") + " and " +
         std::to_string(names.size() - kMost) + " more";
}

/// @throws UsageError if the model lacks the background asked for; of the default one the evaluator says so
void check_background(const EvalArguments& wanted, const std::vector<std::string>& labels) {
  const std::string& background = wanted.options.background;
  if (wanted.background_given && std::find(labels.begin(), labels.end(), background) == labels.end())
    throw UsageError("--background is a label of the model, and it has no '" + background + "'; it has " +
                     some_of(labels));
}

/// Empty, or why not one share could be measured.
std::string why_nothing(const Evaluation& result, const EvalManifest& manifest,
                        const std::vector<std::string>& labels) {
  bool known = false;
  for (const EvalSet& set : result.sets) {
    if (set.dearest_point().clips.all().of > 0) return "";
    known |= !set.labels.empty();
  }
  if (known) return "nothing could be measured: no video gave an answer to a row";
  std::vector<std::string> others;
  for (const auto& [label, rows] : manifest.out_of_vocabulary) others.push_back("'" + label + "'");
  return "nothing could be measured: the labels of the manifest are " + some_of(others) +
         ", and the model knows none of them; it has " + some_of(labels) + "; --labels says which are which";
}

/// Prints lines from `first` on. @return how many lines there are
std::size_t say(const std::vector<std::string>& lines, std::size_t first = 0) {
  for (std::size_t i = first; i < lines.size(); ++i) std::cerr << "mone: " << lines[i] << '\n';
  return lines.size();
}

int failed(const Failure& failure) {
  std::cerr << "mone: " << failure.text << '\n';
  return kExitFailed;
}

}  // namespace

int eval_command(const Arguments& arguments) {
  EvalArguments wanted;
  if (!wanted.parse(arguments)) return kExitDone;
  av_log_set_level(AV_LOG_QUIET);
  log_engine_to_stderr();

  const auto engine = open_engine(wanted.model, wanted.engine.options());
  if (!engine) return kExitFailed;
  const Model& model = engine->model();
  const auto& labels = model.config().labels;
  check_background(wanted, labels);
  const std::string mapping_file = mapping_path(wanted.mapping, model);
  const auto mapping =
      mapping_file.empty() ? Result<LabelMapping>(LabelMapping()) : LabelMapping::read(mapping_file);
  if (!mapping) return failed(mapping.error());
  const auto manifest = read_manifests(wanted.manifests, wanted.filters, labels, mapping.value());
  if (!manifest) return failed(manifest.error());

  // Opened before the hours that what goes in it may take.
  std::unique_ptr<OutputFile> page;
  if (!wanted.page.empty()) {
    check_output("--html", wanted.page, files_read(manifest.value(), model, mapping_file));
    auto opened = OutputFile::open(wanted.page);
    if (!opened) return failed(opened.error());
    page = std::move(opened).value();
  }
  if (const int others = manifest.value().passed_over)
    std::cerr << "mone: " << counted(others, "file", "files")
              << " in folders by label not taken for video, by the name\n";
  Evaluator evaluator(*engine, manifest.value(), wanted.options);
  const Evaluation& result = evaluator.result();
  const std::size_t said = say(result.warnings);
  const auto& videos = manifest.value().videos;
  Progress progress;
  progress.start(counted(std::ssize(videos), "video", "videos"));
  for (std::size_t i = 0; i < videos.size(); ++i) {
    evaluator.add(videos[i], [&](double share) {
      progress.update(static_cast<double>(i) + share, static_cast<double>(videos.size()));
    });
    progress.update(static_cast<double>(i + 1), static_cast<double>(videos.size()));
  }
  progress.clear();

  say(result.warnings, said);
  say(result.failures);
  const EvalSubject subject{model,          engine->backend(),        to_name(engine->dtype()),
                            wanted.options, mapping.value().merges(), manifest.value().out_of_vocabulary};
  if (wanted.json)
    write_line(std::cout, eval_json(result, subject));
  else
    print_tables(std::cout, result, subject);
  if (page) {
    page->write(eval_page(result, subject));
    if (const std::string why = page->finish(); !why.empty()) return failed(Failure{why});
  }
  const std::string nothing = why_nothing(result, manifest.value(), labels);
  if (!nothing.empty()) return failed(Failure{nothing});
  return result.failures.empty() ? kExitDone : kExitFailed;
}

}  // namespace mone
