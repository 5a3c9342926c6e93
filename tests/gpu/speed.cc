// speed MODEL.safetensors: writes ViViT-B/16x2 with random weights there, then times the cuda backend on it
// in bf16: streaming predictions and whole clips by batch and budget, and where a step's time goes. Markdown
// on standard output.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "engine/cost.h"
#include "engine/engine.h"
#include "engine/step_profile.h"
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
      std::printf("| %g | %s | %.3f | %.2f | %.1f |\n", budget, to_name(static_cast<Stage>(i)),
                  p.stages[i].ms, p.stages[i].gmac, p.stages[i].mb);
  }
}

int run(const std::string& path) {
  if (!std::ifstream(path)) std::ofstream(path, std::ios::binary) << test::model_bytes(test::vivit_b());
  const auto model = Model::load(path);
  if (!model) return std::fprintf(stderr, "%s\n", model.error().text.c_str()), 1;
  const auto engine = Engine::create(model.value(), {"cuda", DType::kBf16});
  if (!engine) return std::fprintf(stderr, "%s\n", engine.error().text.c_str()), 1;
  time_batches(engine.value(), {1, 4, 16, 64, 256});
  profile(model.value(), 1);
  profile(model.value(), 64);
  return 0;
}

}  // namespace
}  // namespace mone

int main(int count, char** arguments) {
  if (count != 2) return std::fprintf(stderr, "speed MODEL.safetensors\n"), 2;
  try {
    return mone::run(arguments[1]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
