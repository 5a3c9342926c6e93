// The streaming step by budget in processor time of all threads: what it costs, whoever else is on the
// machine. `mone bench` gives the time on the clock.
//
//     step_bench [MODEL [THREADS [bf16|f32]]]     default: the default model, 1 thread, bf16 where the CPU
//     has it
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

#include "engine/cost.h"
#include "engine/engine.h"

namespace {

double processor_ms() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) * 1e-6;
}

constexpr int kSteps = 9;

}  // namespace

int main(int argc, char** argv) {
  const auto model = mone::Model::load(argc > 1 ? argv[1] : "");
  if (!model) return std::fprintf(stderr, "%s\n", model.error().text.c_str()), 1;
  mone::EngineOptions options;
  options.threads = argc > 2 ? std::atoi(argv[2]) : 1;
  if (argc > 3) options.dtype = std::string(argv[3]) == "f32" ? mone::DType::kF32 : mone::DType::kBf16;
  const auto made = mone::Engine::create(model.value(), options);
  if (!made) return std::fprintf(stderr, "%s\n", made.error().text.c_str()), 1;
  mone::Engine& engine = *made.value();
  const mone::ModelConfig& config = engine.model().config();

  std::mt19937 random(1);
  std::vector<std::uint8_t> pixels(config.tubelet_bytes());
  for (std::uint8_t& pixel : pixels) pixel = static_cast<std::uint8_t>(random());
  const auto stream = engine.new_stream();
  for (int i = 0; i < config.nt(); ++i) stream->push({pixels}, 1);
  std::printf("%s, %s, %s, %d threads\n", engine.model().name().c_str(), engine.backend().c_str(),
              engine.dtype() == mone::DType::kF32 ? "f32" : "bf16", engine.threads());
  for (const double budget : {1.0, 0.75, 0.5, 0.4, 0.25, 0.15}) {
    double times[kSteps];
    for (double& time : times) {
      const double start = processor_ms();
      stream->push({pixels}, budget);
      time = processor_ms() - start;
    }
    std::sort(times, times + kSteps);
    const double gmac = mone::step_gmac(config, budget);
    std::printf("budget %.2f  median %8.3f ms  min %8.3f ms  %6.3f gmac  %4.0f GFLOP/s\n", budget,
                times[kSteps / 2], times[0], gmac, 2e3 * gmac / times[kSteps / 2]);
  }
}
