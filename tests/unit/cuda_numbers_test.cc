// Numbers, orders and extents that the CUDA kernels share with the host.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "engine/backend/cuda/kernels/product.h"
#include "engine/backend/cuda/kernels/routing.h"
#include "engine/backend/cuda/step_records.h"
#include "engine/bf16.h"
#include "engine/row_plan.h"
#include "tests/emulation/emulated_runtime.h"

namespace mone::cuda {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(CudaNumbers, HalfPrecisionRoundsToNearestEven) {
  const auto bits = [](float value) { return from_float<F16>(value).bits; };
  EXPECT_EQ(bits(1), 0x3c00);
  EXPECT_EQ(bits(-2), 0xc000);
  EXPECT_EQ(bits(65504), 0x7bff);
  EXPECT_EQ(bits(65519.99f), 0x7bff);
  EXPECT_EQ(bits(65520), 0x7c00);
  EXPECT_EQ(bits(kInfinity), 0x7c00);
  EXPECT_EQ(bits(1 + 0x1p-11f), 0x3c00);      // a tie, down to even
  EXPECT_EQ(bits(1 + 3 * 0x1p-11f), 0x3c02);  // a tie, up to even
  EXPECT_EQ(bits(1 + 0x1p-11f + 0x1p-20f), 0x3c01);
  EXPECT_EQ(bits(0x1p-24f), 1);    // the smallest subnormal
  EXPECT_EQ(bits(0x1p-25f), 0);    // a tie, to zero
  EXPECT_EQ(bits(0x1.8p-24f), 2);  // a tie, up to even
  EXPECT_TRUE(std::isnan(to_float(from_float<F16>(kNan))));
  for (int i = 0; i < 65536; ++i) {
    const F16 half{static_cast<std::uint16_t>(i)};
    if (std::isnan(to_float(half))) continue;
    ASSERT_EQ(from_float<F16>(to_float(half)).bits, half.bits);
  }
}

TEST(CudaNumbers, BrainFloatsAreThoseOfTheRestOfTheEngine) {
  std::mt19937 random(1);
  for (int i = 0; i < 10000; ++i) {
    const float value = bits_float(static_cast<std::uint32_t>(random()));
    ASSERT_EQ(from_float<Bf16>(value).bits, float_to_bf16(value));
  }
}

TEST(CudaNumbers, PreferenceIsLargerProbabilityThenLowerIndexThenNan) {
  EXPECT_GT(preference(0.5f, 7), preference(0.25f, 3));
  EXPECT_GT(preference(0.5f, 3), preference(0.5f, 7));
  EXPECT_GT(preference(0, 65535), preference(kNan, 0));
  EXPECT_EQ(preference(-0.0f, 4), preference(0.0f, 4));
  EXPECT_LT(preference(1, 0), 1ull << kPreferenceBits);
}

TEST(CudaNumbers, StairsAreThoseOfThePlan) {
  RowPlan plan(3, 4);
  const Counts counts[] = {{5, 3, 2, 1}, {11, 0, 0, 0}, {0, 0, 4, 7}};
  plan.lay_out(counts, ClsRow::kApart);
  Stairs stairs;
  stairs.experts = 4;
  for (int j = 0; j <= 4; ++j) stairs.rows_from[j] = plan.rows_from(j);
  for (int row = 0; row < plan.rows(); ++row) {
    EXPECT_EQ(stairs.expert_of(row), plan.expert_of(row)) << row;
    EXPECT_EQ(stairs.width_of(row, 64), expert_width(plan.expert_of(row), 4, 64));
    // What a product reads of a row lies inside what normalise() writes of it, for tiles of any height.
    for (const int tile : {64, 128}) {
      Product p;
      p.inputs = 64;
      p.narrow = cuda::Narrow::kInput;
      p.stairs = stairs;
      EXPECT_LE(p.depth(row / tile * tile), read_extent(stairs, row, 64));
      EXPECT_GE(p.depth(row / tile * tile), stairs.width_of(row, 64));
    }
  }
}

TEST(CudaNumbers, MomentsOfPartsAreThoseOfTheWhole) {
  std::mt19937 random(2);
  std::normal_distribution<float> normal(3, 2);
  std::vector<float> x(96);
  for (float& value : x) value = normal(random);
  const auto moments = [&](int begin, int end) {
    double sum = 0, squares = 0;
    for (int i = begin; i < end; ++i) sum += x[i];
    const double mean = end > begin ? sum / (end - begin) : 0;
    for (int i = begin; i < end; ++i) squares += (x[i] - mean) * (x[i] - mean);
    return Moments{static_cast<float>(mean), static_cast<float>(squares)};
  };
  const Moments whole = moments(0, 96);
  for (const int head : {12, 24, 48, 96}) {
    const Moments merged = merge(moments(0, head), head, moments(head, 96), 96 - head);
    EXPECT_NEAR(merged.mean, whole.mean, 1e-5);
    EXPECT_NEAR(merged.squares, whole.squares, 1e-3);
  }
}

TEST(CudaStepRecords, AreFoundByShapeAndTheOldestGoes) {
  StepRecords records(2);
  const std::vector<int> a = {1, 2}, b = {1, 2, 3}, c = {2};
  records.add(a, {}).seen = true;
  records.add(b, {});
  ASSERT_NE(records.find(a), nullptr);
  EXPECT_TRUE(records.find(a)->seen);
  records.add(c, {});  // b was used longest ago
  EXPECT_EQ(records.size(), 2u);
  EXPECT_EQ(records.find(b), nullptr);
  EXPECT_NE(records.find(a), nullptr);
  records.clear();
  EXPECT_EQ(records.find(c), nullptr);
}

TEST(CudaTables, EqualContentsShareMemoryAndTheOldestGoes) {
  emulation::EmulatedRuntime runtime;
  Tables tables(runtime, 2);
  const std::vector<int> one = {1, 2, 3}, two = {4}, three = {5, 6};
  const auto first = tables.get<int>(one);
  EXPECT_EQ(tables.get<int>(one), first);
  EXPECT_TRUE(std::equal(one.begin(), one.end(), first->as<const int>()));
  tables.get<int>(two);
  tables.get<int>(three);
  EXPECT_EQ(tables.size(), 2u);
  EXPECT_NE(tables.get<int>(one), first);  // it was dropped, though whoever holds it keeps it
  EXPECT_EQ(first->as<const int>()[2], 3);
}

}  // namespace
}  // namespace mone::cuda
