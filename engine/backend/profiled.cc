#include "engine/backend/profiled.h"

#include <algorithm>
#include <chrono>

#include "engine/capacity.h"

namespace mone {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// What the network holds in place of the inner backend's weights: those, and their sizes.
struct ProfiledLinear : Linear {
  std::unique_ptr<Linear> inner;
  double in = 0, out = 0, weight_bytes = 0;  // bytes of one weight
  Nesting nesting = Nesting::kInput;
  int experts = 1;
};
struct ProfiledNorm : Norm {
  std::unique_ptr<Norm> inner;
  double width = 0;
};
struct ProfiledEmbedding : Embedding {
  std::unique_ptr<Embedding> inner;
  double width = 0, depth = 0, tokens = 0;
};
struct ProfiledRouter : Router {
  std::unique_ptr<Router> inner;
  double width = 0, experts = 0;
};

const ProfiledLinear& own(const Linear& linear) { return static_cast<const ProfiledLinear&>(linear); }
const ProfiledNorm& own(const Norm& norm) { return static_cast<const ProfiledNorm&>(norm); }

/// Widths of a plan's rows: the sum and the largest.
struct Widths {
  double sum = 0, largest = 0;
};
Widths widths_of(const RowPlan& plan, int experts, double full) {
  if (experts == 1 || plan.experts() == 1) return {plan.rows() * full, full};
  Widths widths;
  for (int expert = 0; expert < plan.experts(); ++expert) {
    const int rows = plan.rows_from(expert) - plan.rows_from(expert + 1);
    const double own = expert_width(expert, plan.experts(), static_cast<int>(full));
    widths.sum += rows * own;
    if (rows > 0) widths.largest = own;
  }
  return widths;
}

}  // namespace

ProfiledBackend::ProfiledBackend(Backend& inner) : inner_(inner), probe_(inner.make_buffer(1, Store::kF32)) {
  inner_.watch(true);
}
ProfiledBackend::~ProfiledBackend() { inner_.watch(false); }

template <class Call>
void ProfiledBackend::measure(StepStage stage, Work work, const Call& call) {
  if (temporal_) stage = StepStage::kTemporal;
  const Activity before = inner_.activity();
  const auto start = Clock::now();
  call();
  // A device that runs behind the caller is waited for: its answer comes after all that it was asked before.
  float value;
  inner_.download(*probe_, 0, {&value, 1});
  const double wall = seconds_since(start);
  const Activity after = inner_.activity();
  keep({stage, work.macs, work.bytes, wall,
        wall - (after.job_s - before.job_s) + (after.busy_s - before.busy_s), after.jobs - before.jobs});
}

void ProfiledBackend::keep(const Operation& operation) {
  if (next_ == operations_.size())
    operations_.push_back(operation);
  else if (operation.wall_s < operations_[next_].wall_s)
    operations_[next_] = operation;
  ++next_;
}

std::unique_ptr<Linear> ProfiledBackend::prepare(const LinearSpec& spec) {
  auto linear = std::make_unique<ProfiledLinear>();
  linear->inner = inner_.prepare(spec);
  linear->out = static_cast<double>(spec.weight.shape[0]);
  linear->in = static_cast<double>(spec.weight.shape[1]);
  linear->weight_bytes = spec.read_out ? operand_bytes() : product_bytes();
  linear->nesting = spec.nesting;
  linear->experts = spec.experts;
  return linear;
}

std::unique_ptr<Norm> ProfiledBackend::prepare(const NormSpec& spec) {
  auto norm = std::make_unique<ProfiledNorm>();
  norm->inner = inner_.prepare(spec);
  norm->width = static_cast<double>(spec.weight.count());
  return norm;
}

std::unique_ptr<Embedding> ProfiledBackend::prepare(const EmbeddingSpec& spec) {
  auto embedding = std::make_unique<ProfiledEmbedding>();
  embedding->inner = inner_.prepare(spec);
  embedding->width = static_cast<double>(spec.kernel.shape[0]);
  embedding->depth = static_cast<double>(spec.kernel.count()) / embedding->width;
  embedding->tokens = spec.tokens;
  return embedding;
}

std::unique_ptr<Router> ProfiledBackend::prepare(const RouterSpec& spec) {
  auto router = std::make_unique<ProfiledRouter>();
  router->inner = inner_.prepare(spec);
  router->experts = static_cast<double>(spec.weight.shape[0]);
  router->width = static_cast<double>(spec.weight.shape[1]);
  return router;
}

std::unique_ptr<Buffer> ProfiledBackend::make_buffer(std::int64_t elements, Store store) {
  return inner_.make_buffer(elements, store);
}
std::unique_ptr<Routing> ProfiledBackend::make_routing(int max_rows, int experts) {
  return inner_.make_routing(max_rows, experts);
}
void ProfiledBackend::reserve(int max_rows, int max_rows_per_item, int width, int heads) {
  inner_.reserve(max_rows, max_rows_per_item, width, heads);
}

bool ProfiledBackend::begin_step(std::span<const int>, const StepArguments& arguments) {
  return inner_.begin_step({}, arguments);  // operations that are to be timed one by one cannot be a record
}
void ProfiledBackend::end_step() { inner_.end_step(); }

void ProfiledBackend::abort_step() noexcept { inner_.abort_step(); }

void ProfiledBackend::embed(const Embedding& embedding, std::span<const PixelRef> tubelets, Buffer& rows) {
  const auto& e = static_cast<const ProfiledEmbedding&>(embedding);
  const double tokens = e.tokens * static_cast<double>(tubelets.size());
  temporal_ = false;
  measure(StepStage::kEmbed,
          {tokens * e.width * e.depth, operand_bytes() * e.width * e.depth +
                                           tokens * (e.depth * (1 + 2 * operand_bytes()) + 12 * e.width)},
          [&] { inner_.embed(*e.inner, tubelets, rows); });
}

void ProfiledBackend::assemble(const Buffer& cls_pos, bool has_cls, std::span<const RowRef> sources,
                               int items, int width, Buffer& rows) {
  temporal_ = true;
  measure(StepStage::kTemporal, {0, 12.0 * width * static_cast<double>(sources.size())},
          [&] { inner_.assemble(cls_pos, has_cls, sources, items, width, rows); });
}

void ProfiledBackend::route(const Router* router, const Buffer& rows, const RowPlan& plan,
                            std::span<const std::uint8_t> forced, Routing& routing) {
  const auto* r = static_cast<const ProfiledRouter*>(router);
  const double values = r ? plan.rows() * r->width : 0;
  measure(StepStage::kRoute, {values * (r ? r->experts : 0), 4 * values},
          [&] { inner_.route(r ? r->inner.get() : nullptr, rows, plan, forced, routing); });
}

void ProfiledBackend::select_cls(const RowPlan& plan, const Routing* routing, RowPlan& cls_plan,
                                 Routing& cls_routing) {
  measure(StepStage::kGlue, {}, [&] { inner_.select_cls(plan, routing, cls_plan, cls_routing); });
}

void ProfiledBackend::gather(const Buffer& source, const Routing& routing, const RowPlan& plan, int width,
                             Buffer& sorted) {
  measure(StepStage::kRoute, {0, 8.0 * plan.rows() * width},
          [&] { inner_.gather(source, routing, plan, width, sorted); });
}

void ProfiledBackend::normalise(const Norm& norm, const Buffer& x, const RowPlan& plan, Buffer& operand) {
  const ProfiledNorm& n = own(norm);
  measure(StepStage::kGlue,
          {0, 4 * plan.rows() * n.width + product_bytes() * widths_of(plan, plan.experts(), n.width).sum},
          [&] { inner_.normalise(*n.inner, x, plan, operand); });
}

void ProfiledBackend::expand(const Linear& linear, const Buffer& x, const RowPlan& plan, Epilogue epilogue,
                             Buffer& out) {
  const ProfiledLinear& l = own(linear);
  const Widths widths = widths_of(plan, l.experts, l.in);
  measure(StepStage::kExpand,
          {widths.sum * l.out, l.weight_bytes * widths.largest * l.out + product_bytes() * widths.sum +
                                   operand_bytes() * plan.rows() * l.out},
          [&] { inner_.expand(*l.inner, x, plan, epilogue, out); });
}

void ProfiledBackend::attend(Slice q, const RowPlan& q_plan, Slice k, Slice v, const RowPlan& plan, int heads,
                             int width, Buffer& out) {
  const double queries = q_plan.rows(), keys = plan.rows();
  measure(StepStage::kAttend,
          {2 * queries * plan.rows_per_item() * width, operand_bytes() * width * 2 * (queries + keys)},
          [&] { inner_.attend(q, q_plan, k, v, plan, heads, width, out); });
}

void ProfiledBackend::contract(const Linear& linear, const Buffer& operand, const RowPlan& plan,
                               const Gate& gate, Buffer& x) {
  const ProfiledLinear& l = own(linear);
  const Widths widths = widths_of(plan, l.experts, l.out);
  measure(StepStage::kContract,
          {widths.sum * l.in,
           l.weight_bytes * widths.largest * l.in + operand_bytes() * plan.rows() * l.in + 8 * widths.sum},
          [&] { inner_.contract(*l.inner, operand, plan, gate, x); });
}

void ProfiledBackend::pool(const Norm& norm, const Buffer& x, const RowPlan& plan,
                           std::span<const RowRef> outputs) {
  const ProfiledNorm& n = own(norm);
  measure(StepStage::kGlue, {0, 4 * n.width * (2.0 * plan.rows() + static_cast<double>(outputs.size()))},
          [&] { inner_.pool(*n.inner, x, plan, outputs); });
}

void ProfiledBackend::classify(const Linear& head, std::span<const RowRef> h, std::span<float> logits) {
  const ProfiledLinear& l = own(head);
  measure(StepStage::kGlue, {static_cast<double>(h.size()) * l.in * l.out, l.weight_bytes * l.in * l.out},
          [&] { inner_.classify(*l.inner, h, logits); });
  temporal_ = false;
}

void ProfiledBackend::upload(std::span<const float> values, std::int64_t offset, Buffer& buffer) {
  inner_.upload(values, offset, buffer);
}
void ProfiledBackend::download(const Buffer& buffer, std::int64_t offset, std::span<float> values) {
  inner_.download(buffer, offset, values);
}

}  // namespace mone
