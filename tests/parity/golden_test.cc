// The committed golden values (tests/golden, made by the PyTorch module) against every backend of this build.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>

#include "engine/backend/registry.h"
#include "engine/clip.h"
#include "engine/mapped_file.h"
#include "engine/safetensors.h"
#include "engine/weights.h"
#include "tests/numbers.h"

namespace mone {
namespace {

const std::filesystem::path kData = MONE_GOLDEN_DATA;

template <class T>
std::vector<T> values(const Safetensors& file, const std::string& name) {
  const auto found = file.tensors.find(name);
  if (found == file.tensors.end()) return {};
  std::vector<T> result(found->second.bytes.size() / sizeof(T));
  std::memcpy(result.data(), found->second.bytes.data(), result.size() * sizeof(T));
  return result;
}

struct Fixture {
  MappedFile mapped;
  Safetensors file;
};

/// hf_joint_v4 and hf_joint_v5, Hugging Face folders in both spellings, share one.
std::string golden_of(const std::string& name) { return name.rfind("hf_joint", 0) == 0 ? "hf_joint" : name; }

Fixture open_golden(const std::string& name) {
  auto mapped = MappedFile::open(kData / (golden_of(name) + ".golden.safetensors"));
  auto file = parse_safetensors(mapped.value().bytes(), name);
  return {std::move(mapped).value(), std::move(file).value()};
}

/// (model, backend, dtype)
using Case = std::tuple<std::string, std::string, DType>;

class Golden : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const auto& [name, backend, dtype] = GetParam();
    const bool folder = std::filesystem::is_directory(kData / name);
    const auto model = Model::load(kData / (folder ? name : name + ".safetensors"));
    ASSERT_TRUE(model) << model.error().text;
    const auto made = Engine::create(model.value(), {backend, dtype});
    if (!made) GTEST_SKIP() << made.error().text;
    engine = made.value();
  }
  void expect_logits(std::span<const float> got, std::span<const float> expected) {
    const bool bf16 = std::get<2>(GetParam()) == DType::kBf16;
    EXPECT_LE(test::largest_difference(got, expected), bf16 ? 0.1 : 1e-4);
    if (bf16) {
      EXPECT_GE(test::cosine(got, expected), 0.9995);
    }
  }
  std::shared_ptr<Engine> engine;
};

TEST_P(Golden, RoutesAsPytorchDoesAndGivesItsLogits) {
  const auto& [name, backend, dtype] = GetParam();
  const Fixture golden = open_golden(name);
  const auto clip = values<std::uint8_t>(golden.file, "clip");
  const auto budgets = values<float>(golden.file, "budgets"), logits = values<float>(golden.file, "logits"),
             probs = values<float>(golden.file, "probs"), h = values<float>(golden.file, "h");
  const auto counts = values<std::int32_t>(golden.file, "counts");
  const auto assign = values<std::uint8_t>(golden.file, "assign");
  const std::size_t classes = engine->model().config().C;
  for (std::size_t b = 0; b < budgets.size(); ++b) {
    SCOPED_TRACE("budget " + std::to_string(budgets[b]));
    Clip request{clip, budgets[b]};
    const std::size_t rows = assign.size() / budgets.size();
    const std::span experts = std::span(assign).subspan(b * rows, rows);
    // bf16 pixels may flip a near tie; logits are compared on the same assignments (spec section 8.2).
    if (dtype == DType::kBf16) request.forced = experts;
    const ClipResult result = classify_clip(*engine, request);
    expect_logits(result.logits, std::span(logits).subspan(b * classes, classes));
    if (dtype == DType::kBf16) continue;
    if (!h.empty()) {
      const std::size_t size = result.outputs.size();
      EXPECT_LE(test::largest_difference(result.outputs, std::span(h).subspan(b * size, size)), 1e-4);
    }
    if (counts.empty()) continue;
    EXPECT_TRUE(std::ranges::equal(result.experts, experts));
    if (!result.probs.empty()) {
      EXPECT_LE(test::largest_difference(result.probs, probs), 1e-5);
    }
    std::size_t at = b * counts.size() / budgets.size();
    for (const auto& set : result.tokens_per_expert)
      for (const int count : set) EXPECT_EQ(count, counts[at++]);
  }
}

TEST_P(Golden, FollowsForcedExperts) {
  const Fixture golden = open_golden(std::get<0>(GetParam()));
  const auto clip = values<std::uint8_t>(golden.file, "clip");
  const auto forced = values<std::uint8_t>(golden.file, "forced_assign");
  if (forced.empty()) {
    EXPECT_FALSE(engine->model().weights().routed()) << "only plain models come without";
    return;
  }
  expect_logits(classify_clip(*engine, {clip, 1.0, forced}).logits,
                values<float>(golden.file, "forced_logits"));
}

std::vector<std::string> fixture_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kData)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_directory()) names.push_back(name);
    const std::size_t end = name.find(".golden.safetensors");
    if (end != name.npos && std::filesystem::exists(kData / (name.substr(0, end) + ".safetensors")))
      names.push_back(name.substr(0, end));
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const std::string& name : fixture_names())
    for (const BackendEntry& entry : backends())
      for (const DType dtype : {DType::kF32, DType::kBf16}) all.emplace_back(name, entry.name, dtype);
  return all;
}

std::string case_name(const testing::TestParamInfo<Case>& test) {
  const auto& [name, backend, dtype] = test.param;
  return name + "_" + backend + (dtype == DType::kBf16 ? "_bf16" : "_f32");
}

INSTANTIATE_TEST_SUITE_P(Models, Golden, testing::ValuesIn(cases()), case_name);

}  // namespace
}  // namespace mone
