// Every global allocation of this process is counted: a step must make none once the first ones are over; and
// any of the first ones may fail.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <new>

#include "engine/budget/controller.h"
#include "engine/feed.h"
#include "engine/tubeliser.h"
#include "tests/backend_names.h"
#include "tests/tiny_model.h"

namespace {

std::atomic<long> allocations{0};
std::atomic<long> until_none_is_left{-1};  // allocations, of which the last one fails; negative: none does

void* counted(std::size_t size, std::size_t alignment = alignof(std::max_align_t)) {
  ++allocations;
  if (until_none_is_left >= 0 && until_none_is_left-- == 0) throw std::bad_alloc();
  if (void* memory = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment))
    return memory;
  throw std::bad_alloc();
}

}  // namespace

// Neither inlined, or GCC 12 sees a mismatch between the one it inlined and the one it did not.
[[gnu::noinline]] void* operator new(std::size_t size) { return counted(size); }
[[gnu::noinline]] void* operator new[](std::size_t size) { return counted(size); }
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment) {
  return counted(size, std::size_t(alignment));
}
[[gnu::noinline]] void* operator new[](std::size_t size, std::align_val_t alignment) {
  return counted(size, std::size_t(alignment));
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}

namespace mone {
namespace {

/// (backend and dtype, joint)
class NoAllocation : public testing::TestWithParam<std::tuple<test::BackendCase, bool>> {};

TEST_P(NoAllocation, HappensOnThePerTubeletPathAfterTheFirstSteps) {
  const auto& [chosen, joint] = GetParam();
  const auto& [backend, dtype] = chosen;
  const std::string path = test::write_model(joint ? test::tiny_joint() : test::tiny_fe());
  const auto engine = Engine::create(Model::load(path).value(), {backend, dtype}).value();
  const auto stream = engine->new_stream();
  const auto pixels = test::random_tubelet(engine->model().config(), 1);
  const double budgets[] = {0.25, 1, 0.5, 0.125, 0.8};
  for (const double budget : budgets) stream->push({pixels}, budget);
  const long before = allocations;
  for (int i = 0; i < 20; ++i) {
    stream->push({pixels}, budgets[i % 5]);
    stream->skip({}, {});
  }
  stream->reset();
  stream->push({pixels}, 0.5);
  EXPECT_EQ(allocations - before, 0);
}

TEST_P(NoAllocation, HappensOnTheWayThroughTheBatcher) {
  const auto& [chosen, joint] = GetParam();
  const auto& [backend, dtype] = chosen;
  const std::string path = test::write_model(joint ? test::tiny_joint() : test::tiny_fe());
  const auto engine = Engine::create(Model::load(path).value(), {backend, dtype}).value();
  CostTable costs;
  costs.experts = engine->model().config().E;
  costs.max_batch = 2;
  costs.single.fill(1e-4);
  costs.batch.fill(1.5e-4);
  engine->set_costs(costs);
  const auto a = engine->new_feed({}), b = engine->new_feed({});
  const auto x = engine->new_stream(), y = engine->new_stream();
  const auto pixels = test::random_tubelet(engine->model().config(), 1);
  const auto together = [&](int step) {
    const Submission s{{pixels, Time(step), Time(step), 7.5}};
    a->submit(*x, s), b->submit(*y, s);
    a->wait(*x), b->wait(*y);
    const auto long_ago =
        std::chrono::steady_clock::now().time_since_epoch() - std::chrono::seconds(step % 2);
    a->run(*x, {s.tubelet, long_ago});  // every other one so late that it is skipped or lowered
  };
  for (const double budget : {0.25, 1.0, 0.5, 0.125}) {  // the machine's speed decides what the feeds get
    StreamPush pushes[] = {{x.get(), {pixels}, budget}, {y.get(), {pixels}, budget}};
    engine->push(pushes);
  }
  for (int i = 0; i < 20; ++i) together(i);
  const long before = allocations;
  for (int i = 20; i < 60; ++i) together(i);
  EXPECT_EQ(allocations - before, 0);
}

TEST_P(NoAllocation, ThatFailsLeavesAnEngineThatGoesOn) {
  const auto& [chosen, joint] = GetParam();
  const auto& [backend, dtype] = chosen;
  const std::string path = test::write_model(joint ? test::tiny_joint() : test::tiny_fe());
  const auto model = Model::load(path).value();
  std::vector<std::vector<std::uint8_t>> pixels;
  for (unsigned i = 0; i < 4; ++i) pixels.push_back(test::random_tubelet(model->config(), i));
  /// The logits of four streams that take a tubelet each, if the allocation of that number fails first.
  const auto logits_after = [&](long failing, bool* failed) {
    const auto engine = Engine::create(model, {.backend = backend, .dtype = dtype}).value();
    std::vector<std::unique_ptr<Stream>> streams;
    std::vector<StreamPush> pushes;
    for (int i = 0; i < 4; ++i) {
      streams.push_back(engine->new_stream());
      pushes.push_back({streams[i].get(), {pixels[i]}, i % 2 ? 0.5 : 1});
    }
    StreamPush alone[] = {pushes[0]};
    engine->push(alone);
    streams[0]->reset();
    until_none_is_left = failing;
    *failed = false;
    try {
      engine->push(pushes);
    } catch (const std::exception&) {
      *failed = true;
    }
    until_none_is_left = -1;
    if (*failed) engine->push(pushes);
    std::vector<std::vector<float>> all;
    for (const StreamPush& p : pushes)
      all.emplace_back(p.prediction->logits.begin(), p.prediction->logits.end());
    return all;
  };
  bool failed = false;
  const auto wanted = logits_after(-1, &failed);
  long tried = 0;
  do {
    ASSERT_EQ(logits_after(tried, &failed), wanted) << "allocation " << tried << " had failed";
  } while (failed && ++tried < 1000);
  EXPECT_GT(tried, 5);
  EXPECT_LT(tried, 1000);
}

INSTANTIATE_TEST_SUITE_P(Backends, NoAllocation,
                         testing::Combine(testing::ValuesIn(test::backend_cases()), testing::Bool()),
                         [](const auto& instance) {
                           return test::case_name(std::get<0>(instance.param)) +
                                  (std::get<1>(instance.param) ? "_joint" : "_fe");
                         });

TEST(NoAllocation, HappensWhenFramesAreCutIntoTubelets) {
  TubeletFormat format;
  format.planes = Planes::kLumaMotion;
  Tubeliser tubeliser(format, {});
  const std::vector<std::uint8_t> grey(320 * 240, 128);
  Frame frame;
  frame.format = PixelFormat::kGray8;
  frame.width = 320;
  frame.height = 240;
  frame.planes[0] = grey.data();
  frame.strides[0] = 320;
  int tubelets = 0;
  long before = 0;
  for (int i = 0; i < 120; ++i) {
    if (i == 60) before = allocations;
    if (i % 7 == 3) continue;  // a missing frame now and then
    tubeliser.push(frame, std::chrono::milliseconds(33 * i), std::chrono::milliseconds(33),
                   [&tubelets](const CutTubelet&) { ++tubelets; });
  }
  EXPECT_EQ(allocations - before, 0);
  EXPECT_GT(tubelets, 25);
}

}  // namespace
}  // namespace mone
