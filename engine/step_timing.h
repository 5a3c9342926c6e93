/// Times the streaming step of an engine: what `mone bench` prints.
#pragma once

#include <vector>

#include "engine/engine.h"
#include "engine/export.h"

namespace mone {

struct StepTiming {
  double budget = 1;
  std::vector<int> tokens_per_expert;  ///< of the step, smallest first
  int rounds = 0;                      ///< timed ones
  double ms_median = 0, ms_min = 0;    ///< of a round: one tubelet on each of the streams
  /// Processor time of the whole process in a round, all threads together: with one thread, what a step costs
  /// whoever else is on the machine.
  double cpu_ms_median = 0, cpu_ms_min = 0;
};

struct StepTimingOptions {
  int streams = 1;         ///< pushed to as one batch
  int rounds_min = 9;      ///< at least so many rounds ...
  double seconds_min = 1;  ///< ... and at least so long, 0 to an hour
};

/// @throws ConfigError if one of them is out of range
void check(const StepTimingOptions& options);

/// Pushes random pixels until warm, then times rounds. The content does not matter: a budget fixes the work.
/// @throws ConfigError if budget is NaN or outside (0, 1], or the options are out of range
MONE_API StepTiming time_step(Engine& engine, double budget, const StepTimingOptions& options);

}  // namespace mone
