// One engine, several threads: meant for ThreadSanitizer, and a check that streams do not mix.
#include <gtest/gtest.h>

#include <thread>

#include "engine/clip.h"
#include "tests/backend_names.h"
#include "tests/tiny_model.h"

namespace mone {
namespace {

class EngineThreads : public testing::TestWithParam<std::string> {};

TEST_P(EngineThreads, EachHasItsOwnStreamsAndNoneDisturbsAnother) {
  const std::string path = test::write_model(test::tiny_fe());
  const auto engine = Engine::create(Model::load(path).value(), {GetParam(), DType::kF32, 2, true}).value();
  const ModelConfig& config = engine->model().config();
  constexpr int kThreads = 4, kSteps = 20;
  const auto run = [&](unsigned seed) {
    std::vector<float> logits;
    const auto stream = engine->new_stream();
    for (unsigned step = 0; step < kSteps; ++step) {
      const auto pixels = test::random_tubelet(config, 100 * seed + step);
      if (step % 7 == 6) stream->skip(Time(step), Time(step));
      const Prediction& p = stream->push({pixels, Time(step), Time(step)}, 0.25 * (1 + (seed + step) % 4));
      logits.insert(logits.end(), p.logits.begin(), p.logits.end());
    }
    return logits;
  };
  std::vector<std::vector<float>> alone(kThreads), together(kThreads);
  for (unsigned i = 0; i < kThreads; ++i) alone[i] = run(i);

  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i) threads.emplace_back([&, i] { together[i] = run(i); });
  threads.emplace_back([&] {
    const std::vector<std::uint8_t> frames(config.frames * config.image_height * config.image_width * 3, 77);
    for (int i = 0; i < 5; ++i) classify_clip(*engine, {frames, 0.5});
  });
  threads.emplace_back([&] {
    const auto a = engine->new_stream(), b = engine->new_stream();
    const auto pixels = test::random_tubelet(config, 9);
    for (int i = 0; i < 5; ++i) {
      StreamPush pushes[] = {{a.get(), {pixels}, 0.5}, {b.get(), {pixels}, 1.0}};
      engine->push(pushes);
    }
  });
  for (int i = 0; i < 5; ++i) set_log_sink([](int, const std::string&) {});
  for (std::thread& thread : threads) thread.join();
  set_log_sink({});
  EXPECT_EQ(alone, together);
}

INSTANTIATE_TEST_SUITE_P(Backends, EngineThreads, testing::ValuesIn(test::backend_names()),
                         [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace mone
