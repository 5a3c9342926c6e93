/// The subcommands of `mone`: each takes its arguments and returns the program's exit code.
#pragma once

#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

namespace mone {

using Arguments = std::vector<std::string>;

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;

/// A command line that makes no sense: `main` prints it with a pointer to --help and exits 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Standard output takes no more: `main` says so and exits 1.
class OutputLost : public std::exception {};

int classify_command(const Arguments& arguments);
int model_command(const Arguments& arguments);
int eval_command(const Arguments& arguments);
int frames_command(const Arguments& arguments);
int bench_command(const Arguments& arguments);

}  // namespace mone
