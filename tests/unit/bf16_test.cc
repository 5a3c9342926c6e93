#include "engine/bf16.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace mone {
namespace {

TEST(Bf16, RoundsToNearestWithTiesToEven) {
  EXPECT_EQ(round_to_bf16(1.0f), 1.0f);
  EXPECT_EQ(round_to_bf16(1.0f + 1 / 256.0f), 1.0f);                   // tie, down to even
  EXPECT_EQ(round_to_bf16(1.0f + 3 / 256.0f), 1.0f + 4 / 256.0f);      // tie, up to even
  EXPECT_EQ(round_to_bf16(1.0f + 1.01f / 256.0f), 1.0f + 2 / 256.0f);  // above the tie
  EXPECT_EQ(round_to_bf16(-1.0f - 3 / 256.0f), -1.0f - 4 / 256.0f);
}

TEST(Bf16, KeepsInfinityNanSignedZeroAndSubnormals) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(round_to_bf16(infinity), infinity);
  EXPECT_EQ(round_to_bf16(-infinity), -infinity);
  EXPECT_TRUE(std::isnan(round_to_bf16(std::nanf(""))));
  EXPECT_TRUE(
      std::isnan(bf16_to_float(float_to_bf16(std::bit_cast<float>(0x7f800001u)))));  // payload only below
  EXPECT_TRUE(std::signbit(round_to_bf16(-0.0f)));
  EXPECT_EQ(round_to_bf16(std::bit_cast<float>(0x00010000u)), std::bit_cast<float>(0x00010000u));
  EXPECT_EQ(round_to_bf16(std::numeric_limits<float>::max()), infinity);  // above the largest bf16
}

}  // namespace
}  // namespace mone
