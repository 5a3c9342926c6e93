// oneDNN's products as the backend calls them: strided rows, blocks of a wider matrix, one column among them
// (oneDNN 3.7 takes the sums of one column for a dense vector).
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "engine/backend/onednn/dnnl_matmul.h"

namespace mone::cpu {
namespace {

constexpr int kRows = 32, kLdX = 72, kLdW = 80, kLdSums = 56;

std::vector<float> noise(int count, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> values(count);
  for (float& v : values) v = uniform(random);
  return values;
}

class DnnlMatmulShapes : public testing::TestWithParam<bool> {};

TEST_P(DnnlMatmulShapes, GiveTheSumsOfPlainLoopsAndLeaveTheOtherColumnsAlone) {
  const bool accumulate = GetParam();
  const std::vector<float> x = noise(kRows * kLdX, 1), w = noise(kLdW * 48, 2),
                           before = noise(kRows * kLdSums, 3);
  for (int n : {1, 2, 3, 8, 17, 48})
    for (int k : {1, 2, 7, 16, 33})
      for (int from : {0, 1, 8}) {
        SCOPED_TRACE(testing::Message() << "n " << n << ", k " << k << ", from " << from);
        const DnnlMatmul::Shape shape{kRows, n, k, kLdX, kLdSums, false, accumulate};
        std::vector<float> sums = before;
        DnnlMatmul(shape, w.data() + from, kLdW).run(x.data() + from, sums.data());
        for (int row = 0; row < kRows; ++row)
          for (int column = 0; column < kLdSums; ++column) {
            const int at = row * kLdSums + column;
            if (n == 1 && column == 1) continue;  // scratch (dnnl_matmul.h)
            double expected = column >= n || accumulate ? before[at] : 0;
            for (int i = 0; column < n && i < k; ++i)
              expected += static_cast<double>(x[row * kLdX + from + i]) * w[column * kLdW + from + i];
            ASSERT_NEAR(sums[at], expected, 1e-4) << "row " << row << ", column " << column;
          }
      }
}
INSTANTIATE_TEST_SUITE_P(Sums, DnnlMatmulShapes, testing::Bool(),
                         [](const auto& sums) { return sums.param ? "added" : "written"; });

}  // namespace
}  // namespace mone::cpu
