#include "engine/backend/onednn/backend.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

#include "engine/capacity.h"

namespace mone::cpu {
namespace {

// Rows that one item of a loop over rows takes: some microseconds of work, and no false sharing.
constexpr int kRowsPerItem = 16;

int row_items(int rows) { return (rows + kRowsPerItem - 1) / kRowsPerItem; }

const HostRouting& host(const Routing& routing) { return static_cast<const HostRouting&>(routing); }
HostRouting& host(Routing& routing) { return static_cast<HostRouting&>(routing); }
const CpuNorm& own(const Norm& norm) { return static_cast<const CpuNorm&>(norm); }
const PackedLinear& own(const Linear& linear) { return static_cast<const PackedLinear&>(linear); }
float* floats(const Buffer& buffer) { return cpu(buffer).as<float>(); }

LayerNorm norm_of_rows(const CpuNorm& norm, const float* x) {
  LayerNorm n;
  n.x = x;
  n.ldx = n.columns = norm.width();
  n.weight = norm.weight.data();
  n.bias = norm.bias.data();
  n.eps = norm.eps;
  return n;
}

}  // namespace

CpuBackend::CpuBackend(const BackendOptions& options, const Isa& isa)
    : isa_(isa), dtype_(options.dtype), bf16_(options.dtype != DType::kF32), team_(options.threads) {
  attention_scratch_.resize(team_.threads());
}

double CpuBackend::peak_gmac() {
  const bool dnnl = dtype_ == DType::kF32 ? isa_.dnnl_f32 : dtype_ == DType::kBf16 && isa_.dnnl_bf16;
  if (dnnl) return 0;  // oneDNN may know instructions that we do not
  if (peak_gmac_ >= 0) return peak_gmac_;
  // All threads at once, as in a step; the best of some tries is that of cores nobody else was on.
  constexpr int kTries = 64, kRounds = 4000;
  std::vector<double> best(team_.threads());
  team_.run(kTries * team_.threads(), [&](int, int worker) {
    using Clock = std::chrono::steady_clock;
    const auto start = Clock::now();
    const double macs = dtype_ == DType::kInt8 ? isa_.kernels->int8.spin(kRounds)
                        : bf16_                ? isa_.kernels->bf16.spin(kRounds)
                                               : isa_.kernels->f32.spin(kRounds);
    best[worker] =
        std::max(best[worker], macs / std::chrono::duration<double, std::nano>(Clock::now() - start).count());
  });
  return peak_gmac_ = *std::max_element(best.begin(), best.end()) * team_.threads();
}

std::unique_ptr<Linear> CpuBackend::prepare(const LinearSpec& spec) {
  return std::make_unique<PackedLinear>(to_floats(spec.weight), to_floats(spec.bias),
                                        static_cast<int>(spec.weight.shape[0]),
                                        static_cast<int>(spec.weight.shape[1]), spec.nesting, spec.experts,
                                        dtype_ == DType::kF32                     ? Operand::kF32
                                        : dtype_ == DType::kBf16 || spec.read_out ? Operand::kBf16
                                                                                  : Operand::kInt8,
                                        isa_, team_);
}

std::unique_ptr<Norm> CpuBackend::prepare(const NormSpec& spec) { return std::make_unique<CpuNorm>(spec); }

std::unique_ptr<Embedding> CpuBackend::prepare(const EmbeddingSpec& spec) {
  return std::make_unique<CpuEmbedding>(spec, bf16_, isa_, team_);
}

std::unique_ptr<Router> CpuBackend::prepare(const RouterSpec& spec) {
  return std::make_unique<CpuRouter>(spec, isa_, team_);
}

std::unique_ptr<Buffer> CpuBackend::make_buffer(std::int64_t elements, Store store) {
  const bool operand = store == Store::kOperand;
  return std::make_unique<CpuBuffer>(elements, operand ? operand_bytes() : 4, operand);
}

std::unique_ptr<Routing> CpuBackend::make_routing(int max_rows, int experts) {
  return std::make_unique<HostRouting>(max_rows, experts);
}

void CpuBackend::reserve(int max_rows, int max_rows_per_item, int width, int heads) {
  staircase_.reserve(max_rows);
  widths_.reserve(max_rows);
  gate_.reserve(max_rows);
  q_runs_.reserve(max_rows, kMaxExperts);
  kv_runs_.reserve(max_rows, kMaxExperts);
  if (dtype_ == DType::kInt8) {
    const std::int64_t room = max_rows * int8_stride(4 * width);
    if (!quantised_ || !quantised_->holds(room, 1, false))
      quantised_ = std::make_unique<CpuBuffer>(room, 1, false);
  }
  const std::size_t bytes = isa_.kernels->attention_scratch(max_rows_per_item, width / heads);
  for (Memory& scratch : attention_scratch_)
    if (scratch.bytes() < bytes) scratch = Memory(bytes);
}

CpuBuffer& CpuBackend::grown(std::unique_ptr<CpuBuffer>& scratch, std::int64_t elements, bool operand) {
  const std::size_t element = operand ? operand_bytes() : 4;
  if (!scratch || !scratch->holds(elements, element, operand))
    scratch = std::make_unique<CpuBuffer>(elements, element, operand);
  return *scratch;
}

const void* CpuBackend::first(const Slice& slice) const {
  return cpu(*slice.buffer).bytes() + slice.column * operand_bytes();
}

void CpuBackend::layer_norm(const LayerNorm& norm, int rows) {
  team_.run(row_items(rows), [&](int item, int) {
    const int begin = item * kRowsPerItem, end = std::min(rows, begin + kRowsPerItem);
    bf16_ ? isa_.kernels->bf16.layer_norm(norm, begin, end) : isa_.kernels->f32.layer_norm(norm, begin, end);
  });
}

void CpuBackend::set_widths(const RowPlan& plan, int width) {
  widths_.resize(plan.rows());
  for (int expert = 0; expert < plan.experts(); ++expert)
    std::fill(widths_.begin() + plan.rows_from(expert + 1), widths_.begin() + plan.rows_from(expert),
              expert_width(expert, plan.experts(), width));
}

void CpuBackend::embed(const Embedding& embedding, std::span<const PixelRef> tubelets, Buffer& rows) {
  const auto& e = static_cast<const CpuEmbedding&>(embedding);
  const int total = static_cast<int>(std::ssize(tubelets)) * e.tokens, cls = !e.cls.empty();
  const int per_item = e.tubelets * e.tokens, items = total / per_item;
  CpuBuffer& pixels = grown(pixels_, static_cast<std::int64_t>(total) * e.depth, true);
  const std::ptrdiff_t ld = stride(e.depth);
  float* x = floats(rows);
  cpu(rows).tails().clear();
  const auto row_of = [&](int token) {
    return x + static_cast<std::ptrdiff_t>(token / per_item * (per_item + cls) + cls + token % per_item) *
                   e.width;
  };
  team_.run(row_items(total), [&](int item, int) {
    for (int token = item * kRowsPerItem; token < std::min(total, (item + 1) * kRowsPerItem); ++token) {
      const std::uint8_t* from =
          tubelets[token / e.tokens].data + static_cast<std::ptrdiff_t>(token % e.tokens) * e.depth;
      bf16_ ? e.normalise(from, pixels.as<Bf16>() + token * ld)
            : e.normalise(from, pixels.as<float>() + token * ld);
      std::copy_n(e.pos.data() + static_cast<std::ptrdiff_t>(token % per_item) * e.width, e.width,
                  row_of(token));
    }
  });
  for (int item = 0; item < items && cls; ++item)
    std::copy_n(e.cls.data(), e.width, row_of(item * per_item) - e.width);
  e.kernel->cut(staircase_, per_item);
  for (int item = 0; item < items; ++item) {
    Product product;
    product.x = pixels.bytes() + item * per_item * ld * operand_bytes();
    product.ldx = ld;
    product.finish = Finish::kResidual;
    product.out = row_of(item * per_item);
    product.ldo = e.width;
    e.kernel->run(product, staircase_, team_);
  }
}

void CpuBackend::assemble(const Buffer& cls_pos, bool has_cls, std::span<const RowRef> sources, int items,
                          int width, Buffer& rows) {
  const int per_item = static_cast<int>(std::ssize(sources)) / items;
  float* out = floats(rows);
  cpu(rows).tails().clear();
  for (int item = 0; item < items; ++item) {
    const float* pos = floats(cls_pos);
    if (has_cls) {
      out = std::copy_n(pos, width, out);
      pos += width;
    }
    for (const RowRef& source : sources.subspan(static_cast<std::size_t>(item) * per_item, per_item)) {
      const float* from = floats(*source.buffer) + static_cast<std::ptrdiff_t>(source.row) * width;
      for (int i = 0; i < width; ++i) *out++ = from[i] + *pos++;
    }
  }
}

void CpuBackend::route(const Router* router, const Buffer& rows, const RowPlan& plan,
                       std::span<const std::uint8_t> forced, Routing& routing) {
  const std::span<float> probs = host(routing).begin(plan, router != nullptr);
  if (router) {
    const auto& r = static_cast<const CpuRouter&>(*router);
    const float* x = floats(rows);
    if (r.norm) {
      CpuBuffer& normed = grown(normed_, static_cast<std::int64_t>(plan.rows()) * r.width, false);
      LayerNorm norm = norm_of_rows(*r.norm, x);
      norm.out = normed.as<float>();
      norm.ldo = r.width;
      norm.out_f32 = true;
      layer_norm(norm, plan.rows());
      x = normed.as<float>();
    }
    const int per_item = plan.rows_per_item(), apart = plan.cls() == ClsRow::kApart,
              counted = per_item - apart;
    r.linear.cut(staircase_, counted);
    for (int item = 0; item < plan.items(); ++item) {
      Product product;
      product.x = x + (static_cast<std::ptrdiff_t>(item) * per_item + apart) * r.width;
      product.ldx = r.width;
      product.out_f32 = true;
      product.out = probs.data() + static_cast<std::ptrdiff_t>(item) * counted * r.experts;
      product.ldo = r.experts;
      r.linear.run(product, staircase_, team_);
    }
    for (std::size_t i = 0; i < probs.size(); i += r.experts) {
      const std::span<float> row = probs.subspan(i, r.experts);
      const float most = *std::max_element(row.begin(), row.end());
      float sum = 0;
      for (float& value : row) sum += value = std::exp(value - most);
      for (float& value : row) value /= sum;
    }
  }
  host(routing).finish(plan, forced);
}

void CpuBackend::select_cls(const RowPlan& plan, const Routing* routing, RowPlan& cls_plan,
                            Routing& cls_routing) {
  host(cls_routing).select_cls(plan, routing ? &host(*routing) : nullptr, cls_plan);
}

void CpuBackend::gather(const Buffer& source, const Routing& routing, const RowPlan& plan, int width,
                        Buffer& sorted) {
  const auto order = host(routing).order();
  const float* from = floats(source);
  float* to = floats(sorted);
  std::vector<Moments>& tails = cpu(sorted).tails();
  tails.reserve(cpu(sorted).size() / (sizeof(float) * width));  // once, for the largest batch
  tails.resize(plan.rows());
  set_widths(plan, width);
  team_.run(row_items(plan.rows()), [&](int item, int) {
    for (std::ptrdiff_t row = item * kRowsPerItem; row < std::min(plan.rows(), (item + 1) * kRowsPerItem);
         ++row) {
      const float* x = from + static_cast<std::ptrdiff_t>(order[row]) * width;
      std::copy_n(x, width, to + row * width);
      const int head = widths_[row];
      tails[row] = head < width ? isa_.kernels->moments(x + head, width - head) : Moments{};
    }
  });
}

void CpuBackend::normalise(const Norm& norm, const Buffer& x, const RowPlan& plan, Buffer& operand) {
  LayerNorm n = norm_of_rows(own(norm), floats(x));
  n.out = cpu(operand).as<>();
  n.out_int8 = dtype_ == DType::kInt8;
  n.ldo = n.out_int8 ? int8_stride(n.columns) : stride(n.columns);
  if (plan.experts() > 1) {
    set_widths(plan, n.columns);
    n.widths = widths_.data();
    if (!cpu(x).tails().empty()) n.tails = cpu(x).tails().data();
  }
  layer_norm(n, plan.rows());
}

void CpuBackend::expand(const Linear& linear, const Buffer& x, const RowPlan& plan, Epilogue epilogue,
                        Buffer& out) {
  const PackedLinear& l = own(linear);
  l.cut(staircase_, plan);
  Product product;
  product.x = cpu(x).as<>();
  product.ldx = l.operand() == Operand::kInt8 ? int8_stride(l.inputs()) : stride(l.inputs());
  product.finish = epilogue == Epilogue::kGeluTanh  ? Finish::kGeluTanh
                   : epilogue == Epilogue::kGeluErf ? Finish::kGeluErf
                                                    : Finish::kStore;
  product.out = cpu(out).as<>();
  product.ldo = stride(l.outputs());
  l.run(product, staircase_, team_);
}

void CpuBackend::attend(Slice q, const RowPlan& q_plan, Slice k, Slice v, const RowPlan& plan, int heads,
                        int width, Buffer& out) {
  q_runs_.take(q_plan);
  kv_runs_.take(plan);
  Attention all;
  all.ldq = stride(q.stride);
  all.ldk = stride(k.stride);
  all.ldv = stride(v.stride);
  all.ldo = stride(width);
  all.keys = plan.rows_per_item();
  all.head_width = width / heads;
  all.scale = 1 / std::sqrt(static_cast<float>(all.head_width));
  team_.run(plan.items() * heads, [&](int index, int worker) {
    const int item = index / heads;
    const std::ptrdiff_t column =
        static_cast<std::ptrdiff_t>(index % heads) * all.head_width * operand_bytes();
    Attention a = all;
    a.q = static_cast<const char*>(first(q)) + column;
    a.k = static_cast<const char*>(first(k)) + column;
    a.v = static_cast<const char*>(first(v)) + column;
    a.out = cpu(out).bytes() + column;
    a.q_runs = q_runs_[item].data();
    a.q_run_count = static_cast<int>(q_runs_[item].size());
    a.kv_runs = kv_runs_[item].data();
    a.kv_run_count = static_cast<int>(kv_runs_[item].size());
    a.scratch = attention_scratch_[worker].as<>();
    bf16_ ? isa_.kernels->bf16.attention(a) : isa_.kernels->f32.attention(a);
  });
}

void CpuBackend::take_operand(Product& product, const PackedLinear& linear, const Buffer& operand, int rows) {
  product.x = cpu(operand).as<>();
  product.ldx = stride(linear.inputs());
  if (linear.operand() != Operand::kInt8) return;
  const Bf16* from = cpu(operand).as<Bf16>();
  Int8* to = quantised_->as<Int8>();
  const std::ptrdiff_t ldx = product.ldx, ldo = int8_stride(linear.inputs());
  team_.run(row_items(rows), [&](int item, int) {
    const int begin = item * kRowsPerItem, count = std::min(rows - begin, kRowsPerItem);
    isa_.kernels->int8.quantise(from + begin * ldx, ldx, linear.inputs(), count, to + begin * ldo, ldo);
  });
  product.x = to;
  product.ldx = ldo;
}

void CpuBackend::contract(const Linear& linear, const Buffer& operand, const RowPlan& plan, const Gate& gate,
                          Buffer& x) {
  const PackedLinear& l = own(linear);
  l.cut(staircase_, plan);
  Product product;
  take_operand(product, l, operand, plan.rows());
  product.finish = Finish::kResidual;
  product.out = floats(x);
  product.ldo = l.outputs();
  if (gate.routing) {
    gate_.clear();
    for (const float chosen : host(*gate.routing).chosen()) gate_.push_back(1 + gate.alpha * chosen);
    product.gate = gate_.data();
  }
  l.run(product, staircase_, team_);
}

void CpuBackend::pool(const Norm& norm, const Buffer& x, const RowPlan& plan,
                      std::span<const RowRef> outputs) {
  LayerNorm n = norm_of_rows(own(norm), floats(x));
  n.out = grown(normed_, static_cast<std::int64_t>(plan.rows()) * n.columns, false).as<>();
  n.ldo = n.columns;
  n.out_f32 = true;
  layer_norm(n, plan.rows());
  for (int item = 0; item < plan.items(); ++item) {
    float* out = floats(*outputs[item].buffer) + static_cast<std::ptrdiff_t>(outputs[item].row) * n.columns;
    std::fill_n(out, n.columns, 0.0f);
    for (const Segment& segment : plan.segments(item))
      for (int row = segment.begin; row < segment.begin + segment.count; ++row) {
        const float* from = static_cast<const float*>(n.out) + static_cast<std::ptrdiff_t>(row) * n.columns;
        for (int i = 0; i < n.columns; ++i) out[i] += from[i];
      }
    const float rows = static_cast<float>(plan.rows_per_item());
    for (int i = 0; i < n.columns; ++i) out[i] /= rows;
  }
}

void CpuBackend::classify(const Linear& head, std::span<const RowRef> h, std::span<float> logits) {
  const PackedLinear& l = own(head);
  const int items = static_cast<int>(std::ssize(h));
  CpuBuffer& input = grown(head_input_, static_cast<std::int64_t>(items) * l.inputs(), true);
  const std::ptrdiff_t ld = stride(l.inputs());
  for (int item = 0; item < items; ++item) {
    const float* from = floats(*h[item].buffer) + static_cast<std::ptrdiff_t>(h[item].row) * l.inputs();
    bf16_ ? isa_.kernels->bf16.round(from, l.inputs(), input.as<Bf16>() + item * ld)
          : isa_.kernels->f32.round(from, l.inputs(), input.as<float>() + item * ld);
  }
  l.cut(staircase_, items);
  Product product;
  product.x = input.as<>();
  product.ldx = ld;
  product.out = logits.data();
  product.ldo = l.outputs();
  product.out_f32 = true;
  l.run(product, staircase_, team_);
}

void CpuBackend::upload(std::span<const float> values, std::int64_t offset, Buffer& buffer) {
  std::copy(values.begin(), values.end(), floats(buffer) + offset);
  cpu(buffer).tails().clear();
}

void CpuBackend::download(const Buffer& buffer, std::int64_t offset, std::span<float> values) {
  std::copy_n(floats(buffer) + offset, values.size(), values.begin());
}

}  // namespace mone::cpu
