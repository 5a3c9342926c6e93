// One encoder block on the CPU backend: every instruction set and oneDNN, both types, one to five experts of
// any width, against plain loops; and the same bits whatever shares the batch and however many threads there
// are.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <random>

#include "engine/backend/onednn/backend.h"
#include "engine/bf16.h"

namespace mone::cpu {
namespace {

struct Run {
  std::string isa;
  DType dtype;
};

std::vector<Run> runs() {
  std::vector<Run> all;
  for (const Kernels* kernels : usable_kernels()) {
    all.push_back({kernels->isa, DType::kF32});
    if (kernels->has_bf16) all.push_back({kernels->isa, DType::kBf16});
    if (kernels->has_int8) all.push_back({kernels->isa, DType::kInt8});
  }
  all.push_back({"onednn", DType::kF32});
  if (usable_kernels().front()->has_bf16) all.push_back({"onednn", DType::kBf16});
  return all;
}

std::unique_ptr<CpuBackend> make_backend(const Run& run, int threads) {
  Isa isa{usable_kernels().front(), true, true};
  for (const Kernels* kernels : usable_kernels())
    if (run.isa == kernels->isa) isa = {kernels, false, false};
  return std::make_unique<CpuBackend>(BackendOptions{run.dtype, threads, true}, isa);
}

std::vector<float> noise(int count, unsigned seed, float scale = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, scale);
  std::vector<float> values(count);
  for (float& v : values) v = normal(random);
  return values;
}

TensorView view(const std::vector<float>& values, Shape shape) {
  return {ElementType::kF32, std::move(shape), reinterpret_cast<const std::byte*>(values.data())};
}

// A block's weights in f32, shared by the backends and the plain loops.
struct Block {
  int D, H, E;
  std::vector<float> norm_w, norm_b, qkv, qkv_b, proj, proj_b, fc1, fc1_b, fc2, fc2_b;

  Block(int width, int heads, int experts) : D(width), H(heads), E(experts) {
    const float scale = 1 / std::sqrt(static_cast<float>(D));
    norm_w = noise(D, 1), norm_b = noise(D, 2, 0.1f);
    qkv = noise(3 * D * D, 3, scale), qkv_b = noise(3 * D, 4, 0.1f);
    proj = noise(D * D, 5, scale), proj_b = noise(D, 6, 0.1f);
    fc1 = noise(4 * D * D, 7, scale), fc1_b = noise(4 * D, 8, 0.1f);
    fc2 = noise(4 * D * D, 9, scale / 2), fc2_b = noise(D, 10, 0.1f);
  }
};

std::vector<float> run_block(CpuBackend& backend, const Block& b, const RowPlan& plan,
                             const std::vector<float>& x) {
  const int D = b.D, rows = plan.rows();
  backend.reserve(rows, plan.rows_per_item(), D, b.H);
  const auto norm = backend.prepare(NormSpec{view(b.norm_w, {D}), view(b.norm_b, {D}), 1e-6});
  const auto qkv =
      backend.prepare(LinearSpec{view(b.qkv, {3 * D, D}), view(b.qkv_b, {3 * D}), Nesting::kInput, b.E});
  const auto proj =
      backend.prepare(LinearSpec{view(b.proj, {D, D}), view(b.proj_b, {D}), Nesting::kOutput, b.E});
  const auto fc1 =
      backend.prepare(LinearSpec{view(b.fc1, {4 * D, D}), view(b.fc1_b, {4 * D}), Nesting::kInput, b.E});
  const auto fc2 =
      backend.prepare(LinearSpec{view(b.fc2, {D, 4 * D}), view(b.fc2_b, {D}), Nesting::kOutput, b.E});
  const auto residual = backend.make_buffer(rows * D, Store::kF32);
  const auto u = backend.make_buffer(rows * D, Store::kOperand),
             h = backend.make_buffer(rows * 4 * D, Store::kOperand);
  backend.upload(x, 0, *residual);
  backend.normalise(*norm, *residual, plan, *u);
  backend.expand(*qkv, *u, plan, Epilogue::kNone, *h);
  backend.attend({h.get(), 0, 3 * D}, plan, {h.get(), D, 3 * D}, {h.get(), 2 * D, 3 * D}, plan, b.H, D, *u);
  backend.contract(*proj, *u, plan, {}, *residual);
  backend.normalise(*norm, *residual, plan, *u);
  backend.expand(*fc1, *u, plan, Epilogue::kGeluTanh, *h);
  backend.contract(*fc2, *h, plan, {}, *residual);
  std::vector<float> out(x.size());
  backend.download(*residual, 0, out);
  return out;
}

// y [rows, n] = x W^T + b; a row of expert j reads (inputs) or writes (else) its first d_j features.
std::vector<float> linear(const std::vector<float>& x, const std::vector<float>& w,
                          const std::vector<float>& bias, int k, const RowPlan& plan, bool inputs) {
  const int n = static_cast<int>(bias.size());
  std::vector<float> y(plan.rows() * n);
  for (int r = 0; r < plan.rows(); ++r) {
    const int depth = inputs ? expert_width(plan.expert_of(r), plan.experts(), k) : k;
    const int outputs = inputs ? n : expert_width(plan.expert_of(r), plan.experts(), n);
    for (int o = 0; o < outputs; ++o) {
      double sum = bias[o];
      for (int i = 0; i < depth; ++i) sum += static_cast<double>(x[r * k + i]) * w[o * k + i];
      y[r * n + o] = static_cast<float>(sum);
    }
  }
  return y;
}

std::vector<float> plain_norm(const Block& b, const std::vector<float>& x) {
  std::vector<float> y(x.size());
  for (std::size_t row = 0; row < x.size(); row += b.D) {
    double mean = 0, variance = 0;
    for (int i = 0; i < b.D; ++i) mean += x[row + i] / b.D;
    for (int i = 0; i < b.D; ++i) variance += std::pow(x[row + i] - mean, 2) / b.D;
    for (int i = 0; i < b.D; ++i)
      y[row + i] =
          static_cast<float>((x[row + i] - mean) / std::sqrt(variance + 1e-6) * b.norm_w[i] + b.norm_b[i]);
  }
  return y;
}

std::vector<float> plain_block(const Block& b, const RowPlan& plan, std::vector<float> x) {
  const int D = b.D, dh = D / b.H;
  const std::vector<float> qkv = linear(plain_norm(b, x), b.qkv, b.qkv_b, D, plan, true);
  std::vector<float> a(x.size());
  for (int item = 0; item < plan.items(); ++item) {
    std::vector<int> members;
    for (const Segment& s : plan.segments(item))
      for (int i = 0; i < s.count; ++i) members.push_back(s.begin + i);
    for (const int row : members)
      for (int head = 0; head < D; head += dh) {
        std::vector<double> p;
        double sum = 0;
        for (const int key : members) {
          double s = 0;
          for (int i = head; i < head + dh; ++i) s += qkv[row * 3 * D + i] * qkv[key * 3 * D + D + i];
          sum += p.emplace_back(std::exp(s / std::sqrt(dh)));
        }
        for (std::size_t j = 0; j < members.size(); ++j)
          for (int i = head; i < head + dh; ++i)
            a[row * D + i] += p[j] / sum * qkv[members[j] * 3 * D + 2 * D + i];
      }
  }
  const auto add = [&](const std::vector<float>& y) {
    for (std::size_t i = 0; i < x.size(); ++i) x[i] += y[i];
  };
  add(linear(a, b.proj, b.proj_b, D, plan, false));
  std::vector<float> h = linear(plain_norm(b, x), b.fc1, b.fc1_b, D, plan, true);
  for (float& v : h)
    v = static_cast<float>(0.5 * v * (1 + std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v))));
  add(linear(h, b.fc2, b.fc2_b, 4 * D, plan, false));
  return x;
}

// Against sums in double on weights and rows that were not rounded.
float tolerance_of(DType dtype) {
  return dtype == DType::kF32 ? 1e-4f : dtype == DType::kBf16 ? 0.08f : 0.2f;
}

class OnednnBlock : public testing::TestWithParam<Run> {
  void SetUp() override {
    const char* told = std::getenv("DNNL_MAX_CPU_ISA");
    if (told && GetParam().isa == "onednn" && GetParam().dtype == DType::kBf16)
      GTEST_SKIP() << "oneDNN 2 has bf16 from AVX-512 on, and is told to do with " << told;
  }
};

TEST_P(OnednnBlock, MatchesPlainLoopsForOneToFiveExpertsOfAnyWidth) {
  struct {
    int width, heads;
    Counts counts;
    int experts;
    ClsRow cls;
  } cases[] = {
      {32, 2, {5}, 1, ClsRow::kNone},
      {24, 2, {7, 6}, 2, ClsRow::kApart},
      {48, 3, {5, 0, 14}, 3, ClsRow::kCounted},
      {64, 4, {20, 9, 0, 1}, 4, ClsRow::kApart},
      {128, 4, {0, 0, 0, 23}, 4, ClsRow::kApart},
      {128, 4, {23, 0, 0, 0}, 4, ClsRow::kNone},
      {80, 5, {4, 3, 6, 0, 2}, 5, ClsRow::kApart},
      {160, 2, {1, 0, 0, 0, 0}, 5, ClsRow::kApart},
  };
  for (const auto& c : cases) {
    const Block block(c.width, c.heads, c.experts);
    RowPlan plan(2, c.experts);
    const std::vector<Counts> counts{c.counts, c.counts};
    plan.lay_out(counts, c.cls);
    const std::vector<float> x = noise(plan.rows() * c.width, 20), expected = plain_block(block, plan, x);
    const std::vector<float> got = run_block(*make_backend(GetParam(), 2), block, plan, x);
    const float tolerance = tolerance_of(GetParam().dtype);
    for (std::size_t i = 0; i < x.size(); ++i)
      ASSERT_NEAR(got[i], expected[i], tolerance)
          << "width " << c.width << ", row " << i / c.width << ", expert "
          << plan.expert_of(static_cast<int>(i) / c.width);
  }
}

TEST_P(OnednnBlock, EveryRowCountWorks) {
  const Block block(64, 2, 2);
  for (int rows = 1; rows <= 40; rows += rows < 14 ? 1 : 13) {
    RowPlan plan(1, 2);
    const std::vector<Counts> counts{{rows - rows / 3, rows / 3}};
    plan.lay_out(counts, ClsRow::kNone);
    const std::vector<float> x = noise(rows * 64, 21), expected = plain_block(block, plan, x);
    const std::vector<float> got = run_block(*make_backend(GetParam(), 1), block, plan, x);
    const float tolerance = tolerance_of(GetParam().dtype);
    for (std::size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(got[i], expected[i], tolerance) << rows << " rows";
  }
}

TEST_P(OnednnBlock, AnItemHasTheSameBitsAloneAndAmongOthersOnAnyNumberOfThreads) {
  const int D = 96;
  const Block block(D, 3, 3);
  const std::vector<Counts> counts{{9, 5, 3}, {0, 1, 16}, {17, 0, 0}};
  RowPlan together(3, 3);
  together.lay_out(counts, ClsRow::kApart);
  const std::vector<float> x = noise(together.rows() * D, 22);
  const std::vector<float> all = run_block(*make_backend(GetParam(), 1), block, together, x);
  for (const int threads : {2, 3})
    ASSERT_EQ(all, run_block(*make_backend(GetParam(), threads), block, together, x))
        << threads << " threads";
  for (int item = 0; item < 3; ++item) {
    RowPlan alone(1, 3);
    alone.lay_out(std::span(counts).subspan(item, 1), ClsRow::kApart);
    std::vector<float> own, expected;
    for (const Segment& s : together.segments(item)) {
      own.insert(own.end(), x.begin() + s.begin * D, x.begin() + (s.begin + s.count) * D);
      expected.insert(expected.end(), all.begin() + s.begin * D, all.begin() + (s.begin + s.count) * D);
    }
    ASSERT_EQ(expected, run_block(*make_backend(GetParam(), 2), block, alone, own)) << "item " << item;
  }
}

INSTANTIATE_TEST_SUITE_P(EveryIsa, OnednnBlock, testing::ValuesIn(runs()),
                         [](const auto& test) { return test.param.isa + "_" + to_name(test.param.dtype); });

}  // namespace
}  // namespace mone::cpu
