#include "pipeline/command_line.h"

#include <algorithm>
#include <boost/algorithm/string/join.hpp>
#include <charconv>
#include <filesystem>
#include <iostream>

#include "engine/backend/device_choice.h"

namespace mone {
namespace po = boost::program_options;

CommandLine::CommandLine(std::string usage, std::string about)
    : usage_(std::move(usage)), about_(std::move(about)) {
  shown_.add_options()("help,h", "print this");
}

void CommandLine::take_rest(const char* name, std::vector<std::string>* values) {
  hidden_.add_options()(name, po::value(values));
  rest_.add(name, -1);
}

bool CommandLine::parse(const Arguments& arguments) {
  po::options_description all;
  all.add(shown_).add(hidden_);
  // Abbreviated options would change their meaning when an option is added.
  const int style = po::command_line_style::default_style & ~po::command_line_style::allow_guessing;
  try {
    po::store(po::command_line_parser(arguments).options(all).positional(rest_).style(style).run(), found_);
    if (found_.count("help") != 0) {
      std::cout << "Usage: mone " << usage_ << "\n\n" << about_ << "\n\n" << shown_;
      return false;
    }
    po::notify(found_);
  } catch (const po::too_many_positional_options_error&) {
    throw UsageError("there are more arguments than it takes: mone " + usage_);
  } catch (const po::error& error) {
    throw UsageError(error.what());
  }
  return true;
}

void ModelArguments::add_to(CommandLine& line) {
  line.options()("model", po::value(&model)->value_name("MODEL"),
                 "model file, or Hugging Face ViViT folder; default: the installed one");
  add_options_to(line, options);
}

void ModelArguments::add_options_to(CommandLine& line, ModelOptions& options) {
  line.options()("hf-compat", po::bool_switch(&options.hf_compat),
                 "of a Hugging Face folder, follow preprocessor_config.json (size, range of the pixels)\n"
                 "instead of what such weights were trained on: [-1, 1]");
}

void EngineArguments::add_to(CommandLine& line) {
  line.options()("backend", po::value(&backend)->value_name("NAME"),
                 "cuda, onednn or reference; default: $MONE_BACKEND, else the best here")(
      "device", po::value(&device)->value_name("DEVICE"),
      "auto (a GPU that can run the model, else the CPU), cpu, cuda, or cuda:N")(
      "dtype", po::value(&dtype)->value_name("TYPE"),
      "f32, bf16, int8, or f16 on GPUs that lack bf16; default: bf16 where the backend runs it in hardware")(
      "threads", po::value(&threads)->value_name("N"), "threads of the engine; default: every core")(
      "deterministic", po::bool_switch(&deterministic), "the same bits whoever shares a batch");
}

EngineOptions EngineArguments::options() const {
  EngineOptions options;
  const auto known = backend_names();
  if (!backend.empty() && std::find(known.begin(), known.end(), backend) == known.end())
    throw UsageError("--backend is " + boost::algorithm::join(known, ", ") + " in this build, not '" +
                     backend + "'");
  if (const auto choice = parse_device(device); !choice) throw UsageError("--" + choice.error().text);
  options.backend = backend;
  options.device = device;
  if (!dtype.empty()) {
    options.dtype = dtype_from(dtype);
    if (!options.dtype) throw UsageError("--dtype is f32, bf16, int8 or f16, not '" + dtype + "'");
  }
  if (threads < 0 || threads > 1024) {
    throw UsageError("--threads is 0 (every core) to 1024, not " + std::to_string(threads));
  }
  options.threads = threads;
  options.deterministic = deterministic;
  return options;
}

void check_budget(double budget, const char* option) {
  if (!(budget > 0 && budget <= 1)) {
    throw UsageError(std::string(option) + " is a share of the model's width above 0 and up to 1, not " +
                     std::to_string(budget));
  }
}

void check_output(const char* option, const std::string& path, std::span<const std::string> read) {
  std::error_code different;
  for (const std::string& file : read)
    if (std::filesystem::equivalent(path, file, different))
      throw UsageError(std::string(option) + " " + path + " would overwrite " + file + ", which is read");
}

Sampling parse_sampling(const std::string& text) {
  if (text == "follow") return Sampling::kFollow;
  if (text == "nominal") return Sampling::kNominal;
  throw UsageError("--sampling is follow or nominal, not '" + text + "'");
}

std::vector<double> parse_budgets(const std::string& text, const char* option) {
  std::vector<double> budgets;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    double budget = 0;
    const auto [stop, error] = std::from_chars(text.data() + begin, text.data() + end, budget);
    if (error != std::errc{} || stop != text.data() + end) {
      throw UsageError(std::string(option) + " is a list such as 1,0.5,0.25, not '" + text + "'");
    }
    check_budget(budget, option);
    budgets.push_back(budget);
    begin = end + 1;
  }
  return budgets;
}

}  // namespace mone
