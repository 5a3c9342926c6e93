// How much a streaming step's processor time depends on the picture, and what memory streams take (`mone
// bench` times it by budget).
//
//     step_bench [MODEL [THREADS [f32|bf16|int8]]]     default: the default model, 1 thread, the best type
//     here
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "engine/engine.h"
#include "engine/measuring.h"

namespace {

using mone::anonymous_mb;
using mone::Engine;
using mone::median;
using mone::processor_ms;

struct Picture {
  const char* what;
  std::vector<std::uint8_t> pixels;
};

std::vector<Picture> pictures(std::size_t bytes) {
  std::mt19937 random(1);
  std::vector<Picture> all{{"black", std::vector<std::uint8_t>(bytes)},
                           {"white", std::vector<std::uint8_t>(bytes, 255)},
                           {"noise", std::vector<std::uint8_t>(bytes)},
                           {"half still, half noise", std::vector<std::uint8_t>(bytes, 90)},
                           {"ramp", std::vector<std::uint8_t>(bytes)}};
  for (std::size_t i = 0; i < bytes; ++i) {
    all[2].pixels[i] = static_cast<std::uint8_t>(random());
    if (i < bytes / 2) all[3].pixels[i] = static_cast<std::uint8_t>(random());
    all[4].pixels[i] = static_cast<std::uint8_t>(i * 256 / bytes);
  }
  return all;
}

double step_ms(mone::Stream& stream, const Picture& picture, double budget) {
  const double start = processor_ms();
  stream.push({picture.pixels}, budget);
  return processor_ms() - start;
}

// In turn, so that a drift of the machine meets all of them.
void by_picture(Engine& engine, const std::vector<Picture>& all) {
  constexpr int kRounds = 200;
  constexpr double kEnoughMs = 6000;  // of processor time
  const auto stream = engine.new_stream();
  for (const double budget : {1.0, 0.25}) {
    std::vector<std::vector<double>> times(all.size());
    const double start = processor_ms();
    for (int round = 0; round < kRounds && processor_ms() - start < kEnoughMs; ++round)
      for (std::size_t i = 0; i < all.size(); ++i) times[i].push_back(step_ms(*stream, all[i], budget));
    // Medians, and the least: what others on the machine did not disturb.
    double least[2] = {1e30, 1e30}, most[2] = {};
    for (std::size_t i = 0; i < all.size(); ++i) {
      const double ms[] = {median(times[i]), *std::min_element(times[i].begin(), times[i].end())};
      for (int k = 0; k < 2; ++k) least[k] = std::min(least[k], ms[k]), most[k] = std::max(most[k], ms[k]);
      std::printf("budget %.2f  %-24s median %8.3f ms  min %8.3f ms\n", budget, all[i].what, ms[0], ms[1]);
    }
    std::printf(
        "budget %.2f  the dearest picture costs %.1f %% more than the cheapest, in least times %.1f %%\n",
        budget, 100 * (most[0] / least[0] - 1), 100 * (most[1] / least[1] - 1));
  }
}

void memory(Engine& engine, const Picture& picture) {
  std::vector<std::unique_ptr<mone::Stream>> streams;
  double last = anonymous_mb();
  std::printf("memory, file pages apart: %.0f MB with the engine and its first streams gone", last);
  for (const int count : {1, 2, 8}) {
    while (static_cast<int>(streams.size()) < count) streams.push_back(engine.new_stream());
    std::vector<mone::StreamPush> pushes;
    for (const auto& stream : streams) pushes.push_back({stream.get(), {picture.pixels}, 1});
    engine.push(pushes);
    const double now = anonymous_mb();
    std::printf(", %+.1f with %d as one batch", now - last, count);
    last = now;
  }
  std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) {
  const auto model = mone::Model::load(argc > 1 ? argv[1] : "");
  if (!model) return std::fprintf(stderr, "%s\n", model.error().text.c_str()), 1;
  mone::EngineOptions options;
  options.threads = argc > 2 ? std::atoi(argv[2]) : 1;
  if (argc > 3) options.dtype = mone::dtype_from(argv[3]);
  const auto made = Engine::create(model.value(), options);
  if (!made) return std::fprintf(stderr, "%s\n", made.error().text.c_str()), 1;
  Engine& engine = *made.value();
  std::printf("%s, %s, %s, %d threads\n", engine.model().name().c_str(), engine.backend().c_str(),
              to_name(engine.dtype()), engine.threads());
  const auto all = pictures(static_cast<std::size_t>(engine.model().config().tubelet_bytes()));
  by_picture(engine, all);
  memory(engine, all[2]);
}
