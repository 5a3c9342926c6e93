// The identities every backend must satisfy (spec section 5), as far as they can be seen from outside.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <numeric>

#include "engine/backend/registry.h"
#include "engine/clip.h"
#include "engine/vivit.h"
#include "tests/backend_names.h"
#include "tests/numbers.h"
#include "tests/tiny_model.h"

namespace mone {
namespace {

using test::RawTensor;
using Tensors = std::map<std::string, RawTensor>;

std::vector<float> floats(const RawTensor& tensor) {
  std::vector<float> values(tensor.bytes.size() / 4);
  std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}
void set_floats(RawTensor& tensor, const std::vector<float>& values) {
  std::memcpy(tensor.bytes.data(), values.data(), tensor.bytes.size());
}

std::vector<std::uint8_t> random_frames(const ModelConfig& c, unsigned seed) {
  std::vector<std::uint8_t> frames;
  for (int t = 0; t < c.nt(); ++t) {
    const auto tubelet = test::random_tubelet(c, 10 * seed + t);
    frames.insert(frames.end(), tubelet.begin(), tubelet.end());
  }
  return frames;  // as many bytes as a clip has; which of them lies where does not matter here
}

class Identities : public testing::TestWithParam<test::BackendCase> {
 protected:
  std::shared_ptr<Engine> engine(const test::TinyModel& model, const Tensors& tensors) {
    const std::string bytes = test::safetensors_bytes(
        tensors, {{"format", "mone-vivit/1"}, {"config", test::config_json(model.config)}});
    const auto& [backend, dtype] = GetParam();
    return Engine::create(Model::load(test::temporary_file("identity.safetensors", bytes)).value(),
                          {backend, dtype, 0, true})
        .value();
  }
  std::shared_ptr<Engine> engine(const test::TinyModel& model) {
    return engine(model, test::model_tensors(model));
  }
  std::shared_ptr<Engine> plain(test::TinyModel model) {
    model.routed = false;
    return engine(model);
  }
  /// For results that only differ in the order of their sums.
  double tolerance() const { return std::get<1>(GetParam()) == DType::kF32 ? 1e-4 : 0.1; }
};

TEST_P(Identities, I1FullBudgetWithoutGateIsThePlainModelToTheBit) {
  for (test::TinyModel model : {test::tiny_fe(), test::tiny_joint()}) {
    for (const bool counted : {false, true}) {
      model.config.cls_policy = counted ? ClsPolicy::kRouted : ClsPolicy::kFull;
      const auto frames = random_frames(model.config, 1);
      const auto expected = classify_clip(*plain(model), {frames, 1.0}).logits;
      model.alpha = {0};
      EXPECT_EQ(classify_clip(*engine(model), {frames, 1.0}).logits, expected);
      model.alpha = {0.5f};
      EXPECT_NE(classify_clip(*engine(model), {frames, 1.0}).logits, expected);
      model.config.gate = false;
      EXPECT_EQ(classify_clip(*engine(model), {frames, 1.0}).logits, expected);
      model.config.gate = true;
    }
  }
}

TEST_P(Identities, I1TheGateAppliesAtFullBudgetToo) {
  const test::TinyModel model = test::tiny_fe();
  const ClipResult full = classify_clip(*engine(model), {random_frames(model.config, 2), 1.0});
  EXPECT_EQ(full.realised, 1);
  EXPECT_FALSE(full.probs.empty());
}

/// The plain model that computes what every row of expert `expert` computes: in-projections blind for the
/// features beyond its width, out-projections silent there.
Tensors zero_tail(Tensors tensors, int width, int kept) {
  for (auto& [name, tensor] : tensors) {
    const bool in = name.find("attn.qkv.weight") != name.npos || name.find("mlp.fc1.weight") != name.npos;
    const bool out = name.find("attn.proj.") != name.npos || name.find("mlp.fc2.") != name.npos;
    if (name.rfind("temporal", 0) == 0 || (!in && !out)) continue;
    std::vector<float> values = floats(tensor);
    const std::size_t row = values.size() / tensor.shape[0];
    for (std::size_t i = 0; i < values.size(); ++i)
      if (in ? i % width >= std::size_t(kept) : i / row >= std::size_t(kept)) values[i] = 0;
    set_floats(tensor, values);
  }
  return tensors;
}

TEST_P(Identities, I2AndI3OneExpertForAllIsThePlainModelWithItsTailZeroed) {
  for (const bool gap : {false, true}) {
    test::TinyModel model = test::tiny_fe();
    model.config.classifier = gap ? Classifier::kGap : Classifier::kToken;
    model.config.cls_policy = ClsPolicy::kRouted;  // so that the class token can have the same expert
    model.config.gate = false;
    const auto nested = engine(model);
    const auto frames = random_frames(model.config, 3);
    const std::size_t rows = model.config.nt() * (model.config.tokens() + !gap);
    test::TinyModel without = model;
    without.routed = false;
    for (int expert = 0; expert < model.config.E; ++expert) {
      const std::vector<std::uint8_t> forced(rows, static_cast<std::uint8_t>(expert));
      const int kept = expert_width(expert, model.config.E, model.config.D);
      const auto dense = engine(without, zero_tail(test::model_tensors(without), model.config.D, kept));
      EXPECT_LE(test::largest_difference(classify_clip(*nested, {frames, 1.0, forced}).logits,
                                         classify_clip(*dense, {frames, 1.0}).logits),
                tolerance())
          << "expert " << expert << (gap ? ", gap" : ", token");
    }
  }
}

TEST_P(Identities, I4FeaturesBeyondARowsExpertNeverChange) {
  const test::TinyModel model = test::tiny_fe();
  const auto loaded = Model::load(test::write_model(model)).value();
  const auto& [name, dtype] = GetParam();
  const auto backend = choose_backend(model.config, {name, dtype}).value();
  const std::string block = "spatial.blocks.0.attn.proj";
  const auto linear = backend->prepare(LinearSpec{
      loaded->weights().at(block + ".weight"), loaded->weights().at(block + ".bias"), Nesting::kOutput, 4});
  RowPlan plan(1, 4);
  const Counts counts{5, 4, 3, 2};
  plan.lay_out({&counts, 1}, ClsRow::kNone);
  const int width = model.config.D, rows = plan.rows();
  backend->reserve(rows, rows, width, model.config.H);
  const auto x = backend->make_buffer(rows * width, Store::kF32);
  const auto operand = backend->make_buffer(rows * width * 4, Store::kOperand);
  std::vector<float> before(rows * width), after(rows * width);
  for (int i = 0; i < rows * width; ++i) before[i] = static_cast<float>(i) / 7;
  backend->upload(before, 0, *x);
  backend->contract(*linear, *operand, plan, Gate{}, *x);  // a zero operand leaves the bias
  backend->download(*x, 0, after);
  for (int row = 0; row < rows; ++row)
    for (int o = 0; o < width; ++o) {
      const bool live = o < expert_width(plan.expert_of(row), 4, width);
      EXPECT_EQ(before[row * width + o] != after[row * width + o], live)
          << "row " << row << ", feature " << o;
    }
}

TEST_P(Identities, I5TheLastLayerOfTheClassTokenAloneGivesTheSameLogits) {
  for (test::TinyModel model : {test::tiny_fe(), test::tiny_joint()}) {
    for (const bool counted : {false, true}) {
      model.config.cls_policy = counted ? ClsPolicy::kRouted : ClsPolicy::kFull;
      const auto loaded = Model::load(test::write_model(model)).value();
      const auto& [name, dtype] = GetParam();
      std::vector<float> logits[2];
      for (const bool shortcut : {false, true}) {
        const auto backend = choose_backend(model.config, {name, dtype, 0, true}).value();
        Vivit network(*loaded, *backend, {shortcut});
        const Counts counts = network.counts(0.4);
        const auto rows = network.make_rows(model.config.nt());
        std::vector<RowRef> window;
        const auto frames = random_frames(model.config, 4);
        std::vector<PixelRef> tubelets;
        for (int t = 0; t < model.config.nt(); ++t)
          tubelets.push_back({frames.data() + std::size_t(t) * model.config.tubelet_bytes()});
        const int per_item = network.tubelets_per_item();
        for (int item = 0; item < network.rows_per_window(); ++item) {
          window.push_back({rows.get(), item});
          network.encode(std::span(tubelets).subspan(item * per_item, per_item), {&counts, 1}, {},
                         {&window.back(), 1});
        }
        logits[shortcut].resize(model.config.C);
        network.predict(window, logits[shortcut]);
      }
      EXPECT_EQ(logits[0], logits[1]);
    }
  }
}

TEST_P(Identities, I6TheOrderOfTokensChangesNothingButRounding) {
  test::TinyModel model = test::tiny_fe();
  auto tensors = test::model_tensors(model);
  const auto straight = engine(model, tensors);
  // The same tokens in reverse: positions and pixels both.
  const int tokens = model.config.tokens(), width = model.config.D;
  std::vector<float> pos = floats(tensors.at("spatial.pos_embed"));
  for (int i = 0; i < tokens / 2; ++i)
    std::swap_ranges(pos.begin() + (1 + i) * width, pos.begin() + (2 + i) * width,
                     pos.begin() + (tokens - i) * width);
  set_floats(tensors.at("spatial.pos_embed"), pos);
  const auto reversed = engine(model, tensors);

  const auto tubelet = test::random_tubelet(model.config, 5);
  std::vector<std::uint8_t> backwards;
  const int token_bytes = model.config.tubelet_bytes() / tokens;
  for (int i = tokens; i-- > 0;)
    backwards.insert(backwards.end(), tubelet.begin() + i * token_bytes,
                     tubelet.begin() + (i + 1) * token_bytes);
  for (const double budget : {1.0, 0.5, 0.2}) {
    const auto a = straight->new_stream(), b = reversed->new_stream();
    const Prediction& one = a->push({tubelet}, budget);
    const Prediction& other = b->push({backwards}, budget);
    EXPECT_LE(test::largest_difference(one.logits, other.logits), tolerance()) << "budget " << budget;
    EXPECT_TRUE(std::equal(one.experts.begin(), one.experts.end(), other.experts.rbegin()));
  }
}

TEST_P(Identities, I7TokenCountsDependOnTheBudgetOnly) {
  const test::TinyModel model = test::tiny_fe();
  const auto nested = engine(model);
  const auto stream = nested->new_stream();
  for (const double budget : {.125, .15, .2, .25, .3, .35, .4, .45, .5, .55, .65, .75, .8, .85, .95, 1.0}) {
    const Counts expected = token_counts(budget, 4, model.config.tokens(), {});
    for (unsigned picture = 0; picture < 4; ++picture) {
      const auto pixels = picture ? test::random_tubelet(model.config, picture)
                                  : std::vector<std::uint8_t>(model.config.tubelet_bytes(), 128);
      const Prediction& prediction = stream->push({pixels}, budget);
      Counts got{};
      for (const int expert : prediction.experts) ++got[expert];
      EXPECT_EQ(got, expected);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, Identities, testing::ValuesIn(test::backend_cases()),
                         [](const auto& instance) { return test::case_name(instance.param); });

}  // namespace
}  // namespace mone
