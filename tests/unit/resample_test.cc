#include "engine/resample.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace mone {
namespace {

double weight(const Axis& axis, int output, int sample) {
  const int t = sample - axis.first[output];
  return t < 0 || t >= axis.taps ? 0 : axis.weights[output * axis.taps + t] / 16384.0;
}

TEST(Axis, EveryRowOfWeightsSumsToOneExactly) {
  for (const double step : {0.3, 1.0, 1.7, 11.43, 68.6}) {
    const Axis axis = make_axis(3, step, 50, 3, 3 + static_cast<int>(std::ceil(50 * step)));
    for (int o = 0; o < axis.outputs; ++o) {
      int sum = 0;
      for (int t = 0; t < axis.taps; ++t) sum += axis.weights[o * axis.taps + t];
      EXPECT_EQ(sum, 1 << kWeightBits) << "step " << step << " output " << o;
    }
  }
}

TEST(Axis, HalvingWeighsFourSamplesOneThreeThreeOne) {
  const Axis axis = make_axis(0, 2, 8, 0, 16);  // by hand: (1 - |d| / 2) at d = 1.5, .5, .5, 1.5
  EXPECT_NEAR(weight(axis, 3, 5), 1 / 8., 1e-4);
  EXPECT_NEAR(weight(axis, 3, 6), 3 / 8., 1e-4);
  EXPECT_NEAR(weight(axis, 3, 7), 3 / 8., 1e-4);
  EXPECT_NEAR(weight(axis, 3, 8), 1 / 8., 1e-4);
  EXPECT_NEAR(weight(axis, 0, 0), 3 / 7., 1e-4);  // cut at the edge, the rest weighs more
}

TEST(Axis, DoublingIsBilinear) {
  const Axis axis = make_axis(0, 0.5, 8, 0, 4);
  EXPECT_NEAR(weight(axis, 2, 0), 0.25, 1e-4);
  EXPECT_NEAR(weight(axis, 2, 1), 0.75, 1e-4);
  EXPECT_NEAR(weight(axis, 0, 0), 1, 1e-4);
}

TEST(Axis, SameSizeCopies) {
  const Axis axis = make_axis(0, 1, 5, 0, 5);
  for (int o = 0; o < 5; ++o) EXPECT_EQ(weight(axis, o, o), 1);
}

TEST(Kernels, GiveTheSameBitsWithAndWithoutSimd) {
  const ResampleKernels* simd = avx2_kernels();
  if (!simd) GTEST_SKIP() << "needs a CPU with AVX2";
  std::mt19937 random(7);
  for (const int bytes : {1, 31, 64, 65, 200, 1280}) {
    for (const int taps : {1, 2, 3, 24, 69}) {
      const Axis axis = make_axis(0, taps / 2.0, 1, 0, taps);
      std::vector<std::vector<std::uint8_t>> rows(taps, std::vector<std::uint8_t>(bytes));
      std::vector<const std::uint8_t*> pointers;
      for (auto& row : rows) {
        for (auto& b : row) b = static_cast<std::uint8_t>(random() % 3 ? random() : 255);
        pointers.push_back(row.data());
      }
      std::vector<std::int16_t> a(bytes), b(bytes);
      plain_kernels().blend(pointers.data(), axis.weights.data(), axis.count[0], bytes, a.data());
      simd->blend(pointers.data(), axis.weights.data(), axis.count[0], bytes, b.data());
      EXPECT_EQ(a, b) << bytes << " bytes, " << taps << " taps";
    }
  }
  for (const int outputs : {1, 3, 4, 112, 225}) {
    const Axis axis = make_axis(0, 5.7, outputs, 0, static_cast<int>(5.7 * outputs) + 1);
    std::vector<std::int16_t> in(axis.end + axis.taps);
    for (auto& v : in) v = static_cast<std::int16_t>(random() % 32641);
    std::vector<std::uint16_t> a(outputs), b(outputs);
    plain_kernels().gather(in.data(), axis, a.data());
    simd->gather(in.data(), axis, b.data());
    EXPECT_EQ(a, b) << outputs << " outputs";
  }
}

TEST(Kernels, WhiteStaysWhite) {
  std::vector<std::uint8_t> row(64, 255);
  std::vector<const std::uint8_t*> rows(33, row.data());
  const Axis down = make_axis(0, 16.5, 1, 0, 33), across = make_axis(0, 4, 16, 0, 64);
  std::vector<std::int16_t> blended(64 + across.taps);
  std::vector<std::uint16_t> out(16);
  best_kernels().blend(rows.data(), down.weights.data(), down.count[0], 64, blended.data());
  best_kernels().gather(blended.data(), across, out.data());
  for (const auto v : out) EXPECT_EQ(v, 255 << kSampleBits);
}

}  // namespace
}  // namespace mone
