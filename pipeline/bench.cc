// mone bench: how long the streaming step takes on this machine, by budget.
#include <iostream>

#include "engine/cost.h"
#include "engine/step_profile.h"
#include "engine/step_timing.h"
#include "pipeline/command_line.h"
#include "pipeline/json_line.h"
#include "pipeline/open_engine.h"
#include "pipeline/table.h"

namespace mone {
namespace {

struct BenchArguments {
  ModelArguments model;
  std::string budgets = "1,0.75,0.5,0.25";
  EngineArguments engine;
  StepTimingOptions timing;
  bool json = false, profile = false;

  bool parse(const Arguments& arguments);
};

bool BenchArguments::parse(const Arguments& arguments) {
  namespace po = boost::program_options;
  CommandLine line(
      "bench [options]",
      "Times one prediction of a stream (one new tubelet and the temporal encoder), warm: median and\n"
      "minimum, and the processor time of all threads. gmac counts multiply-adds (of the method, without "
      "shortcuts); gflops is 2 gmac a second.");
  line.options()("budget", po::value(&budgets)->value_name("LIST"),
                 "budgets to time; default: 1,0.75,0.5,0.25")(
      "batch", po::value(&timing.streams)->value_name("B"),
      "streams that push at once; a row's time is that of B predictions; default: 1")(
      "profile", po::bool_switch(&profile),
      "where the time goes instead, by stage: milliseconds, multiply-adds, bytes, share of the peak")(
      "json", po::bool_switch(&json), "one JSON object instead of a table");
  model.add_to(line);
  engine.add_to(line);
  if (!line.parse(arguments)) return false;
  if (timing.streams < 1 || timing.streams > 256) {
    throw UsageError("--batch is 1 to 256, not " + std::to_string(timing.streams));
  }
  return true;
}

struct BenchRow {
  StepTiming timing;
  double gmac = 0, gflops = 0;
};

void print_json(const Engine& engine, int batch, const std::vector<BenchRow>& rows) {
  Json list = Json::array();
  for (const BenchRow& row : rows) {
    list.push_back({{"budget", row.timing.budget},
                    {"ms_median", row.timing.ms_median},
                    {"ms_min", row.timing.ms_min},
                    {"cpu_ms_median", row.timing.cpu_ms_median},
                    {"cpu_ms_min", row.timing.cpu_ms_min},
                    {"gmac", row.gmac},
                    {"gflops", row.gflops}});
  }
  write_line(std::cout, {{"device", engine.device_name()},
                         {"backend", engine.backend()},
                         {"dtype", to_name(engine.dtype())},
                         {"threads", engine.threads()},
                         {"batch", batch},
                         {"rows", list}});
}

template <class Engine>
std::string heading(const Engine& engine, const std::string& model, int batch) {
  std::string text = model + " on " + engine.device_name() + ": " + engine.backend() + ", " +
                     to_name(engine.dtype()) + ", " + std::to_string(engine.threads()) +
                     (engine.threads() == 1 ? " thread" : " threads");
  return batch > 1 ? text + ", " + std::to_string(batch) + " streams at once" : text;
}

void print_table(const Engine& engine, int batch, const std::vector<BenchRow>& rows) {
  std::cout << heading(engine, engine.model().name(), batch) << '\n';
  Table table({{"budget", Align::kRight},
               {"ms median", Align::kRight},
               {"ms min", Align::kRight},
               {"cpu ms", Align::kRight},
               {"gmac", Align::kRight},
               {"gflops", Align::kRight}});
  for (const BenchRow& row : rows) {
    table.add({fixed(row.timing.budget, 3), fixed(row.timing.ms_median, 2), fixed(row.timing.ms_min, 2),
               fixed(row.timing.cpu_ms_median, 2), significant(row.gmac), fixed(row.gflops, 1)});
  }
  table.print(std::cout, "  ");
}

void print_profile(const StepProfile& profile, std::ostream& out) {
  out << "budget " << fixed(profile.budget, 3) << ": " << fixed(profile.ms, 3)
      << " ms with every operation at its fastest, median " << fixed(profile.ms_median, 3) << " ms, "
      << profile.barriers << " barriers\n";
  Table table({{"stage"},
               {"ms", Align::kRight},
               {"share", Align::kRight},
               {"gmac", Align::kRight},
               {"gflops", Align::kRight},
               {"of peak", Align::kRight},
               {"MB", Align::kRight},
               {"GB/s", Align::kRight}});
  const auto percent = [](double share) { return fixed(100 * share, 1) + " %"; };
  for (int i = 0; i < kStages; ++i) {
    const StageCost& cost = profile.stages[i];
    if (cost.ms <= 0) continue;
    table.add({to_name(static_cast<StepStage>(i)), fixed(cost.ms, 3), percent(cost.ms / profile.ms),
               significant(cost.gmac), fixed(2 * cost.gmac / (cost.ms / 1e3), 0),
               cost.peak > 0 ? percent(cost.peak) : "", significant(cost.mb), fixed(cost.mb / cost.ms, 1)});
  }
  table.add({"waiting", fixed(profile.waiting_ms, 3), percent(profile.waiting_ms / profile.ms)});
  table.print(out, "  ");
}

Json json_of(const StepProfile& profile) {
  Json stages = Json::object();
  for (int i = 0; i < kStages; ++i) {
    const StageCost& cost = profile.stages[i];
    stages[to_name(static_cast<StepStage>(i))] = {
        {"ms", cost.ms}, {"gmac", cost.gmac}, {"mb", cost.mb}, {"peak", cost.peak}};
  }
  return {{"budget", profile.budget},       {"ms", profile.ms},
          {"ms_median", profile.ms_median}, {"waiting_ms", profile.waiting_ms},
          {"barriers", profile.barriers},   {"stages", stages}};
}

int profile_command(const BenchArguments& wanted, const std::vector<double>& budgets) {
  const auto model = open_model(wanted.model);
  if (!model) return kExitFailed;
  const auto made = StepProfiler::create(model, wanted.engine.options());
  if (!made) {
    std::cerr << "mone: " << made.error().text << '\n';
    return kExitFailed;
  }
  StepProfiler& profiler = *made.value();
  Json list = Json::array();
  if (!wanted.json) {
    std::cout << heading(profiler, model->name(), wanted.timing.streams);
    if (const double peak = profiler.peak_gmac()) std::cout << ", peak " << fixed(2 * peak, 0) << " gflops";
    std::cout << '\n';
  }
  for (const double budget : budgets) {
    const StepProfile profile = profiler.profile(budget, wanted.timing);
    if (wanted.json)
      list.push_back(json_of(profile));
    else
      print_profile(profile, std::cout);
  }
  if (wanted.json)
    write_line(std::cout, {{"device", profiler.device_name()},
                           {"backend", profiler.backend()},
                           {"dtype", to_name(profiler.dtype())},
                           {"threads", profiler.threads()},
                           {"batch", wanted.timing.streams},
                           {"peak_gmac", profiler.peak_gmac()},
                           {"profiles", list}});
  return kExitDone;
}

}  // namespace

int bench_command(const Arguments& arguments) {
  BenchArguments wanted;
  if (!wanted.parse(arguments)) return kExitDone;
  const auto budgets = parse_budgets(wanted.budgets, "--budget");
  const EngineOptions options = wanted.engine.options();
  log_engine_to_stderr();
  if (wanted.profile) return profile_command(wanted, budgets);

  const auto engine = open_engine(wanted.model, options);
  if (!engine) return kExitFailed;
  std::vector<BenchRow> rows;
  for (const double budget : budgets) {
    BenchRow row{time_step(*engine, budget, wanted.timing)};
    row.gmac = wanted.timing.streams * step_gmac(engine->model().config(), row.timing.tokens_per_expert);
    row.gflops = 2 * row.gmac / (row.timing.ms_median / 1e3);
    rows.push_back(row);
  }
  (wanted.json ? print_json : print_table)(*engine, wanted.timing.streams, rows);
  return kExitDone;
}

}  // namespace mone
