#include "engine/step_timing.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

#include "engine/measuring.h"

namespace mone {
namespace {

constexpr int kWarmUpRounds = 3;  // caches, page faults, lazily made primitives

/// Streams with their own pixels, pushed as one batch.
class Round {
 public:
  Round(Engine& engine, int streams, double budget) : engine_(engine) {
    const auto bytes = engine.model().config().tubelet_bytes();
    for (int i = 0; i < streams; ++i) {
      streams_.push_back(engine.new_stream());
      pixels_.push_back(random_pixels(bytes, 1 + static_cast<unsigned>(i)));
      pushes_.push_back({streams_.back().get(), {pixels_.back()}, budget});
    }
  }

  const Prediction& run() {
    for (StreamPush& push : pushes_) {
      push.tubelet.begin = time_;
      push.tubelet.end = time_ + std::chrono::milliseconds(80);
    }
    time_ += std::chrono::milliseconds(160);
    engine_.push(pushes_);
    return *pushes_[0].prediction;
  }

 private:
  Engine& engine_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<std::vector<std::uint8_t>> pixels_;
  std::vector<StreamPush> pushes_;
  Time time_{};
};

}  // namespace

void check(const StepTimingOptions& options) {
  if (options.streams < 1 || options.rounds_min < 1)
    throw ConfigError("timing needs at least one stream and one round");
  if (!(options.seconds_min >= 0 && options.seconds_min <= 3600))
    throw ConfigError("timing takes 0 to 3600 seconds, not " + std::to_string(options.seconds_min));
}

StepTiming time_step(Engine& engine, double budget, const StepTimingOptions& options) {
  using Clock = std::chrono::steady_clock;
  check(options);
  Round round(engine, options.streams, budget);
  StepTiming timing;
  timing.budget = budget;
  for (int i = 0; i < kWarmUpRounds; ++i) {
    const auto tokens = round.run().tokens_per_expert;
    timing.tokens_per_expert.assign(tokens.begin(), tokens.end());
  }
  std::vector<double> times, cpu_times;
  const auto start = Clock::now();
  while (std::ssize(times) < options.rounds_min ||
         std::chrono::duration<double>(Clock::now() - start).count() < options.seconds_min) {
    const auto begin = Clock::now();
    const double cpu_begin = processor_ms();
    round.run();
    cpu_times.push_back(processor_ms() - cpu_begin);
    times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
  }
  timing.rounds = static_cast<int>(times.size());
  timing.ms_median = median(times);
  timing.ms_min = *std::min_element(times.begin(), times.end());
  timing.cpu_ms_median = median(cpu_times);
  timing.cpu_ms_min = *std::min_element(cpu_times.begin(), cpu_times.end());
  return timing;
}

}  // namespace mone
