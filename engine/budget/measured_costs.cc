#include "engine/budget/measured_costs.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <thread>
#include <vector>

#include "engine/budget/cost_file.h"
#include "engine/cost.h"
#include "engine/log.h"
#include "engine/measuring.h"

namespace mone {
namespace {

using Clock = std::chrono::steady_clock;
using Levels = std::array<double, kLadder.size()>;

constexpr int kRounds = 6;  // of which the smallest counts

double seconds_since(Clock::time_point then) {
  return std::chrono::duration<double>(Clock::now() - then).count();
}

/// Streams with pixels of their own, pushed as one batch on one lane.
class Calls {
 public:
  Calls(Engine& engine, int streams, int lane = 0)
      : engine_(engine), lane_(lane), pixels_(random_pixels(engine.model().config().tubelet_bytes(), 1)) {
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
    engine_.push_on_lane(lane_, pushes_);
    return seconds_since(began);
  }

 private:
  Engine& engine_;
  const int lane_;
  std::vector<std::uint8_t> pixels_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<StreamPush> pushes_;
  Time time_{};
};

/// Keeps all lanes but the first busy: what a tubelet costs matters when the others work, too, and share
/// caches, memory and often cores.
class Company {
 public:
  explicit Company(Engine& engine) {
    for (int lane = 1; lane < engine.lanes(); ++lane)
      threads_.emplace_back([calls = std::make_unique<Calls>(engine, 1, lane)](const std::stop_token& stop) {
        try {
          while (!stop.stop_requested()) calls->seconds(1);
        } catch (const std::exception&) {
          // The lane that is timed will say so.
        }
      });
  }

 private:
  std::vector<std::jthread> threads_;
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

/// Interruptions only add. So a level costs no more than one above it took, and a batch no more than its
/// tubelets one by one.
void bound(const Ladder& ladder, CostTable& table) {
  for (int l = ladder.size() - 1; l >= 0; --l) {
    const int above = std::min(l + 1, ladder.size() - 1);
    table.single[l] = std::min(table.single[l], table.single[above]);
    table.batch[l] = std::min({table.batch[l], table.batch[above], table.max_batch * table.single[l]});
  }
}

}  // namespace

CostTable measure_costs(Engine& engine, const MeasureOptions& options) {
  if (options.max_batch < 1)
    throw ConfigError("costs for a largest batch of " + std::to_string(options.max_batch) +
                      "; it is at least 1");
  const auto began = Clock::now();
  const ModelConfig& config = engine.model().config();
  CostTable table;
  table.experts = config.E;
  table.max_batch = options.max_batch;
  const Ladder ladder(config.E);
  const int top = ladder.size() - 1;
  const auto measure = [&](Calls& calls, int level, Levels& costs) {
    const double seconds = calls.seconds(ladder.budget(level));
    costs[level] = costs[level] == 0 ? seconds : std::min(costs[level], seconds);
  };

  Calls one(engine, 1);
  const Company company(engine);
  one.seconds(1);  // page faults, lazily made primitives
  measure(one, top, table.single);
  measure(one, 0, table.single);
  double without = one.seconds(ladder.budget(0), false);
  // Both ends of the ladder and a warm-up of such a call are to fit into half of the time; a pair at least.
  int size = options.max_batch;
  while (size > 2 && (table.single[top] + 2 * table.single[0]) * size > options.seconds / 2)
    size = std::max(2, size / 2);
  const bool batches = size > 1 && table.single[top] * size < options.seconds;
  Calls several(engine, batches ? size : 1);
  if (batches) {
    several.seconds(ladder.budget(0));
    measure(several, 0, table.batch);
    measure(several, top, table.batch);
  }
  // In rounds, so that a neighbour's interruption spoils one number of each at most.
  bool in_time = true;
  for (int round = 0; round < kRounds && in_time; ++round) {
    for (const int level : by_importance(ladder.size())) {
      in_time = seconds_since(began) < options.seconds;
      if (!in_time) break;
      measure(one, level, table.single);
      if (batches) measure(several, level, table.batch);
    }
    if (in_time) without = std::min(without, one.seconds(ladder.budget(0), false));
  }
  fill_between(ladder, config, table.single);
  if (batches) fill_between(ladder, config, table.batch);
  for (int l = 0; l <= top; ++l) {
    // A batch is more work than a tubelet of it. Where that took longer, it was interrupted every time.
    if (batches) table.single[l] = std::min(table.single[l], table.batch[l]);
    const double further = batches ? (table.batch[l] - table.single[l]) / (size - 1) : table.single[l];
    table.batch[l] = table.single[l] + (options.max_batch - 1) * further;
  }
  bound(ladder, table);
  table.read_out = std::max(0.0, table.single[0] - without);
  return table;
}

CostTable costs_of(Engine& engine, const MeasureOptions& options) {
  const Model& model = engine.model();
  const CostKey key{model.hash(),     engine.backend(), engine.device_name(), to_name(engine.dtype()),
                    engine.threads(), engine.lanes(),   options.max_batch};
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
