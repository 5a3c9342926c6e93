#include "engine/budget/measured_costs.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <memory>
#include <random>
#include <vector>

#include "engine/budget/cost_file.h"
#include "engine/cost.h"
#include "engine/log.h"

namespace mone {
namespace {

using Clock = std::chrono::steady_clock;
using Levels = std::array<double, kLadder.size()>;

double seconds_since(Clock::time_point then) {
  return std::chrono::duration<double>(Clock::now() - then).count();
}

/// Streams with pixels of their own, pushed as one batch.
class Calls {
 public:
  Calls(Engine& engine, int streams) : engine_(engine) {
    std::minstd_rand random(1);
    pixels_.resize(static_cast<std::size_t>(engine.model().config().tubelet_bytes()));
    for (auto& pixel : pixels_) pixel = static_cast<std::uint8_t>(random() >> 8);
    for (int i = 0; i < streams; ++i) {
      streams_.push_back(engine.new_stream());
      pushes_.push_back({streams_.back().get(), {pixels_}});
    }
  }

  double seconds(double budget, bool predict = true) {
    for (StreamPush& push : pushes_) {
      push.budget = budget;
      push.predict = predict;
      push.tubelet.begin = push.tubelet.end = time_;
    }
    time_ += std::chrono::milliseconds(100);
    const auto began = Clock::now();
    engine_.push(pushes_);
    return seconds_since(began);
  }
  /// The smallest of a few, so that a neighbour's interruption is not taken for the cost; fewer where one
  /// alone takes long.
  double best_seconds(double budget, double patience, bool predict = true) {
    const auto began = Clock::now();
    double best = seconds(budget, predict);
    for (int i = 1; i < kRepeats && seconds_since(began) + best < patience; ++i)
      best = std::min(best, seconds(budget, predict));
    return best;
  }

 private:
  static constexpr int kRepeats = 4;
  Engine& engine_;
  std::vector<std::uint8_t> pixels_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<StreamPush> pushes_;
  Time time_{};
};

/// Levels in the order in which they tell most: the ends, then the middles of what is left.
std::vector<int> by_importance(int levels) {
  std::vector<int> order = {levels - 1, 0};
  for (int step = 16; step >= 1; step /= 2)
    for (int l = step; l < levels - 1; l += step) order.push_back(l);
  std::vector<int> first_only;
  for (const int level : order)
    if (std::find(first_only.begin(), first_only.end(), level) == first_only.end())
      first_only.push_back(level);
  return first_only;
}

/// Fills levels that were not measured (0) from those around them, in proportion to multiply-adds.
void fill_between(const Ladder& ladder, const ModelConfig& config, Levels& costs) {
  int low = 0;
  for (int high = 1; high < ladder.size(); ++high) {
    if (costs[high] == 0) continue;
    const double first = step_gmac(config, ladder.budget(low)), last = step_gmac(config, ladder.budget(high));
    for (int l = low + 1; l < high; ++l) {
      const double share = last > first ? (step_gmac(config, ladder.budget(l)) - first) / (last - first) : 0;
      costs[l] = costs[low] + share * (costs[high] - costs[low]);
    }
    low = high;
  }
}

/// What runs the engine where nobody says it better.
std::string processor_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    const auto colon = line.find(": ");
    if (line.rfind("model name", 0) == 0 && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "cpu";
}

}  // namespace

CostTable measure_costs(Engine& engine, const MeasureOptions& options) {
  if (options.max_batch < 1)
    throw ConfigError("costs for a largest batch of " + std::to_string(options.max_batch) +
                      "; it is at least 1");
  const auto began = Clock::now();
  const auto in_time = [&] { return seconds_since(began) < options.seconds; };
  const ModelConfig& config = engine.model().config();
  CostTable table;
  table.experts = config.E;
  table.max_batch = options.max_batch;
  const Ladder ladder(config.E);
  const double patience = options.seconds / (4 * ladder.size());  // for each number of the table
  const std::vector<int> order = by_importance(ladder.size());

  Calls one(engine, 1);
  one.seconds(1);  // page faults, lazily made primitives
  const auto measure = [&](Calls& calls, int level) {
    return calls.best_seconds(ladder.budget(level), patience);
  };
  const int top = ladder.size() - 1;
  table.single[top] = measure(one, top);
  table.single[0] = measure(one, 0);
  table.read_out = std::max(0.0, table.single[0] - one.best_seconds(ladder.budget(0), patience, false));

  Calls full(engine, options.max_batch);
  // A batch that alone would take the time box is not measured: a batch saves nothing there.
  const bool batches = options.max_batch > 1 && table.single[top] * options.max_batch < options.seconds / 2;
  if (batches) {
    full.seconds(ladder.budget(0));
    table.batch[0] = measure(full, 0);
    table.batch[top] = measure(full, top);
  }
  for (const int level : order) {
    if (table.single[level] == 0 && in_time()) table.single[level] = measure(one, level);
    if (batches && table.batch[level] == 0 && in_time()) table.batch[level] = measure(full, level);
  }
  fill_between(ladder, config, table.single);
  if (batches)
    fill_between(ladder, config, table.batch);
  else
    for (int l = 0; l < ladder.size(); ++l) table.batch[l] = table.single[l] * options.max_batch;
  return table;
}

CostTable costs_of(Engine& engine, const MeasureOptions& options, const std::string& device) {
  const Model& model = engine.model();
  const CostKey key{model.hash(),
                    engine.backend(),
                    device.empty() ? processor_name() : device,
                    engine.dtype() == DType::kBf16 ? "bf16" : "f32",
                    engine.threads(),
                    options.max_batch};
  const std::string folder = cost_folder();
  const std::string path = folder.empty() ? "" : folder + "/" + cost_file_name(key);
  if (!path.empty())
    if (const auto kept = read_costs(path, key, model.config().E)) return *kept;
  const auto began = Clock::now();
  const CostTable table = measure_costs(engine, options);
  log_line(kLogInfo, model.name() + ": measured what a tubelet costs at each budget in " +
                         std::to_string(static_cast<int>(1e3 * seconds_since(began))) + " ms");
  if (!path.empty()) write_costs(path, key, table);
  return table;
}

}  // namespace mone
