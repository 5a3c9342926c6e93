// The budget under real load. Prints Markdown tables for RESULTS.md; asserts nothing.
//
//     load_bench scale MODEL STREAMS,STREAMS,… [SECONDS]   adaptive against a naive control, by number of
//     streams load_bench throughput MODEL STREAMS                  one engine for all against an engine each
//     load_bench agreement [MODEL]                         top label and accuracy by level, on unseen scripts
//     load_bench costs MODEL                               what a tubelet costs by level, alone and in a
//     batch
//
// With $MONE_DECISIONS set every change of the plan is a line on stderr.
// MODEL: "default", a file, or "fe-b" (ViViT-B/16x2, random weights).
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

#include "engine/budget/measured_costs.h"
#include "tests/load/drivers.h"
#include "tests/load/scripts.h"

namespace mone::load {
namespace {

constexpr std::uint64_t kUnseen = 90001;  // seeds that training never used

std::shared_ptr<Engine> make_engine(const std::shared_ptr<const Model>& model) {
  EngineOptions options;
  options.threads = 2;
  auto engine = Engine::create(model, options);
  if (!engine) throw std::runtime_error(engine.error().text);
  return engine.value();
}

std::shared_ptr<const Model> model_of(const std::string& name) {
  return open_model(name == "default" ? "" : name);
}

double percent(long part, long whole) {
  return whole ? 100.0 * static_cast<double>(part) / static_cast<double>(whole) : 0;
}

double percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  const auto at =
      values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

/// Largest budget, between levels too, that costs at most `seconds`.
double affordable(const CostModel& cost, double seconds) {
  double low = 0, high = 1;
  for (int i = 0; i < 30; ++i) (cost.seconds((low + high) / 2, 1) <= seconds ? low : high) = (low + high) / 2;
  return low;
}

void print_run(const char* kind, int streams, double overload, const Tally& t, double cpu, double best) {
  const double ran = static_cast<double>(std::max(t.ran, 1L));
  std::printf(
      "| %d | %.2f | %s | %s | %.2f | %.2f | %.2f %% | %.2f %% | %.2f | %.2f %% | %.2f | %.0f ms | %.1f |\n",
      streams, overload, kind, best > 0 ? std::to_string(best).substr(0, 4).c_str() : "", t.budget / ran,
      t.realised / ran, percent(t.on_time, t.predicted), percent(t.on_time, t.arrived),
      t.hop / static_cast<double>(std::max(t.arrived, 1L)), percent(t.skipped, t.arrived),
      percent(t.right, t.scored) / 100, 1e3 * percentile(t.latency, .99), static_cast<double>(t.right) / cpu);
  std::fflush(stdout);
}

void scale(const std::string& name, const std::vector<int>& counts, double seconds) {
  const auto model = model_of(name);
  const auto scripts =
      render_scripts(model->config(), name == "fe-b" ? 2 : 8, kUnseen, name == "fe-b" ? 15 : 40);
  const auto engine = make_engine(model);
  engine->new_feed({});  // measures the costs, or reads them
  const double rate = scripts[0].steps[scripts[0].size() / 2].rate;
  std::printf("%s, %s, %d threads, %.2f tubelets/s a stream, %.0f s a run\n\n", model->name().c_str(),
              engine->backend().c_str(), engine->threads(), rate, seconds);
  std::printf(
      "| streams | overload | | affordable | budget | realised | predictions on time | tubelets answered on "
      "time | hop | skipped | accuracy | 99 %% latency | right per CPU s |\n");
  std::printf("|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
  const CostTable table = costs_of(*engine, {8});  // the engine's own: the same key
  const CostModel cost(table);
  for (const int count : counts) {
    DriveOptions options;
    options.streams = count;
    options.seconds = seconds;
    options.costs = &cost;
    double cpu = processor_seconds();
    const Tally adaptive = drive(engine, scripts, options);
    cpu = processor_seconds() - cpu;
    // What budget 1 costs in this run, on average, with whatever else the machine does meanwhile.
    const double full = adaptive.full_seconds / static_cast<double>(std::max(adaptive.ran, 1L));
    const double slowness = full / cost.seconds(1, 1);
    print_run("adaptive", count, count * rate * full, adaptive, cpu,
              affordable(cost, .85 / (count * rate * slowness)));
    options.adaptive = false;
    cpu = processor_seconds();
    const Tally naive = drive(engine, scripts, options);
    print_run("naive", count, count * rate * full, naive, processor_seconds() - cpu, 0);
  }
}

/// Tubelets per second of `streams` threads that push as fast as they are answered.
double saturate(const std::vector<std::shared_ptr<Engine>>& engines, const Script& script, int streams,
                bool share) {
  std::atomic<long> done = 0;
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < streams; ++i)
    threads.emplace_back([&, i] {
      const auto& engine = engines[share ? 0 : i];
      StreamTerms terms;
      terms.live = false;
      terms.fixed = true;
      terms.budget = .5;
      const auto feed = engine->new_feed(terms);
      const auto stream = engine->new_stream();
      for (int k = 0; !stop; ++k, ++done)
        feed->run(*stream, {{script.tubelet(k % script.size()), Time(k), Time(k), 7.5}});
    });
  std::this_thread::sleep_for(std::chrono::seconds(2));
  const long before = done;
  const auto began = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(std::chrono::seconds(6));
  const long after = done;
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - began;
  stop = true;
  for (std::thread& thread : threads) thread.join();
  return static_cast<double>(after - before) / taken.count();
}

/// Kilobytes of a line of /proc/self/status.
long memory_kb(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind(key + ":", 0) == 0) return std::atol(line.c_str() + key.size() + 1);
  return 0;
}

void throughput(const std::string& name, int streams, const std::string& how) {
  const auto model = model_of(name);
  const Script script = render_script(model->config(), kUnseen, 4);
  const bool share = how != "each";
  const long before = memory_kb("RssAnon");
  std::vector<std::shared_ptr<Engine>> engines;
  for (int i = 0; i < (share ? 1 : streams); ++i) engines.push_back(make_engine(model));
  const double rate = saturate(engines, script, streams, share);
  std::printf("| %d | %s | %.1f | %.0f MB |\n", streams, share ? "one engine" : "an engine each", rate,
              static_cast<double>(memory_kb("RssAnon") - before) / 1024);
}

void agreement(const std::string& name) {
  const auto model = model_of(name);
  const auto engine = make_engine(model);
  const int nt = model->config().nt();
  const auto scripts = render_scripts(model->config(), 6, kUnseen, 60);
  const Ladder ladder(model->config().E);
  std::vector<std::vector<int>> labels(ladder.size());
  std::vector<double> seconds(ladder.size());
  std::vector<int> truth;
  for (int l = ladder.size() - 1; l >= 0; --l) {
    for (const Script& script : scripts) {
      const auto stream = engine->new_stream();
      const double began = processor_seconds();
      for (int k = 0; k < script.size(); ++k) {
        const Prediction& p = stream->push({script.tubelet(k), Time(k), Time(k), 7.5}, ladder.budget(l));
        if (k < nt || !script.steps[k].clear) continue;
        labels[l].push_back(
            static_cast<int>(std::max_element(p.logits.begin(), p.logits.end()) - p.logits.begin()));
        if (l == ladder.size() - 1) truth.push_back(script.steps[k].label);
      }
      seconds[l] += processor_seconds() - began;
    }
  }
  std::printf(
      "| level | windows whose top label is that of budget 1 | accuracy | CPU against budget 1 "
      "|\n|---|---|---|---|\n");
  for (int l = ladder.size() - 1; l >= 0; --l) {
    long same = 0, right = 0;
    for (std::size_t i = 0; i < truth.size(); ++i) {
      same += labels[l][i] == labels[ladder.size() - 1][i];
      right += labels[l][i] == truth[i];
    }
    const long all = std::ssize(truth);
    std::printf("| %g | %.2f %% | %.3f | %.2f |\n", ladder.budget(l), percent(same, all),
                percent(right, all) / 100, seconds[l] / seconds[ladder.size() - 1]);
  }
  std::printf("\n%zu windows of %zu scripts\n", truth.size(), scripts.size());
}

void costs(const std::string& name) {
  const auto engine = make_engine(model_of(name));
  const auto began = std::chrono::steady_clock::now();
  const CostTable table = measure_costs(*engine);
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - began;
  const Ladder ladder(table.experts);
  std::printf("measured in %.2f s; without the prediction %.3f ms less\n\n", taken.count(),
              1e3 * table.read_out);
  std::printf("| level | alone, ms | of a full batch, ms | alone, of budget 1 |\n|---|---|---|---|\n");
  for (int l = ladder.size() - 1; l >= 0; --l)
    std::printf("| %g | %.3f | %.3f | %.2f |\n", ladder.budget(l), 1e3 * table.single[l],
                1e3 * table.batch[l] / table.max_batch, table.single[l] / table.single[ladder.size() - 1]);
}

std::vector<int> numbers(const std::string& list) {
  std::vector<int> out;
  std::stringstream in(list);
  for (std::string part; std::getline(in, part, ',');) out.push_back(std::max(1, std::atoi(part.c_str())));
  return out;
}

int run(const std::vector<std::string>& args) {
  const auto arg = [&](std::size_t i, const char* otherwise) {
    return args.size() > i ? args[i] : std::string(otherwise);
  };
  const std::string what = arg(0, "");
  if (std::getenv("MONE_DECISIONS"))
    set_decision_sink([](const Decision& d) {
      const double at = std::chrono::duration<double>(d.at).count();
      std::fprintf(stderr, "%.2f %s\n", at, to_string(d).c_str());
    });
  if (what == "scale") {
    scale(arg(1, "default"), numbers(arg(2, "1,4")), std::atof(arg(3, "15").c_str()));
  } else if (what == "throughput") {
    throughput(arg(1, "default"), std::atoi(arg(2, "4").c_str()), arg(3, "shared"));
  } else if (what == "agreement") {
    agreement(arg(1, "default"));
  } else if (what == "costs") {
    costs(arg(1, "default"));
  } else {
    std::fprintf(
        stderr,
        "usage: load_bench scale|throughput|agreement|costs MODEL … (see the top of load_bench.cc)\n");
    return 2;
  }
  return 0;
}

}  // namespace
}  // namespace mone::load

int main(int argc, char** argv) {
  try {
    return mone::load::run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "load_bench: %s\n", error.what());
    return 1;
  }
}
