// The budget under real load. Prints Markdown tables for RESULTS.md; asserts nothing.
//
//     load_bench scale MODEL OVERLOAD,OVERLOAD,… [SECONDS [SHARE]]   cameras before the real elements,
//     adaptive and
//         naive, so many that at budget 1 they would need OVERLOAD x the machine; SHARE views a camera (1)
//     load_bench disturbance MODEL OVERLOAD [SECONDS [SHARE]]  a process that takes a core comes for SECONDS
//     and goes load_bench throughput MODEL STREAMS [shared|each]        one engine for all, or an engine each
//     load_bench agreement [MODEL]                             top label and accuracy by level, on unseen
//     scripts load_bench costs MODEL                                   what a tubelet costs by level, alone
//     and in a batch
//
// With $MONE_DECISIONS set every change of the plan is a line on stderr. Needs GST_PLUGIN_PATH: `meson
// devenv`. MODEL: "default", a file, or "fe-b" (ViViT-B/16x2, random weights).
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <thread>

#include "engine/budget/controller.h"
#include "engine/budget/measured_costs.h"
#include "engine/feed.h"
#include "engine/measuring.h"
#include "tests/load/cameras.h"
#include "tests/load/competitor.h"
#include "tests/load/scripts.h"

namespace mone::load {
namespace {

constexpr int kThreads = 2;

std::shared_ptr<Engine> make_engine(const std::string& path) {
  EngineOptions options;
  options.threads = kThreads;
  auto engine = Engine::create(open_model(path), options);
  if (!engine) throw std::runtime_error(engine.error().text);
  return engine.value();
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

/// Largest budget, between levels too, that costs at most `seconds` a tubelet in batches of `batch`.
double affordable(const CostModel& cost, double seconds, double batch) {
  double low = 0, high = 1;
  for (int i = 0; i < 30; ++i) {
    const double middle = (low + high) / 2;
    (cost.per_tubelet(middle, batch) <= seconds ? low : high) = middle;
  }
  return low;
}

/// The engine that the elements share, and what tubelets cost it.
struct Bench {
  explicit Bench(const std::string& model) : path(model_file(model)) {
    EngineOptions options;
    options.threads = kThreads;
    auto made = shared_engine(path, options);
    if (!made) throw std::runtime_error(made.error().text);
    engine = made.value();
    engine->new_feed({});  // measures the costs, or reads them
    table = costs_of(*engine, {engine_batch()});
  }
  int engine_batch() const { return 8; }
  double full() const { return table.single[Ladder(table.experts).size() - 1] / engine->lanes(); }

  /// So many views at the frame rate that makes the overload, 15 to 36 frames a second (every second one is
  /// used from 18.3 on).
  CameraOptions cameras(double overload, int share) const {
    CameraOptions o;
    o.model = path;
    o.threads = kThreads;
    o.views_per_camera = share;
    const double nominal = engine->model().config().rate_nominal, tubelets = overload / full();
    o.views = std::max(1, static_cast<int>(std::lround(tubelets / nominal)));
    o.fps = 4 * std::clamp(tubelets / o.views, 5.0, 9.0);
    if (share > 1) o.fps /= 2;  // many views: the same tubelets of half the frames
    return o;
  }

  std::string path;
  std::shared_ptr<Engine> engine;
  CostTable table;
};

void print_run(const char* kind, const CameraOptions& o, const CameraRun& run, const Bench& bench,
               double overload) {
  const Tally& t = run.tally;
  const double predicted = static_cast<double>(std::max(t.predicted, 1L));
  std::string best;
  if (o.adaptive) {
    const CostModel cost(bench.table);
    const double seconds = o.utilisation * bench.engine->lanes() / run.rate / run.slowness;
    char text[16];
    std::snprintf(text, sizeof text, "%.2f", affordable(cost, seconds, run.batch));
    best = cost.per_tubelet(0, run.batch) > seconds ? "-" : text;
  }
  std::printf(
      "| %d | %.1f | %.2f | %s | %s | %.2f | %.2f | %.2f %% | %.2f %% | %.2f | %.2f %% | %.0f ms | %.3f | "
      "%.1f | "
      "%.0f %% |\n",
      o.views, o.fps, overload, kind, best.c_str(), t.budget / predicted, t.realised / predicted,
      percent(t.on_time, t.predicted), percent(t.on_time, t.arrived), t.hop / predicted,
      percent(t.skipped, t.arrived), 1e3 * percentile(t.latency, .99), percent(t.right, t.scored) / 100,
      static_cast<double>(t.right) / run.processor, 100 * run.drawing / run.seconds / kThreads);
  std::fflush(stdout);
}

void scale(const std::string& name, const std::vector<double>& overloads, double seconds, int share) {
  const Bench bench(name);
  std::printf(
      "%s, %s, %d threads, %d lanes, %.2f ms a tubelet at budget 1, %.0f s a run, %d views a camera\n\n",
      bench.engine->model().name().c_str(), bench.engine->backend().c_str(), kThreads, bench.engine->lanes(),
      1e3 * bench.full(), seconds, share);
  std::printf(
      "| streams | fps | overload | | affordable | budget | realised | predictions on time | tubelets "
      "answered "
      "on time | hop | skipped | 99 %% latency | accuracy | right a CPU second | drawing and cutting |\n");
  std::printf("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
  for (const double wanted : overloads) {
    CameraOptions o = bench.cameras(wanted, share);
    o.seconds = seconds;
    const CameraRun adaptive = play_cameras(bench.engine, o);
    // With what the machine did meanwhile.
    const double overload = adaptive.rate * bench.full() * adaptive.slowness;
    print_run("adaptive", o, adaptive, bench, overload);
    o.adaptive = false;
    print_run("naive", o, play_cameras(bench.engine, o), bench, overload);
  }
}

/// One line every two seconds: before, while and after another process takes a core.
void disturbance(const std::string& name, double overload, double seconds, int share) {
  const Bench bench(name);
  CameraOptions o = bench.cameras(overload, share);
  o.warm_up = 5;
  o.seconds = o.warm_up + 10 + 2 * seconds;
  std::printf("%s, %d streams, %.1f frames/s each\n\n", bench.engine->model().name().c_str(), o.views, o.fps);
  std::printf(
      "| seconds | | budget | predictions on time | tubelets answered on time | x the measured cost |\n");
  std::printf("|---|---|---|---|---|---|\n");
  std::unique_ptr<Competitor> competitor;
  Tally two;
  o.every_second = [&](double at, const Tally& of_it) {
    two.add(of_it);
    if (std::lround(at) % 2 == 0) {
      const double predicted = static_cast<double>(std::max(two.predicted, 1L));
      std::printf("| %ld | %s | %.2f | %.1f %% | %.1f %% | %.2f |\n", std::lround(at),
                  competitor ? "competing process" : "", two.budget / predicted,
                  percent(two.on_time, two.predicted), percent(two.on_time, two.arrived),
                  bench.engine->load().scale);
      std::fflush(stdout);
      two = {};
    }
    if (std::lround(at) == 10) competitor = std::make_unique<Competitor>();
    if (std::lround(at) == std::lround(10 + seconds)) competitor.reset();
  };
  play_cameras(bench.engine, o);
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

void throughput(const std::string& name, int streams, const std::string& how) {
  const std::string path = model_file(name);
  const Script script = render_script(open_model(path)->config(), kUnseen, 4);
  const bool share = how != "each";
  const double before = anonymous_mb();
  std::vector<std::shared_ptr<Engine>> engines;
  for (int i = 0; i < (share ? 1 : streams); ++i) engines.push_back(make_engine(path));
  const double began = processor_ms(), rate = saturate(engines, script, streams, share);
  std::printf("| %s | %d | %s | %.1f | %.2f | %.0f MB |\n", name.c_str(), streams,
              share ? "one engine" : "an engine each", rate, (processor_ms() - began) / 8e3 / kThreads,
              anonymous_mb() - before);
}

void agreement(const std::string& name) {
  const auto engine = make_engine(model_file(name));
  const ModelConfig& config = engine->model().config();
  const int nt = config.nt();
  const auto scripts = render_scripts(config, 6, kUnseen, 60);
  const Ladder ladder(config.E);
  std::vector<std::vector<int>> labels(ladder.size());
  std::vector<double> ms(ladder.size());
  std::vector<int> truth;
  for (int l = ladder.size() - 1; l >= 0; --l) {
    for (const Script& script : scripts) {
      const auto stream = engine->new_stream();
      const double began = processor_ms();
      for (int k = 0; k < script.size(); ++k) {
        const Prediction& p = stream->push({script.tubelet(k), Time(k), Time(k), 7.5}, ladder.budget(l));
        if (k < nt || !script.steps[k].clear) continue;
        labels[l].push_back(
            static_cast<int>(std::max_element(p.logits.begin(), p.logits.end()) - p.logits.begin()));
        if (l == ladder.size() - 1) truth.push_back(script.steps[k].label);
      }
      ms[l] += processor_ms() - began;
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
                percent(right, all) / 100, ms[l] / ms[ladder.size() - 1]);
  }
  std::printf("\n%zu windows of %zu scripts\n", truth.size(), scripts.size());
}

void costs(const std::string& name) {
  const auto engine = make_engine(model_file(name));
  const auto began = std::chrono::steady_clock::now();
  const CostTable table = measure_costs(*engine);
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - began;
  const Ladder ladder(table.experts);
  std::printf("%s: measured in %.2f s on %d lanes of %d threads; without the prediction %.3f ms less\n\n",
              name.c_str(), taken.count(), engine->lanes(), engine->threads() / engine->lanes(),
              1e3 * table.read_out);
  std::printf(
      "| level | alone, ms | of a full batch, ms | alone, of budget 1 | batch, of budget 1 alone |\n");
  std::printf("|---|---|---|---|---|\n");
  const double full = table.single[ladder.size() - 1];
  for (int l = ladder.size() - 1; l >= 0; --l)
    std::printf("| %g | %.3f | %.3f | %.2f | %.2f |\n", ladder.budget(l), 1e3 * table.single[l],
                1e3 * table.batch[l] / table.max_batch, table.single[l] / full,
                table.batch[l] / table.max_batch / full);
}

std::vector<double> numbers(const std::string& list) {
  std::vector<double> out;
  std::stringstream in(list);
  for (std::string part; std::getline(in, part, ',');) out.push_back(std::max(.01, std::atof(part.c_str())));
  return out;
}

int run(const std::vector<std::string>& args) {
  const auto arg = [&](std::size_t i, const char* otherwise) {
    return args.size() > i ? args[i] : std::string(otherwise);
  };
  const std::string what = arg(0, ""), model = arg(1, "default");
  if (std::getenv("MONE_DECISIONS"))
    set_decision_sink([](const Decision& d) {
      const double at = std::chrono::duration<double>(d.at).count();
      std::fprintf(stderr, "%.2f %s\n", at, to_string(d).c_str());
    });
  if (what == "scale") {
    scale(model, numbers(arg(2, "1,1.5,2")), std::atof(arg(3, "15").c_str()), std::atoi(arg(4, "1").c_str()));
  } else if (what == "disturbance") {
    disturbance(model, std::atof(arg(2, "1").c_str()), std::atof(arg(3, "20").c_str()),
                std::atoi(arg(4, "1").c_str()));
  } else if (what == "throughput") {
    throughput(model, std::atoi(arg(2, "4").c_str()), arg(3, "shared"));
  } else if (what == "agreement") {
    agreement(model);
  } else if (what == "costs") {
    costs(model);
  } else {
    std::fprintf(stderr,
                 "usage: load_bench scale|disturbance|throughput|agreement|costs MODEL … (see the top of "
                 "load_bench.cc)\n");
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
