/// Streams at real-time pace against one engine, each with a thread of its own, as cameras are.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "engine/engine.h"
#include "engine/feed.h"
#include "tests/load/scripts.h"

namespace mone::load {

/// What became of the tubelets of one run.
struct Tally {
  long arrived = 0;
  long ran = 0;  ///< spatial work done
  long predicted = 0;
  long on_time = 0;  ///< predicted before the stream's next tubelet came
  long skipped = 0;
  long scored = 0;  ///< predicted where the truth is clear and the window is full
  long right = 0;
  long missed_truth = 0;            ///< clear tubelets that got no prediction in time
  double budget = 0, realised = 0;  ///< sums over `ran`
  double hop = 0;                   ///< sum over `arrived`
  double full_seconds = 0;      ///< engine seconds of `ran`, as if each had been at budget 1 and predicted
  std::vector<double> latency;  ///< seconds, of predictions

  void add(const Tally& other);
};

struct DriveOptions {
  int streams = 1;
  double seconds = 10;
  double warm_up = 3;  ///< seconds that are not counted
  bool adaptive =
      true;  ///< false: budget 1, no batches, dropped when the next one has come: what one would write first
  StreamTerms terms;
  const CostModel* costs = nullptr;         ///< how costs relate, for Tally::full_seconds
  std::function<void(double)> every_100ms;  ///< called with the seconds since the start
};

/// Plays scripts (stream i plays script i modulo their number, each from another place) and counts.
Tally drive(const std::shared_ptr<Engine>& engine, const std::vector<Script>& scripts,
            const DriveOptions& options);

/// Processor seconds of this process so far, all threads.
double processor_seconds();

}  // namespace mone::load
