// One engine, several threads: meant for ThreadSanitizer, and a check that streams do not mix.
#include <gtest/gtest.h>

#include <thread>

#include "engine/budget/controller.h"
#include "engine/clip.h"
#include "engine/feed.h"
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

TEST_P(EngineThreads, EveryLaneGivesTheBitsOfTheTeamAlsoWhileOthersRun) {
  const std::string path = test::write_model(test::tiny_fe());
  const auto engine = Engine::create(Model::load(path).value(), {GetParam(), DType::kF32, 2, true}).value();
  const int lanes = engine->lanes();
  if (GetParam() == "onednn") {
    EXPECT_EQ(lanes, 2) << "a step of this size keeps one thread busy";
  }
  const auto run = [&](const auto& push) {
    std::vector<float> logits;
    const auto stream = engine->new_stream();
    for (unsigned step = 0; step < 12; ++step) {
      const auto pixels = test::random_tubelet(engine->model().config(), step);
      StreamPush pushes[] = {{stream.get(), {pixels, Time(step), Time(step)}, 0.25 * (1 + step % 4)}};
      push(pushes);
      logits.insert(logits.end(), pushes[0].prediction->logits.begin(), pushes[0].prediction->logits.end());
    }
    return logits;
  };
  const std::vector<float> team = run([&](std::span<StreamPush> pushes) { engine->push(pushes); });
  std::vector<std::vector<float>> by_lane(lanes);
  std::vector<std::thread> threads;
  for (int lane = 0; lane < lanes; ++lane)
    threads.emplace_back([&, lane] {
      by_lane[lane] = run([&](std::span<StreamPush> pushes) { engine->push_on_lane(lane, pushes); });
    });
  for (std::thread& thread : threads) thread.join();
  for (const std::vector<float>& logits : by_lane) EXPECT_EQ(logits, team);
  const auto no_lane = [&] {
    run([&](std::span<StreamPush> pushes) { engine->push_on_lane(lanes, pushes); });
  };
  EXPECT_THROW(no_lane(), std::out_of_range);
}

/// Feeds come, change their terms and go while others are served; who is at a fixed budget gets what it
/// gets alone.
TEST_P(EngineThreads, FeedsComeAndGoAndNoneDisturbsAnother) {
  const std::string path = test::write_model(test::tiny_fe());
  const auto engine = Engine::create(Model::load(path).value(), {GetParam(), DType::kF32, 2, true}).value();
  const ModelConfig& config = engine->model().config();
  CostTable costs;
  costs.experts = config.E;
  costs.max_batch = 4;
  costs.single.fill(1e-4);
  costs.batch.fill(2e-4);
  engine->set_costs(costs);
  const auto pixels = test::random_tubelet(config, 9);
  const auto fixed = [&](unsigned seed) {
    StreamTerms terms;
    terms.live = false;
    terms.fixed = true;
    terms.budget = 0.25 * (1 + seed % 4);
    const auto feed = engine->new_feed(terms);
    const auto stream = engine->new_stream();
    std::vector<float> logits;
    for (unsigned step = 0; step < 20; ++step) {
      const auto tubelet = test::random_tubelet(config, 100 * seed + step);
      const Answer a = feed->run(*stream, {{tubelet, Time(step), Time(step), 7.5}});
      logits.insert(logits.end(), a.prediction->logits.begin(), a.prediction->logits.end());
    }
    return logits;
  };
  constexpr int kFixed = 3;
  std::vector<std::vector<float>> alone(kFixed), together(kFixed);
  for (unsigned i = 0; i < kFixed; ++i) alone[i] = fixed(i);

  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kFixed; ++i) threads.emplace_back([&, i] { together[i] = fixed(i); });
  threads.emplace_back([&] {  // comes and goes, also with a tubelet in line
    for (int i = 0; i < 10; ++i) {
      const auto stream = engine->new_stream();
      const auto feed = engine->new_feed({});
      feed->run(*stream, {{pixels, Time(1), Time(1), 7.5}});
      feed->submit(*stream, {{pixels, Time(2), Time(2), 7.5}});
    }
  });
  threads.emplace_back([&] {  // floods, with the terms turned from outside
    const auto stream = engine->new_stream();
    const auto feed = engine->new_feed({});
    std::thread turner([&] {
      for (int i = 0; i < 20; ++i) {
        StreamTerms terms;
        terms.budget_max = .2 + .04 * (i % 10);
        terms.weight = 1 + i % 3;
        feed->set(terms);
        feed->qos(1 + .1 * (i % 3));
        engine->set_utilisation(.5 + .02 * i);
        static_cast<void>(feed->view());
        static_cast<void>(engine->load());
      }
    });
    for (int i = 0; i < 100; ++i) feed->run(*stream, {{pixels, Time(i), Time(i), 7.5}});
    turner.join();
  });
  threads.emplace_back([&] {  // the other door
    const auto stream = engine->new_stream();
    for (int i = 0; i < 20; ++i) stream->push({pixels}, 0.5);
  });
  for (int i = 0; i < 5; ++i) set_decision_sink([](const Decision& d) { static_cast<void>(to_string(d)); });
  for (std::thread& thread : threads) thread.join();
  set_decision_sink({});
  EXPECT_EQ(alone, together);
}

INSTANTIATE_TEST_SUITE_P(Backends, EngineThreads, testing::ValuesIn(test::backend_names()),
                         [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace mone
