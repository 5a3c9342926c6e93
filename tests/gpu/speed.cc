// speed MODEL.safetensors [choices]: writes ViViT-B/16x2 with random weights there, then times the cuda
// backend on it in bf16: streaming predictions and whole clips by batch and budget, and where a step's time
// goes. `choices`: each way of attention and products beside the others, on that model and its joint form,
// instead. Markdown on standard output.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "engine/cost.h"
#include "engine/engine.h"
#include "engine/step_profile.h"
#include "tests/gpu/choices.h"
#include "tests/gpu/models.h"

namespace mone {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kBudgets[] = {1, .75, .5, .4, .25, .15};
// Whoever has little time, an emulated device say, gives less.
double seconds_each() {
  const char* text = std::getenv("MONE_GPU_SECONDS");
  return text ? std::atof(text) : 0.4;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

class Load {
 public:
  Load(std::shared_ptr<Engine> engine, int batch) : engine_(std::move(engine)) {
    for (int i = 0; i < batch; ++i) {
      streams_.push_back(engine_->new_stream());
      pixels_.push_back(test::random_tubelet(engine_->model().config(), i % 8));
    }
  }
  /// Median seconds of a step of the whole batch, warm; pixels come from the host's memory.
  double time(double budget, bool predict) {
    std::vector<StreamPush> pushes;
    for (std::size_t i = 0; i < streams_.size(); ++i) {
      StreamPush push{streams_[i].get(), {pixels_[i]}, budget};
      push.predict = predict;
      pushes.push_back(push);
    }
    for (int i = 0; i < 4; ++i) engine_->push(pushes);
    std::vector<double> seconds;
    const auto begin = Clock::now();
    const double limit = seconds_each();
    while (seconds.size() < 5 || std::chrono::duration<double>(Clock::now() - begin).count() < limit) {
      const auto start = Clock::now();
      engine_->push(pushes);
      seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
    }
    return median(seconds);
  }

 private:
  std::shared_ptr<Engine> engine_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<std::vector<std::uint8_t>> pixels_;
};

void time_batches(const std::shared_ptr<Engine>& engine, const std::vector<int>& batches) {
  const ModelConfig& config = engine->model().config();
  std::printf(
      "| batch | budget | step ms | predictions/s | clips/s | TFLOP/s | saved work that became saved time |\n"
      "|---|---|---|---|---|---|---|\n");
  for (const int batch : batches) {
    Load load(engine, batch);
    double full_ms = 0, full_gmac = 0;
    for (const double budget : kBudgets) {
      const double with = load.time(budget, true), without = load.time(budget, false);
      const double gmac = step_gmac(config, budget);
      // A clip is nt tubelets and one prediction.
      const double clip = (config.nt() * without + std::max(0.0, with - without)) / batch;
      const double ms = with * 1e3;
      if (budget == 1) full_ms = ms, full_gmac = gmac;
      const double kept = budget == 1 ? 1 : (1 - ms / full_ms) / (1 - gmac / full_gmac);
      std::printf("| %d | %g | %.3f | %.0f | %.0f | %.1f | %.0f %% |\n", batch, budget, ms, batch / with,
                  1 / clip, 2e-3 * gmac * batch / with, 100 * kept);
      std::fflush(stdout);
    }
  }
}

void profile(const std::shared_ptr<const Model>& model, int batch) {
  auto profiler = StepProfiler::create(model, {"cuda", DType::kBf16});
  if (!profiler) return;
  std::printf(
      "\nBatch %d, stage by stage, each operation waited for, so small ones look large:\n\n"
      "| budget | stage | ms | GMAC | MB |\n|---|---|---|---|---|\n",
      batch);
  StepTimingOptions options;
  options.streams = batch;
  options.seconds_min = seconds_each();
  for (const double budget : {1.0, .25}) {
    const StepProfile p = profiler.value()->profile(budget, options);
    for (int i = 0; i < kStages; ++i)
      std::printf("| %g | %s | %.3f | %.2f | %.1f |\n", budget, to_name(static_cast<StepStage>(i)),
                  p.stages[i].ms, p.stages[i].gmac, p.stages[i].mb);
  }
}

std::shared_ptr<const Model> load(const test::TinyModel& tiny, const std::string& path) {
  if (!std::ifstream(path)) std::ofstream(path, std::ios::binary) << test::model_bytes(tiny);
  const auto model = Model::load(path);
  if (!model) throw ConfigError(model.error().text);
  return model.value();
}

std::shared_ptr<Engine> engine_of(const std::shared_ptr<const Model>& model) {
  const auto engine = Engine::create(model, {"cuda", DType::kBf16});
  if (!engine) throw ConfigError(engine.error().text);
  return engine.value();
}

/// What an engine says when a choice is not to be had here.
std::string refusal;

void compare_choices(const char* name, const std::shared_ptr<const Model>& model,
                     const std::vector<int>& batches) {
  std::vector<std::shared_ptr<Engine>> engines;
  for (const test::Choice& choice : test::kChoices) {
    const test::ChoiceSetting setting(choice);
    refusal.clear();
    auto engine = engine_of(model);
    if (!refusal.empty()) std::fprintf(stderr, "%s: %s\n", choice.name, refusal.c_str());
    engines.push_back(refusal.empty() ? std::move(engine) : nullptr);
  }
  for (const int batch : batches) {
    std::vector<std::unique_ptr<Load>> loads;
    for (const auto& engine : engines)
      loads.push_back(engine ? std::make_unique<Load>(engine, batch) : nullptr);
    for (const double budget : {1.0, .25}) {
      std::printf("| %s | %d | %g |", name, batch, budget);
      for (const auto& load : loads) {
        if (load)
          std::printf(" %.3f |", load->time(budget, true) * 1e3);
        else
          std::printf(" |");
      }
      std::printf("\n");
      std::fflush(stdout);
    }
  }
}

int run_choices(const std::string& path) {
  set_log_sink([](int, const std::string& line) {
    if (line.find(", not ") != std::string::npos) refusal = line;
  });
  std::printf("| model | batch | budget |");
  for (const test::Choice& choice : test::kChoices) std::printf(" %s: ms |", choice.name);
  std::printf("\n|---|---|---|");
  for (std::size_t i = 0; i < std::size(test::kChoices); ++i) std::printf("---|");
  std::printf("\n");
  compare_choices("FE", load(test::vivit_b(), path), {1, 16, 64});
  compare_choices("joint", load(test::vivit_b_joint(), path + ".joint"), {1, 4});
  return 0;
}

int run(const std::string& path) {
  const auto model = load(test::vivit_b(), path);
  time_batches(engine_of(model), {1, 4, 16, 64, 256});
  profile(model, 1);
  profile(model, 64);
  return 0;
}

}  // namespace
}  // namespace mone

int main(int count, char** arguments) {
  const bool choices = count == 3 && std::string(arguments[2]) == "choices";
  if (count != 2 && !choices) return std::fprintf(stderr, "speed MODEL.safetensors [choices]\n"), 2;
  try {
    return choices ? mone::run_choices(arguments[1]) : mone::run(arguments[1]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
