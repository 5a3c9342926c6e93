// A row as int8 products read it.
#include "engine/int8.h"

#include <gtest/gtest.h>

#include <vector>

namespace mone {
namespace {

TEST(Int8, TheLargestSizeBecomes127AndTheRestIsRoundedToNearestEven) {
  const std::vector<float> x{-254, 2, 3, 1, -1, -5, 0, 250};
  std::vector<std::int8_t> q(x.size());
  EXPECT_EQ(quantise(x, q.data()), 2.0f);
  EXPECT_EQ(q, (std::vector<std::int8_t>{-127, 1, 2, 0, 0, -2, 0, 125}));  // 1.5 -> 2, 0.5 -> 0, 2.5 -> 2
}

TEST(Int8, NothingIsZeroAndWhatIsNotFiniteSaysSo) {
  std::vector<std::int8_t> q(2, 9);
  EXPECT_EQ(quantise(std::vector<float>{0, -0.0f}, q.data()), 0);
  EXPECT_EQ(q, (std::vector<std::int8_t>{0, 0}));
  EXPECT_EQ(quantise(std::vector<float>{1e-38f, 0}, q.data()), 0);
  for (const float odd : {INFINITY, -INFINITY, std::nanf("")}) {
    EXPECT_TRUE(std::isnan(quantise(std::vector<float>{1, odd}, q.data())));
    EXPECT_EQ(q, (std::vector<std::int8_t>{0, 0}));
  }
  EXPECT_EQ(quantise({}, nullptr), 0);
}

TEST(Int8, NoErrorIsLargerThanHalfAStep) {
  std::vector<float> x;
  for (int i = -500; i <= 500; ++i) x.push_back(static_cast<float>(i) * 0.0137f);
  std::vector<std::int8_t> q(x.size());
  const float scale = quantise(x, q.data());
  for (std::size_t i = 0; i < x.size(); ++i)
    EXPECT_LE(std::abs(x[i] - static_cast<float>(q[i]) * scale), scale * 0.5001f);
}

}  // namespace
}  // namespace mone
