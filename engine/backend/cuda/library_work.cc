// What the backend hands to a library, and when.
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <numeric>

#include "engine/backend/cuda/backend.h"
#include "engine/backend/cuda/choices.h"
#include "engine/backend/cuda/kernels/finish_sums.h"
#include "engine/log.h"

namespace mone::cuda {
namespace {

// A plan of cuDNN holds compiled code, one of cuBLASLt a few hundred bytes; batches have many row counts.
constexpr std::size_t kAttentionPlans = 64, kProductPlans = 1024;

/// What a staircase product is to a library: a plain product for each expert's rows.
struct Step {
  int begin = 0, rows = 0, inputs = 0, outputs = 0;
};

std::array<Step, kMaxStairs> steps_of(const Product& p, int& count) {
  std::array<Step, kMaxStairs> steps;
  count = 0;
  if (p.narrow == Narrow::kNothing) {
    steps[count++] = {0, p.rows, p.inputs, p.outputs};
    return steps;
  }
  for (int expert = p.stairs.experts - 1; expert >= 0; --expert) {
    const int begin = p.stairs.rows_from[expert + 1], rows = p.stairs.rows_from[expert] - begin;
    if (rows == 0) continue;
    steps[count++] = {begin, rows, p.narrow == Narrow::kInput ? p.stairs.width_of(begin, p.inputs) : p.inputs,
                      p.narrow == Narrow::kOutput ? p.stairs.width_of(begin, p.outputs) : p.outputs};
  }
  return steps;
}

AttentionShape shape_of(const Attention& a, bool bf16) {
  const auto rows = [](int stride, int count) { return RowStrides{stride, std::int64_t{stride} * count}; };
  AttentionShape shape;
  shape.bf16 = bf16;
  shape.items = a.items, shape.heads = a.heads, shape.queries = a.queries, shape.keys = a.keys;
  shape.head_width = a.head_width;
  shape.q = rows(a.q_stride, a.queries);
  shape.k = rows(a.k_stride, a.keys);
  shape.v = rows(a.v_stride, a.keys);
  shape.out = rows(a.width, a.queries);
  return shape;
}

/// Opens a library unless there is a reason not to, and says in `why_not` if it could not be.
template <class Library, class Open>
void take(std::optional<LibraryPlans<Library>>& plans, std::string& why_not, Open&& open, std::size_t limit,
          LogLine log) {
  if (!why_not.empty()) return;
  auto library = open();
  if (library)
    plans.emplace(std::move(library).value(), limit, std::move(log));
  else
    why_not = library.error().text;
}

}  // namespace

void CudaBackend::log(const std::string& line) const {
  if (log_) log_(kLogInfo, "cuda: " + line);
}

void CudaBackend::open_libraries(const BackendOptions& options) {
  const AttentionChoice attention = attention_choice();
  const ProductChoice products = product_choice();
  const auto say = [this](const std::string& line) { log(line); };
  if (products == ProductChoice::kWgmma) {
    const std::string why_not = why_no_wgmma(runtime_->device(), options);
    warpgroups_ = why_not.empty();
    if (!warpgroups_) log("products by mma, not wgmma: " + why_not);
  }
  if (products == ProductChoice::kCublasLt) {
    std::string why_not = why_no_cublaslt(options);
    take(
        products_, why_not, [this] { return runtime_->product_library(); }, kProductPlans, say);
    log(products_ ? "products by " + products_->name() : "products by mma, not cuBLASLt: " + why_not);
  }
  if (attention != AttentionChoice::kOwn) {
    std::string why_not = why_no_cudnn(runtime_->device(), options);
    take(
        attention_, why_not, [this] { return runtime_->attention_library(); }, kAttentionPlans, say);
    compare_attention_ = attention_ && attention == AttentionChoice::kAuto;
    log(attention_ ? "attention by " + attention_->name()
                   : "attention by our own kernel, not cuDNN: " + why_not);
  }
}

bool CudaBackend::attend_by_library(const Attention& a, const What& what) {
  if (!attention_) return false;
  const AttentionShape shape = shape_of(a, operand_ == Operand::kBf16);
  const auto plan = attention_->find(shape);
  if (!plan) return false;
  void* const workspace = grown(workspace_, plan->workspace_bytes(), what).as();
  if (recording_) record_->kept.push_back(plan);
  if (record_ && !recording_ && std::ranges::find(record_->attentions, shape) == record_->attentions.end())
    record_->attentions.push_back(shape);
  runtime_->launch([&](void* stream) { return plan->run(a.q, a.k, a.v, a.out, workspace, stream); }, what);
  return true;
}

bool CudaBackend::multiply_by_library(const Product& p, const What& what) {
  if (!products_) return false;
  int count = 0;
  const auto steps = steps_of(p, count);
  std::array<std::shared_ptr<ProductPlan>, kMaxStairs> plans;
  std::size_t workspace_bytes = 0;
  for (int i = 0; i < count; ++i) {
    const Step& step = steps[i];
    plans[i] = products_->find(
        {operand_ == Operand::kBf16, step.rows, step.outputs, step.inputs, p.ldx, p.ldw, p.outputs});
    if (!plans[i]) return false;
    workspace_bytes = std::max(workspace_bytes, plans[i]->workspace_bytes());
    if (recording_) record_->kept.push_back(plans[i]);
  }
  float* const sums =
      grown(sums_, static_cast<std::size_t>(p.rows) * p.outputs * sizeof(float), what).as<float>();
  void* const workspace = grown(workspace_, workspace_bytes, what).as();
  for (int i = 0; i < count; ++i) {
    const std::ptrdiff_t begin = steps[i].begin;
    const auto* x =
        static_cast<const std::byte*>(p.x) + begin * p.ldx * static_cast<std::ptrdiff_t>(bytes_of(operand_));
    runtime_->launch(
        [&](void* stream) { return plans[i]->run(x, p.w, sums + begin * p.outputs, workspace, stream); },
        what);
  }
  with_operand(operand_, [&](auto tag) {
    using T = decltype(tag);
    if constexpr (sizeof(T) == 2) {
      const FinishSums<T> finish{p, sums};
      runtime_->launch(kernel_of<FinishSums<T>>(), finish.grid(p), 0, &finish, what);
    }
  });
  return true;
}

void CudaBackend::compare_attention(int rows, int width, int heads) {
  using Clock = std::chrono::steady_clock;
  constexpr int kRuns = 10;
  const What what{"comparing attention", rows, width, heads};
  const std::size_t row_bytes = static_cast<std::size_t>(width) * bytes_of(operand_);
  const DeviceMemory operands(*runtime_, 3 * rows * row_bytes, what), out(*runtime_, rows * row_bytes, what);
  runtime_->zero(operands.as(), operands.bytes(), what);
  Attention a;
  a.q = operands.as(), a.k = operands.as<std::byte>() + row_bytes,
  a.v = operands.as<std::byte>() + 2 * row_bytes;
  a.q_stride = a.k_stride = a.v_stride = 3 * width;
  a.out = out.as();
  a.width = width, a.items = 1, a.heads = heads, a.queries = a.keys = rows, a.head_width = width / heads;
  a.scale = 1 / std::sqrt(static_cast<float>(a.head_width));
  ints_.resize(rows);
  std::iota(ints_.begin(), ints_.end(), 0);
  a.rows = a.q_rows = table<int>(ints_);
  const auto microseconds = [&](auto&& run) {
    double best = 0;
    for (int round = 0; round < 4; ++round) {  // the first one warms up
      wait(what);
      const auto begin = Clock::now();
      for (int i = 0; i < kRuns; ++i) run();
      wait(what);
      const double us = std::chrono::duration<double, std::micro>(Clock::now() - begin).count() / kRuns;
      if (round == 1 || (round > 1 && us < best)) best = us;
    }
    return best;
  };
  const bool can = attend_by_library(a, what);
  const double library = can ? microseconds([&] { attend_by_library(a, what); }) : 0;
  const double ours = microseconds([&] { attend_here(a, what); });
  const bool take = can && library < ours;
  log("attention of " + std::to_string(rows) +
      " rows: " + (can ? attention_->name() + " " + std::to_string(library) + " us, " : "") + "our kernel " +
      std::to_string(ours) + " us: " + (take ? "the library's" : "ours"));
  if (!take) attention_.reset();
}

}  // namespace mone::cuda
