// The CPU backend's kernels by shape and instruction set, on one thread, in the least processor time:
// products at the budgets of the staircase, beside oneDNN's; attention; layer norm. Prints what to compare,
// asserts nothing.
//
//     kernels_bench [ISA [WIDTH HEADS TOKENS]]      default: every ISA, 768 12 196 (FE-B)
#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "engine/backend/onednn/backend.h"

namespace mone::cpu {
namespace {

// Others on the machine cost a thread waiting time, not processor time.
double processor_ms() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec * 1e3 + t.tv_nsec * 1e-6;
}

template <class Body>
double least_ms(const Body& body) {
  body();
  std::vector<double> times;
  for (int i = 0; i < 11; ++i) {
    const double start = processor_ms();
    body();
    times.push_back(processor_ms() - start);
  }
  std::sort(times.begin(), times.end());
  return times.front();
}

std::vector<float> noise(std::size_t count, float scale) {
  static std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform(-scale, scale);
  std::vector<float> values(count);
  for (float& v : values) v = uniform(random);
  return values;
}

TensorView view(const std::vector<float>& values, Shape shape) {
  return {ElementType::kF32, std::move(shape), reinterpret_cast<const std::byte*>(values.data())};
}

struct Sizes {
  int width = 768, heads = 12, tokens = 196;
};

// Layers whose weights are read in turn, as a step does: none is in the caches when its turn comes.
constexpr int kLayers = 12;

void bench(const Sizes& s, const Isa& isa, const char* name, DType dtype) {
  const int D = s.width, rows = s.tokens + 1;
  CpuBackend backend({dtype, 1, true}, isa);
  backend.reserve(rows, rows, D, s.heads);
  const std::vector<float> weight = noise(static_cast<std::size_t>(4) * D * D,
                                          1 / std::sqrt(static_cast<float>(D))),
                           bias = noise(4 * D, 0.1f);
  const auto layers = [&](int out, int in, Nesting nesting) {
    std::vector<std::unique_ptr<Linear>> made;
    for (int i = 0; i < kLayers; ++i)
      made.push_back(backend.prepare(LinearSpec{view(weight, {out, in}), view(bias, {out}), nesting, 4}));
    return made;
  };
  const auto x = backend.make_buffer(rows * D, Store::kF32);
  const auto u = backend.make_buffer(rows * D, Store::kOperand),
             wide = backend.make_buffer(rows * 4 * D, Store::kOperand);
  backend.upload(noise(rows * D, 1), 0, *x);
  const auto norm = backend.prepare(NormSpec{view(weight, {D}), view(bias, {D}), 1e-6});
  const auto qkv = layers(3 * D, D, Nesting::kInput), fc1 = layers(4 * D, D, Nesting::kInput),
             fc2 = layers(D, 4 * D, Nesting::kOutput);
  const auto report = [&](const char* what, double budget, double gmac, double ms) {
    std::printf("%-12s %-4s %-9s budget %.2f %8.3f ms %6.0f GFLOP/s\n", name, to_name(dtype), what, budget,
                ms / kLayers, 2e3 * gmac / (ms / kLayers));
    std::fflush(stdout);
  };
  for (const double budget : {1.0, 0.5, 0.25, 0.15}) {
    RowPlan plan(1, 4);
    const Counts counts[] = {token_counts(budget, 4, s.tokens, {})};
    plan.lay_out(counts, ClsRow::kApart);
    double width_sum = 0;
    for (int row = 0; row < rows; ++row) width_sum += expert_width(plan.expert_of(row), 4, D);
    report("norm", budget, 0, least_ms([&] {
             for (int i = 0; i < kLayers; ++i) backend.normalise(*norm, *x, plan, *u);
           }));
    report("qkv", budget, width_sum * 3 * D * 1e-9, least_ms([&] {
             for (const auto& l : qkv) backend.expand(*l, *u, plan, Epilogue::kNone, *wide);
           }));
    if (budget == 1)
      report("attention", budget, 2.0 * rows * rows * D * 1e-9, least_ms([&] {
               for (int i = 0; i < kLayers; ++i)
                 backend.attend({wide.get(), 0, 3 * D}, plan, {wide.get(), D, 3 * D},
                                {wide.get(), 2 * D, 3 * D}, plan, s.heads, D, *u);
             }));
    report("fc1, gelu", budget, width_sum * 4 * D * 1e-9, least_ms([&] {
             for (const auto& l : fc1) backend.expand(*l, *u, plan, Epilogue::kGeluTanh, *wide);
           }));
    report("fc2", budget, width_sum * 4 * D * 1e-9, least_ms([&] {
             for (const auto& l : fc2) backend.contract(*l, *wide, plan, {}, *x);
           }));
  }
}

}  // namespace
}  // namespace mone::cpu

int main(int argc, char** argv) {
  using namespace mone::cpu;
  const std::string only = argc > 1 ? argv[1] : "";
  Sizes sizes;
  if (argc > 4) sizes = {std::atoi(argv[2]), std::atoi(argv[3]), std::atoi(argv[4])};
  const auto run = [&](const Isa& isa, const std::string& name) {
    if (!only.empty() && only != name) return;
    if (isa.kernels->has_int8) bench(sizes, isa, name.c_str(), mone::DType::kInt8);
    if (isa.kernels->has_bf16) bench(sizes, isa, name.c_str(), mone::DType::kBf16);
    bench(sizes, isa, name.c_str(), mone::DType::kF32);
  };
  for (const Kernels* kernels : usable_kernels()) run({kernels, false, false}, kernels->isa);
  run({usable_kernels().front(), true, true}, "onednn");
}
