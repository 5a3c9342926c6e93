// Every other backend against the reference, on random models of many shapes.
#include <gtest/gtest.h>

#include <random>

#include "engine/clip.h"
#include "tests/backend_names.h"
#include "tests/numbers.h"
#include "tests/tiny_model.h"

namespace mone {
namespace {

template <class T>
T pick(std::mt19937& random, std::initializer_list<T> values) {
  return values.begin()[random() % values.size()];
}

test::TinyModel random_model(unsigned seed) {
  std::mt19937 random(seed);
  test::TinyModel model = random() % 4 ? test::tiny_fe() : test::tiny_joint();
  ModelConfig& c = model.config;
  c.E = pick(random, {1, 2, 3, 4, 5});
  c.H = pick(random, {1, 2, 3, 4});
  c.D = 16 * c.H * pick(random, {1, 2, 4});
  c.L = pick(random, {1, 2, 3});
  c.C = pick(random, {1, 2, 7, 33});
  c.labels.assign(c.C, "label");
  c.pt = pick(random, {1, 2, 3});
  c.ph = pick(random, {2, 4, 5, 16});
  c.pw = pick(random, {2, 4, 7, 16});
  c.image_height = c.ph * pick(random, {1, 2, 5});
  c.image_width = c.pw * pick(random, {1, 3, 7});
  c.frames = c.pt * pick(random, {1, 2, 5});
  c.act = pick(random, {Activation::kGeluTanh, Activation::kGeluErf});
  c.classifier = pick(random, {Classifier::kToken, Classifier::kToken, Classifier::kGap});
  c.cls_policy = pick(random, {ClsPolicy::kFull, ClsPolicy::kRouted});
  c.router_input = pick(random, {RouterInput::kRaw, RouterInput::kLn1});
  c.gate = random() % 4 != 0;
  model.routed = random() % 5 != 0;
  model.bf16 = random() % 2;
  model.seed = seed;
  return model;
}

class BackendsAgree : public testing::TestWithParam<test::BackendCase> {
 protected:
  void expect_agreement(const test::TinyModel& tiny) {
    const auto& [backend, dtype] = GetParam();
    const auto model = Model::load(test::write_model(tiny)).value();
    const auto reference = Engine::create(model, {"reference", dtype}).value();
    const auto other = Engine::create(model, {backend, dtype}).value();
    std::vector<std::uint8_t> frames;
    for (int t = 0; t < tiny.config.nt(); ++t) {
      const auto tubelet = test::random_tubelet(tiny.config, 31 * tiny.seed + t);
      frames.insert(frames.end(), tubelet.begin(), tubelet.end());
    }
    for (const double budget : {1.0, 0.6, 0.3, 0.1}) {
      SCOPED_TRACE("budget " + std::to_string(budget) + " " + test::config_json(tiny.config));
      const ClipResult expected = classify_clip(*reference, {frames, budget});
      const ClipResult routed = classify_clip(*other, {frames, budget});
      EXPECT_EQ(routed.tokens_per_expert, expected.tokens_per_expert);
      EXPECT_LE(test::largest_difference(routed.probs, expected.probs), 1e-5);
      expect_same_experts(expected, routed, tiny.config.E);
      const ClipResult forced = classify_clip(*other, {frames, budget, expected.experts});
      expect_close(forced.logits, expected.logits);
      expect_close(forced.outputs, expected.outputs);
    }
  }

 private:
  /// Exact, unless two candidates' probabilities lie within 1e-6 (spec section 8.1).
  void expect_same_experts(const ClipResult& expected, const ClipResult& got, int experts) {
    for (std::size_t i = 0; i < expected.experts.size(); ++i) {
      if (got.experts[i] == expected.experts[i]) continue;
      const int expert = std::max(got.experts[i], expected.experts[i]);
      const float mine = expected.probs[i * experts + expert];
      int near = 0;
      for (std::size_t j = 0; j < expected.experts.size(); ++j)
        near += j != i && std::abs(expected.probs[j * experts + expert] - mine) <= 1e-6f;
      EXPECT_GT(near, 0) << "row " << i << " went to expert " << int(got.experts[i]) << ", not "
                         << int(expected.experts[i]);
    }
  }
  void expect_close(std::span<const float> got, std::span<const float> expected) {
    const DType dtype = std::get<1>(GetParam());
    EXPECT_LE(test::largest_difference(got, expected), dtype == DType::kF32 ? 1e-4 : 0.1);
    if (dtype != DType::kF32 && got.size() > 2) {
      EXPECT_GE(test::cosine(got, expected), 0.9995);
    }
  }
};

TEST_P(BackendsAgree, OnRandomModelsOfManyShapes) {
  for (unsigned seed = 1; seed <= 40; ++seed) expect_agreement(random_model(seed));
}

TEST_P(BackendsAgree, OnAModelLargeEnoughForEveryTileOfTheKernels) {
  test::TinyModel tiny = test::tiny_fe();
  ModelConfig& c = tiny.config;
  c.D = 192, c.H = 3, c.C = 50, c.Lt = 2;
  c.labels.assign(c.C, "label");
  c.image_height = c.image_width = 112, c.ph = c.pw = 16, c.frames = 8;
  expect_agreement(tiny);
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(BackendsAgree);  // a build with the reference alone
INSTANTIATE_TEST_SUITE_P(Backends, BackendsAgree, testing::ValuesIn(test::backend_cases("reference")),
                         [](const auto& instance) { return test::case_name(instance.param); });

}  // namespace
}  // namespace mone
