// The CPU kernels of every instruction set this machine has, against plain loops in double.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "engine/backend/onednn/isa.h"
#include "engine/backend/onednn/memory.h"
#include "engine/bf16.h"
#include "engine/int8.h"

namespace mone::cpu {
namespace {

template <class T>
float value(T x) {
  if constexpr (sizeof(T) == 2)
    return bf16_to_float(static_cast<std::uint16_t>(x));
  else
    return x;
}

template <class T>
T rounded(float x) {
  if constexpr (sizeof(T) == 2)
    return T{float_to_bf16(x)};
  else
    return x;
}

template <class T>
const KernelsFor<T>& kernels_for(const Kernels& kernels) {
  if constexpr (sizeof(T) == 2)
    return kernels.bf16;
  else
    return kernels.f32;
}

int round_up(int x, int to) { return (x + to - 1) / to * to; }

template <class T>
std::vector<T> noise(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<T> values(count);
  for (T& v : values) v = rounded<T>(normal(random));
  return values;
}

// Relative to the size of the sums: f32 sums of up to 100 products, or one rounding to bf16.
template <class T>
constexpr double kTolerance = sizeof(T) == 2 ? 0.01 : 2e-5;

double gelu_tanh(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}
double gelu_erf(double x) { return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0))); }

template <class T>
struct Case {
  int rows, n, k;
  std::ptrdiff_t ldx;
  std::vector<T> x;
  std::vector<float> weight, bias;
  Memory panels;

  Case(const Kernels& kernels, int rows_, int n_, int k_)
      : rows(rows_), n(n_), k(k_), ldx((k_ + 1) / 2 * 2 + 4) {
    x = noise<T>(rows * ldx, 1);
    for (int r = 0; r < rows; ++r)
      for (int i = k; i < ldx; ++i) x[r * ldx + i] = T{};
    weight = noise<float>(n * k, 2);
    const int panel = kernels.panel, count = (n + panel - 1) / panel;
    const int padded = round_up(round_up(k, 2), kernels_for<T>(kernels).k_block);
    bias = noise<float>(n, 3);
    bias.resize(count * panel);
    panels = Memory(sizeof(T) * count * panel * padded);
    for (int p = 0; p < count; ++p)
      kernels_for<T>(kernels).pack_panel(weight.data() + p * panel * k, k, std::min(panel, n - p * panel), k,
                                         padded, panels.as<T>() + p * panel * padded);
  }

  Product product() const {
    Product p;
    p.x = x.data();
    p.ldx = ldx;
    p.panels = panels.as<>();
    p.k = (k + 1) / 2 * 2;
    p.n = n;
    p.bias = bias.data();
    return p;
  }
  double sum(int row, int column, int depth) const {
    double s = 0;
    for (int i = 0; i < depth; ++i)
      s += static_cast<double>(value(x[row * ldx + i])) * value(rounded<T>(weight[column * k + i]));
    return s;
  }
};

class OnednnKernels : public testing::TestWithParam<const Kernels*> {
 protected:
  const Kernels& kernels() const { return *GetParam(); }
  template <class Check>
  void for_each_type(Check check) {
    check(float{});
    if (kernels().has_bf16) check(Bf16{});
  }
};

TEST_P(OnednnKernels, ProductsOfAnyShapeMatchPlainSums) {
  for_each_type([&](auto type) {
    using T = decltype(type);
    for (int rows = 1; rows <= kernels_for<T>(kernels()).tile_rows; ++rows)
      for (const auto& [n, k] : {std::pair{1, 1}, {5, 3}, {16, 16}, {33, 24}, {40, 97}, {70, 64}}) {
        const Case<T> c(kernels(), rows, n, k);
        std::vector<float> out(rows * n, -1);
        Product p = c.product();
        p.out = out.data();
        p.ldo = n;
        p.out_f32 = true;
        const RowTile tile{0, rows, k};
        kernels_for<T>(kernels()).product(p, &tile, 1, 0, (n + kernels().panel - 1) / kernels().panel);
        for (int r = 0; r < rows; ++r)
          for (int o = 0; o < n; ++o)
            ASSERT_NEAR(out[r * n + o], c.sum(r, o, k) + c.bias[o], 2e-5 * (1 + std::sqrt(k)))
                << rows << " " << n << " " << k;
      }
  });
}

TEST_P(OnednnKernels, RowsReadTheirOwnWidthAndWriteTheirOwnWidth) {
  for_each_type([&](auto type) {
    using T = decltype(type);
    const int rows = 5, n = 72, k = 72;
    const std::vector<int> widths{72, 36, 36, 18, 9};
    Case<T> c(kernels(), rows, n, k);
    for (int r = 0; r < rows; ++r)
      for (int i = widths[r]; i < k; ++i) c.x[r * c.ldx + i] = T{};
    const std::vector<RowTile> tiles{{0, 1, 72}, {1, 3, 36}, {4, 1, 9}};
    const std::vector<float> gate{1, 2, 0.5f, -1, 3};
    const int panels = (n + kernels().panel - 1) / kernels().panel;

    std::vector<float> out(rows * n);
    Product in = c.product();
    in.nested_inputs = true;
    in.out = out.data();
    in.ldo = n;
    in.out_f32 = true;
    kernels_for<T>(kernels()).product(in, tiles.data(), 3, 0, panels);
    std::vector<float> residual(rows * n, 10);
    Product narrow = c.product();
    narrow.nested_outputs = true;
    narrow.widths = widths.data();
    narrow.finish = Finish::kResidual;
    narrow.gate = gate.data();
    narrow.out = residual.data();
    narrow.ldo = n;
    kernels_for<T>(kernels()).product(narrow, tiles.data(), 3, 0, panels);
    for (int r = 0; r < rows; ++r)
      for (int o = 0; o < n; ++o) {
        ASSERT_NEAR(out[r * n + o], c.sum(r, o, widths[r]) + c.bias[o], 2e-4);
        ASSERT_NEAR(residual[r * n + o], o < widths[r] ? 10 + gate[r] * (c.sum(r, o, k) + c.bias[o]) : 10,
                    5e-4);
      }
  });
}

TEST_P(OnednnKernels, GeluErrorIsBelowAMillionth) {
  // No inputs, only bias: the product hands its bias to the activation.
  const int n = 4096;
  std::vector<float> x(n), panels(2 * n), out(n);
  for (int i = 0; i < n; ++i) x[i] = static_cast<float>(i - n / 2) * 12 / (n / 2);
  const std::vector<float> input(2);
  for (const Finish finish : {Finish::kGeluTanh, Finish::kGeluErf}) {
    Product p;
    p.x = input.data();
    p.ldx = p.k = 2;
    p.panels = panels.data();
    p.n = p.ldo = n;
    p.bias = x.data();
    p.finish = finish;
    p.out = out.data();
    const RowTile tile{0, 1, 2};
    kernels().f32.product(p, &tile, 1, 0, n / kernels().panel);
    for (int i = 0; i < n; ++i)
      ASSERT_NEAR(out[i], finish == Finish::kGeluErf ? gelu_erf(x[i]) : gelu_tanh(x[i]), 1e-6) << x[i];
  }
}

TEST_P(OnednnKernels, LayerNormZeroesWhatARowDoesNotRead) {
  for_each_type([&](auto type) {
    using T = decltype(type);
    for (const int columns : {1, 6, 17, 64, 100}) {
      const int rows = 3;
      const std::vector<int> widths{columns, (columns + 1) / 2, 1};
      const std::vector<float> x = noise<float>(rows * columns, 4), weight = noise<float>(columns, 5),
                               bias = noise<float>(columns, 6);
      const int ldo = columns + 8;
      std::vector<T> out(rows * ldo, rounded<T>(7));
      LayerNorm n;
      n.x = x.data();
      n.ldx = n.columns = columns;
      n.weight = weight.data();
      n.bias = bias.data();
      n.eps = 1e-6f;
      n.out = out.data();
      n.ldo = ldo;
      n.widths = widths.data();
      kernels_for<T>(kernels()).layer_norm(n, 0, rows);
      for (int r = 0; r < rows; ++r) {
        double mean = 0, variance = 0;
        for (int i = 0; i < columns; ++i) mean += x[r * columns + i] / columns;
        for (int i = 0; i < columns; ++i) variance += std::pow(x[r * columns + i] - mean, 2) / columns;
        for (int i = 0; i < ldo; ++i) {
          const double expected =
              i < widths[r] ? (x[r * columns + i] - mean) / std::sqrt(variance + 1e-6) * weight[i] + bias[i]
                            : 0;
          ASSERT_NEAR(value(out[r * ldo + i]), expected, kTolerance<T> * (1 + std::abs(expected)))
              << columns << " columns, row " << r << ", column " << i;
        }
      }
    }
  });
}

TEST_P(OnednnKernels, LayerNormDoesNotReadATailWhoseMomentsAreKnown) {
  for_each_type([&](auto type) {
    using T = decltype(type);
    for (const int columns : {2, 17, 64, 100, 768}) {
      const std::vector<int> widths{columns, (columns + 1) / 2, columns / 8 + 1};
      const int rows = static_cast<int>(widths.size());
      std::vector<float> x = noise<float>(rows * columns, 4);
      // A mean far from 0 and a tail unlike the head: a sloppy merge would lose the variance.
      for (int i = 0; i < rows * columns; ++i) x[i] += i % columns < columns / 2 ? 30.0f : 34.0f;
      const std::vector<float> weight = noise<float>(columns, 5), bias = noise<float>(columns, 6);
      std::vector<T> whole(rows * columns), merged(rows * columns);
      LayerNorm n;
      n.x = x.data();
      n.ldx = n.columns = n.ldo = columns;
      n.weight = weight.data();
      n.bias = bias.data();
      n.eps = 1e-6f;
      n.widths = widths.data();
      n.out = whole.data();
      kernels_for<T>(kernels()).layer_norm(n, 0, rows);
      std::vector<Moments> tails(rows);
      for (int r = 0; r < rows; ++r) {
        float* tail = x.data() + r * columns + widths[r];
        if (widths[r] < columns) tails[r] = kernels().moments(tail, columns - widths[r]);
        std::fill_n(tail, columns - widths[r], std::numeric_limits<float>::quiet_NaN());
      }
      n.tails = tails.data();
      n.out = merged.data();
      kernels_for<T>(kernels()).layer_norm(n, 0, rows);
      for (int i = 0; i < rows * columns; ++i)
        ASSERT_NEAR(value(merged[i]), value(whole[i]), 2 * kTolerance<T> * (1 + std::abs(value(whole[i]))))
            << columns << " columns, row " << i / columns << ", column " << i % columns;
    }
  });
}

TEST_P(OnednnKernels, AttentionMatchesPlainSoftmaxOverScatteredRows) {
  for_each_type([&](auto type) {
    using T = decltype(type);
    for (const auto& [head_width, keys] :
         {std::pair{1, 2}, {7, 1}, {16, 50}, {48, 13}, {64, 33}, {80, 197}}) {
      const int rows = 2 * keys + 3, ld = head_width + 3;
      const auto q = noise<T>(rows * ld, 7), k = noise<T>(rows * ld, 8), v = noise<T>(rows * ld, 9);
      std::vector<T> out(rows * ld);
      const int head = keys / 3;
      std::vector<RowRun> runs{{keys + 1, keys - head}};
      if (head > 0) runs.push_back({0, head});
      Memory scratch(kernels().attention_scratch(keys, head_width));
      Attention a;
      a.q = q.data(), a.k = k.data(), a.v = v.data(), a.out = out.data();
      a.ldq = a.ldk = a.ldv = a.ldo = ld;
      a.q_runs = a.kv_runs = runs.data();
      a.q_run_count = a.kv_run_count = static_cast<int>(runs.size());
      a.keys = keys;
      a.head_width = head_width;
      a.scale = 1 / std::sqrt(static_cast<float>(head_width));
      a.scratch = scratch.as<>();
      kernels_for<T>(kernels()).attention(a);
      std::vector<int> members;
      for (const RowRun& run : runs)
        for (int i = 0; i < run.rows; ++i) members.push_back(run.row + i);
      for (const int row : members) {
        std::vector<double> p;
        double sum = 0;
        for (const int key : members) {
          double s = 0;
          for (int i = 0; i < head_width; ++i)
            s += static_cast<double>(value(q[row * ld + i])) * value(k[key * ld + i]);
          sum += p.emplace_back(std::exp(s * a.scale));
        }
        for (int i = 0; i < head_width; ++i) {
          double expected = 0;
          for (int j = 0; j < keys; ++j) expected += p[j] / sum * value(v[members[j] * ld + i]);
          ASSERT_NEAR(value(out[row * ld + i]), expected, kTolerance<T> * (1 + std::abs(expected)))
              << keys << " keys, width " << head_width << ", row " << row;
        }
      }
    }
  });
}

TEST_P(OnednnKernels, NotANumberIsNotHidden) {
  const Case<float> c(kernels(), 1, 4, 8);
  std::vector<float> x = c.x, out(4);
  x[3] = std::nanf("");
  for (const Finish finish : {Finish::kStore, Finish::kGeluTanh, Finish::kGeluErf, Finish::kResidual}) {
    Product p = c.product();
    p.x = x.data();
    p.finish = finish;
    p.out = out.data();
    p.ldo = 4;
    const RowTile tile{0, 1, 8};
    std::fill(out.begin(), out.end(), 0.0f);
    kernels().f32.product(p, &tile, 1, 0, 1);
    EXPECT_TRUE(std::isnan(out[0]) && std::isnan(out[3]));
  }
}

class OnednnInt8Kernels : public OnednnKernels {};

// Sums of whole numbers are exact, and what becomes of them is defined to the bit (engine/int8.h).
TEST_P(OnednnInt8Kernels, ProductsOfAnyShapeAreThoseOfTheDefinition) {
  const int panel = kernels().panel;
  for (const auto& [most_rows, n, k] :
       {std::tuple{1, 1, 1}, {3, 5, 3}, {12, 33, 16}, {7, 40, 97}, {5, 70, 64}, {32, 33, 200}}) {
    const int rows = std::min(most_rows, kernels().int8.tile_rows);
    const int padded = round_up(k, kernels().int8.k_block), panels = (n + panel - 1) / panel,
              ldo = (k + 4 + 63) / 64 * 64;
    const std::vector<Bf16> x = noise<Bf16>(rows * k, 11);
    const std::vector<float> weight = noise<float>(n * k, 12);
    std::vector<float> x_float(x.size()), whole(n * k), scales(panels * panel), bias(panels * panel, 0.5f);
    for (std::size_t i = 0; i < x.size(); ++i) x_float[i] = value(x[i]);
    std::vector<std::int8_t> q(k), w(n * k);
    std::vector<std::int32_t> offsets(panels * panel);
    for (int o = 0; o < n; ++o) {
      scales[o] = quantise({weight.data() + o * k, std::size_t(k)}, w.data() + o * k);
      for (int i = 0; i < k; ++i) offsets[o] += 128 * w[o * k + i], whole[o * k + i] = w[o * k + i];
    }
    std::vector<Int8> packed(panels * panel * padded), operand(rows * ldo);
    for (int p = 0; p < panels; ++p)
      kernels().int8.pack_panel(whole.data() + p * panel * k, k, std::min(panel, n - p * panel), k, padded,
                                packed.data() + p * panel * padded);
    kernels().int8.quantise(x.data(), k, k, rows, operand.data(), ldo);
    std::vector<float> out(rows * n, -1);
    Product p;
    p.x = operand.data();
    p.ldx = ldo;
    p.panels = packed.data();
    p.k = round_up(k, 4);
    p.n = p.ldo = n;
    p.bias = bias.data();
    p.scales = scales.data();
    p.offsets = offsets.data();
    p.offset_stride = panels * panel;
    p.out = out.data();
    p.out_f32 = true;
    const RowTile tile{0, rows, k};
    kernels().int8.product(p, &tile, 1, 0, panels);
    for (int r = 0; r < rows; ++r) {
      const float scale = quantise({x_float.data() + r * k, std::size_t(k)}, q.data());
      for (int o = 0; o < n; ++o) {
        std::int32_t sum = 0;
        for (int i = 0; i < k; ++i) sum += q[i] * w[o * k + i];
        ASSERT_EQ(out[r * n + o], static_cast<float>(sum) * (scale * scales[o]) + 0.5f) << n << " " << k;
      }
    }
  }
}

TEST_P(OnednnInt8Kernels, QuantisedRowsHideNeitherNothingNorNotANumber) {
  const float inf = INFINITY, nan = std::nanf("");
  for (const auto& [odd, what] : {std::pair{0.0f, "zero"}, {1e-35f, "nothing"}, {inf, "inf"}, {nan, "nan"}}) {
    std::vector<Bf16> x(20, rounded<Bf16>(odd == odd && odd < 1 ? odd : 1.0f));
    x[18] = rounded<Bf16>(odd);
    Int8 out[64];
    kernels().int8.quantise(x.data(), 20, 20, 1, out, 64);
    float scale;
    std::memcpy(&scale, out + 60, 4);
    EXPECT_EQ(std::isnan(scale), !(odd < 1)) << what;
    if (odd < 1) {
      EXPECT_EQ(scale, 0) << what;
    }
    for (int i = 0; i < 20; ++i) EXPECT_EQ(static_cast<int>(out[i]), 128) << what;
  }
}

std::vector<const Kernels*> kernels_that(bool need_int8) {
  std::vector<const Kernels*> found;
  for (const Kernels* kernels : usable_kernels())
    if (kernels->has_int8 || !need_int8) found.push_back(kernels);
  return found;
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(OnednnInt8Kernels);  // a CPU without
INSTANTIATE_TEST_SUITE_P(EveryIsa, OnednnKernels, testing::ValuesIn(kernels_that(false)),
                         [](const auto& test) { return std::string(test.param->isa); });
INSTANTIATE_TEST_SUITE_P(EveryIsa, OnednnInt8Kernels, testing::ValuesIn(kernels_that(true)),
                         [](const auto& test) { return std::string(test.param->isa); });

}  // namespace
}  // namespace mone::cpu
