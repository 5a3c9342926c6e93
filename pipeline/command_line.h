/// Arguments of one subcommand, by Boost.Program_options, strictly: unknown options, missing values and
/// values out of range are usage errors that name the option.
#pragma once

#include <boost/program_options.hpp>
#include <span>
#include <string>

#include "engine/engine.h"
#include "engine/sampling.h"
#include "pipeline/command.h"

namespace mone {

class CommandLine {
 public:
  /// @param usage  what follows "Usage: mone ", e.g. "classify [options] FILE..."
  /// @param about  what the command does, printed by --help
  CommandLine(std::string usage, std::string about);

  /// Adds named options; values go where the caller's `po::value(&variable)` says.
  boost::program_options::options_description_easy_init options() { return shown_.add_options(); }
  /// Adds the arguments without a name: `values` takes them all, in order.
  void take_rest(const char* name, std::vector<std::string>* values);

  /// Parses. False if --help was asked for and printed.
  /// @throws UsageError
  bool parse(const Arguments& arguments);
  /// Whether the option stood on the command line.
  bool has(const char* name) const { return found_.count(name) != 0 && !found_[name].defaulted(); }

 private:
  std::string usage_, about_;
  boost::program_options::options_description shown_{"Options"};
  boost::program_options::options_description hidden_;
  boost::program_options::positional_options_description rest_;
  boost::program_options::variables_map found_;
};

/// --model, of commands that do not take the model as an argument, and --hf-compat.
struct ModelArguments {
  std::string model;
  ModelOptions options;

  void add_to(CommandLine& line);
  static void add_options_to(CommandLine& line, ModelOptions& options);
};

/// The options of everything that makes an engine: --backend --device --dtype --threads --deterministic.
struct EngineArguments {
  std::string backend, device, dtype;
  int threads = 0;
  bool deterministic = false;

  void add_to(CommandLine& line);
  /// @throws UsageError for a backend, device, dtype or thread count that does not exist
  EngineOptions options() const;
};

/// @throws UsageError, which names the option, unless `budget` is in (0, 1]
void check_budget(double budget, const char* option = "--budget");

/// @throws UsageError, which names the option, if the file to write is one of those that are read, under
/// whatever name
void check_output(const char* option, const std::string& path, std::span<const std::string> read);

/// "follow" or "nominal". @throws UsageError for anything else
Sampling parse_sampling(const std::string& text);

/// Reads "1,0.5,0.25" of an option. @throws UsageError for anything that is not a budget
std::vector<double> parse_budgets(const std::string& text, const char* option);

}  // namespace mone
