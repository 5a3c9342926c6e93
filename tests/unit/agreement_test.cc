// Whether a model's answers survive a number format.
#include "engine/agreement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "engine/backend/registry.h"
#include "tests/tiny_model.h"

namespace mone {
namespace {

using testing::HasSubstr;

constexpr double kBudgets[] = {1, 0.3};

TEST(Agreement, IsPerfectBetweenEquals) {
  const auto model = Model::load(test::write_model(test::tiny_fe())).value();
  const auto one = Engine::create(model, {"reference", DType::kF32}).value();
  const Agreement agreement = compare_engines(*one, *one, kBudgets, 3);
  EXPECT_EQ(agreement.answers, 6);
  EXPECT_EQ(agreement.same_label, 6);
  EXPECT_NEAR(agreement.cosine, 1, 1e-9);
  EXPECT_EQ(agreement.largest_difference, 0);
  EXPECT_EQ(agreement.tokens, 6 * 20);
  EXPECT_EQ(agreement.tokens_elsewhere, 0);
}

TEST(Agreement, OnednnHasNoInt8ForRowsThatAreTooShortForTheirScale) {
  ModelConfig narrow;
  narrow.D = 8;
  for (const BackendEntry& entry : backends())
    if (entry.name == std::string("onednn")) {
      EXPECT_THAT(entry.why_not(narrow, DType::kInt8), HasSubstr("D = 8"));
    }
}

TEST(Agreement, IsCloseButNotPerfectInInt8) {
  const auto model = Model::load(test::write_model(test::tiny_fe())).value();
  const auto f32 = Engine::create(model, {"reference", DType::kF32}).value();
  const auto int8 = Engine::create(model, {"reference", DType::kInt8}).value();
  EXPECT_EQ(int8->dtype(), DType::kInt8);
  const Agreement agreement = compare_engines(*int8, *f32, kBudgets, 3);
  EXPECT_GE(agreement.cosine, kInt8LeastCosine);
  EXPECT_GT(agreement.largest_difference, 0);
}

TEST(Agreement, TwoModelsAreNotCompared) {
  const auto fe = Model::load(test::write_model(test::tiny_fe(), "fe.safetensors")).value();
  const auto joint = Model::load(test::write_model(test::tiny_joint(), "joint.safetensors")).value();
  const auto one = Engine::create(fe, {"reference", DType::kF32}).value();
  const auto other = Engine::create(joint, {"reference", DType::kF32}).value();
  EXPECT_THROW(compare_engines(*one, *other, kBudgets, 1), ConfigError);
}

/// A feature so large that the others round to nothing beside it, and that no product reads.
std::string model_with_an_outlier() {
  const test::TinyModel tiny = test::tiny_fe();
  auto tensors = test::model_tensors(tiny);
  for (auto& [name, tensor] : tensors) {
    const bool reads = name.find("attn.qkv.weight") != name.npos || name.find("mlp.fc1.weight") != name.npos;
    const bool norm = name.find(".norm1.bias") != name.npos || name.find(".norm2.bias") != name.npos;
    if (name.rfind("spatial.blocks", 0) != 0 || (!reads && !norm)) continue;
    auto* values = reinterpret_cast<float*>(tensor.bytes.data());
    if (norm) values[0] = 1e4f;
    for (std::size_t i = 0; reads && i < tensor.bytes.size() / 4; i += tiny.config.D) values[i] = 0;
  }
  return test::temporary_file("outlier.safetensors",
                              test::safetensors_bytes(tensors, {{"format", "mone-vivit/1"},
                                                                {"config", test::config_json(tiny.config)}}));
}

TEST(Agreement, AModelThatInt8WouldChangeIsRefusedThere) {
  const auto model = Model::load(model_with_an_outlier()).value();
  EXPECT_TRUE(Engine::create(model, {"reference", DType::kBf16}));
  const auto int8 = Engine::create(model, {"reference", DType::kInt8});
  ASSERT_FALSE(int8);
  EXPECT_THAT(int8.error().text,
              testing::AllOf(HasSubstr("is not for int8"), HasSubstr("choose bf16 or f32")));
}

}  // namespace
}  // namespace mone
