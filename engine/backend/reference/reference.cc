#include "engine/backend/reference/reference.h"

#include <algorithm>
#include <cmath>

#include "engine/backend/host_routing.h"
#include "engine/backend/reference/host_weights.h"
#include "engine/backend/reference/loops.h"
#include "engine/int8.h"

namespace mone {
namespace {

using namespace reference;

/// Row `row` of a buffer whose rows are `stride` wide.
float* row_of(Buffer& buffer, int row, int stride) {
  return static_cast<HostBuffer&>(buffer).values.data() + std::int64_t{row} * stride;
}
const float* row_of(const Buffer& buffer, int row, int stride) {
  return static_cast<const HostBuffer&>(buffer).values.data() + std::int64_t{row} * stride;
}
const float* row_of(const Slice& slice, int row) {
  return row_of(*slice.buffer, row, slice.stride) + slice.column;
}

const HostRouting& host(const Routing& routing) { return static_cast<const HostRouting&>(routing); }
HostRouting& host(Routing& routing) { return static_cast<HostRouting&>(routing); }

void normalise_row(const HostNorm& norm, const float* row, float* out) {
  layer_norm({row, norm.weight.size()}, norm.weight.data(), norm.bias.data(), norm.eps, out);
}

/// Calls `action(row)` for each row of an item, in the order in which attention visits them.
template <class Action>
void for_each_row(const RowPlan& plan, int item, Action action) {
  for (const Segment& segment : plan.segments(item))
    for (int row = segment.begin; row < segment.begin + segment.count; ++row) action(row);
}

class ReferenceBackend : public Backend {
 public:
  explicit ReferenceBackend(const BackendOptions& options)
      : dtype_(options.dtype), bf16_(options.dtype != DType::kF32) {}
  std::string name() const override { return "reference"; }
  DType dtype() const override { return dtype_; }
  int threads() const override { return 1; }

  std::unique_ptr<Linear> prepare(const LinearSpec& spec) override {
    return std::make_unique<HostLinear>(spec, dtype_);
  }
  std::unique_ptr<Norm> prepare(const NormSpec& spec) override { return std::make_unique<HostNorm>(spec); }
  std::unique_ptr<Embedding> prepare(const EmbeddingSpec& spec) override {
    return std::make_unique<HostEmbedding>(spec, bf16_);
  }
  std::unique_ptr<Router> prepare(const RouterSpec& spec) override {
    return std::make_unique<HostRouter>(spec);
  }
  std::unique_ptr<Buffer> make_buffer(std::int64_t elements, Store) override {
    return std::make_unique<HostBuffer>(elements);
  }
  std::unique_ptr<Routing> make_routing(int max_rows, int experts) override {
    return std::make_unique<HostRouting>(max_rows, experts);
  }
  void reserve(int max_rows, int max_rows_per_item, int width, int heads) override {
    scratch(sums_, max_rows, width * 4);
    scratch(inputs_, max_rows_per_item, width);
    scratch(values_, max_rows_per_item, width / heads);
    scratch(scores_, 1, max_rows_per_item);
    if (dtype_ == DType::kInt8) {
      quantised_.reserve(static_cast<std::size_t>(max_rows) * width * 4);
      row_scales_.reserve(max_rows);
    }
  }

  void embed(const Embedding& embedding, std::span<const PixelRef> tubelets, Buffer& rows) override;
  void assemble(const Buffer& cls_pos, bool has_cls, std::span<const RowRef> sources, int items, int width,
                Buffer& rows) override;
  void route(const Router* router, const Buffer& rows, const RowPlan& plan,
             std::span<const std::uint8_t> forced, Routing& routing) override;
  void select_cls(const RowPlan& plan, const Routing* routing, RowPlan& cls_plan,
                  Routing& cls_routing) override {
    host(cls_routing).select_cls(plan, routing ? &host(*routing) : nullptr, cls_plan);
  }
  void gather(const Buffer& source, const Routing& routing, const RowPlan& plan, int width,
              Buffer& sorted) override;
  void normalise(const Norm& norm, const Buffer& x, const RowPlan& plan, Buffer& operand) override;
  void expand(const Linear& linear, const Buffer& x, const RowPlan& plan, Epilogue epilogue,
              Buffer& out) override;
  void attend(Slice q, const RowPlan& q_plan, Slice k, Slice v, const RowPlan& plan, int heads, int width,
              Buffer& out) override;
  void contract(const Linear& linear, const Buffer& operand, const RowPlan& plan, const Gate& gate,
                Buffer& x) override;
  void pool(const Norm& norm, const Buffer& x, const RowPlan& plan, std::span<const RowRef> outputs) override;
  void classify(const Linear& head, std::span<const RowRef> h, std::span<float> logits) override;

  void upload(std::span<const float> values, std::int64_t offset, Buffer& buffer) override {
    std::copy(values.begin(), values.end(), row_of(buffer, 0, 0) + offset);
  }
  void download(const Buffer& buffer, std::int64_t offset, std::span<float> values) override {
    std::copy_n(row_of(buffer, 0, 0) + offset, values.size(), values.begin());
  }

 private:
  /// What is left of a value that is stored for the next product.
  float stored(float value) const { return bf16_ ? round_to_bf16(value) : value; }

  static float* scratch(std::vector<float>& memory, std::int64_t rows, std::int64_t width) {
    if (std::ssize(memory) < rows * width) memory.resize(static_cast<std::size_t>(rows * width));
    return memory.data();
  }

  /// sums [rows, outputs] = x W^T for `rows` rows that read their first `depth` inputs.
  void multiply(const HostLinear& linear, const float* x, int rows, int depth, int outputs, float* sums);

  DType dtype_;
  bool bf16_;  // what is stored for products is rounded to bf16: in int8 mode too, but for what is quantised
  std::vector<float> sums_;             // results of a product before its epilogue
  std::vector<float> inputs_;           // a tubelet's pixels, a normalised row, or a head's keys
  std::vector<float> values_, scores_;  // attention
  std::vector<std::int8_t> quantised_;  // operand rows of a product in int8 mode, and
  std::vector<float> row_scales_;       // their scales
};

void ReferenceBackend::embed(const Embedding& embedding, std::span<const PixelRef> tubelets, Buffer& rows) {
  const auto& e = static_cast<const HostEmbedding&>(embedding);
  const int cls = !e.cls.empty(), rows_per_item = cls + e.tubelets * e.tokens;
  float* pixels = scratch(inputs_, e.tokens, e.depth);
  float* sums = scratch(sums_, e.tokens, e.width);
  for (int t = 0; t < std::ssize(tubelets); ++t) {
    for (int i = 0; i < e.tokens * e.depth; ++i) pixels[i] = e.pixel[i % 3 * 256 + tubelets[t].data[i]];
    product(pixels, e.depth, e.tokens, e.depth, e.kernel.data(), e.width, e.width, sums);
    const int item = t / e.tubelets, first = cls + t % e.tubelets * e.tokens;
    float* out = row_of(rows, item * rows_per_item, e.width);
    if (cls && first == 1)
      for (int o = 0; o < e.width; ++o) out[o] = e.cls[o] + e.pos[o];
    out += std::int64_t{first} * e.width;
    const float* pos = e.pos.data() + std::int64_t{first} * e.width;
    for (int i = 0; i < e.tokens * e.width; ++i) out[i] = sums[i] + e.bias[i % e.width] + pos[i];
  }
}

void ReferenceBackend::assemble(const Buffer& cls_pos, bool has_cls, std::span<const RowRef> sources,
                                int items, int width, Buffer& rows) {
  const int per_item = static_cast<int>(std::ssize(sources)) / items;
  float* out = row_of(rows, 0, width);
  for (int item = 0; item < items; ++item) {
    if (has_cls) out = std::copy_n(row_of(cls_pos, 0, width), width, out);
    for (int s = 0; s < per_item; ++s) {
      const RowRef& from = sources[item * per_item + s];
      const float* source = row_of(*from.buffer, from.row, width);
      const float* pos = row_of(cls_pos, has_cls + s, width);
      for (int o = 0; o < width; ++o) *out++ = source[o] + pos[o];
    }
  }
}

void ReferenceBackend::route(const Router* router, const Buffer& rows, const RowPlan& plan,
                             std::span<const std::uint8_t> forced, Routing& routing) {
  float* probs = host(routing).begin(plan, router != nullptr).data();
  for (int row = 0; router && row < plan.rows(); ++row) {
    if (plan.cls() == ClsRow::kApart && row % plan.rows_per_item() == 0)
      continue;  // raster row 0: class token
    const auto& r = static_cast<const HostRouter&>(*router);
    const float* x = row_of(rows, row, r.width);
    if (r.norm) {
      float* normed = scratch(inputs_, 1, r.width);
      normalise_row(*r.norm, x, normed);
      x = normed;
    }
    product(x, r.width, 1, r.width, r.transposed.data(), r.experts, r.experts, probs);
    for (int j = 0; j < r.experts; ++j) probs[j] += r.bias[j];
    softmax({probs, static_cast<std::size_t>(r.experts)});
    probs += r.experts;
  }
  host(routing).finish(plan, forced);
}

void ReferenceBackend::gather(const Buffer& source, const Routing& routing, const RowPlan& plan, int width,
                              Buffer& sorted) {
  const auto order = host(routing).order();
  for (int row = 0; row < plan.rows(); ++row)
    std::copy_n(row_of(source, order[row], width), width, row_of(sorted, row, width));
}

void ReferenceBackend::normalise(const Norm& norm, const Buffer& x, const RowPlan& plan, Buffer& operand) {
  const auto& n = static_cast<const HostNorm&>(norm);
  for (int row = 0; row < plan.rows(); ++row) {
    float* out = row_of(operand, row, n.width());
    normalise_row(n, row_of(x, row, n.width()), out);
    if (dtype_ == DType::kInt8) continue;  // expand() quantises it, and nothing else reads it
    for (int i = 0; i < n.width(); ++i) out[i] = stored(out[i]);
  }
}

void ReferenceBackend::multiply(const HostLinear& l, const float* x, int rows, int depth, int outputs,
                                float* sums) {
  if (!l.int8()) return product(x, l.in, rows, depth, l.transposed.data(), l.out, outputs, sums);
  row_scales_.resize(rows);
  quantised_.resize(static_cast<std::size_t>(rows) * depth);
  for (std::int64_t r = 0; r < rows; ++r)
    row_scales_[r] = quantise({x + r * l.in, static_cast<std::size_t>(depth)}, quantised_.data() + r * depth);
  product(quantised_.data(), depth, rows, depth, row_scales_.data(), l.transposed8.data(), l.out, outputs,
          l.scales.data(), sums);
}

void ReferenceBackend::expand(const Linear& linear, const Buffer& x, const RowPlan& plan, Epilogue epilogue,
                              Buffer& out) {
  const auto& l = static_cast<const HostLinear&>(linear);
  for (int expert = 0; expert < plan.experts(); ++expert) {
    const int first = plan.rows_from(expert + 1), rows = plan.rows_from(expert) - first;
    const int depth = l.experts > 1 ? expert_width(expert, l.experts, l.in) : l.in;
    float* sums = scratch(sums_, rows, l.out);
    multiply(l, row_of(x, first, l.in), rows, depth, l.out, sums);
    for (int r = 0; r < rows; ++r, sums += l.out) {
      float* to = row_of(out, first + r, l.out);
      for (int o = 0; o < l.out; ++o) to[o] = stored(apply(epilogue, sums[o] + l.bias[o]));
    }
  }
}

void ReferenceBackend::attend(Slice q, const RowPlan& q_plan, Slice k, Slice v, const RowPlan& plan,
                              int heads, int width, Buffer& out) {
  const int head_width = width / heads, keys = plan.rows_per_item();
  const float scale = 1 / std::sqrt(static_cast<float>(head_width));
  float* keys_t = scratch(inputs_, keys, head_width);  // [head width, keys]
  float* values = scratch(values_, keys, head_width);  // [keys, head width]
  float* scores = scratch(scores_, 1, keys);
  for (int item = 0; item < plan.items(); ++item) {
    for (int column = 0; column < width; column += head_width) {
      int key = 0;
      for_each_row(plan, item, [&](int row) {
        for (int d = 0; d < head_width; ++d) keys_t[d * keys + key] = row_of(k, row)[column + d];
        std::copy_n(row_of(v, row) + column, head_width, values + key * head_width);
        ++key;
      });
      for_each_row(q_plan, item, [&](int row) {
        product(row_of(q, row) + column, head_width, 1, head_width, keys_t, keys, keys, scores);
        for (int i = 0; i < keys; ++i) scores[i] *= scale;
        softmax({scores, static_cast<std::size_t>(keys)});
        for (int i = 0; i < keys; ++i) scores[i] = stored(scores[i]);
        float* to = row_of(out, row, width) + column;
        product(scores, keys, 1, keys, values, head_width, head_width, to);
        for (int d = 0; d < head_width; ++d) to[d] = stored(to[d]);
      });
    }
  }
}

void ReferenceBackend::contract(const Linear& linear, const Buffer& operand, const RowPlan& plan,
                                const Gate& gate, Buffer& x) {
  const auto& l = static_cast<const HostLinear&>(linear);
  for (int expert = 0; expert < plan.experts(); ++expert) {
    const int first = plan.rows_from(expert + 1), rows = plan.rows_from(expert) - first;
    const int outputs = l.experts > 1 ? expert_width(expert, l.experts, l.out) : l.out;
    float* sums = scratch(sums_, rows, outputs);
    multiply(l, row_of(operand, first, l.in), rows, l.in, outputs, sums);
    for (int row = first; row < first + rows; ++row, sums += outputs) {
      const float g = gate.routing ? 1 + gate.alpha * host(*gate.routing).chosen()[row] : 1;
      float* to = row_of(x, row, l.out);
      for (int o = 0; o < outputs; ++o) to[o] += g * (sums[o] + l.bias[o]);
    }
  }
}

void ReferenceBackend::pool(const Norm& norm, const Buffer& x, const RowPlan& plan,
                            std::span<const RowRef> outputs) {
  const auto& n = static_cast<const HostNorm&>(norm);
  float* normed = scratch(inputs_, 1, n.width());
  for (int item = 0; item < plan.items(); ++item) {
    float* out = row_of(*outputs[item].buffer, outputs[item].row, n.width());
    std::fill_n(out, n.width(), 0.0f);
    for_each_row(plan, item, [&](int row) {
      normalise_row(n, row_of(x, row, n.width()), normed);
      for (int o = 0; o < n.width(); ++o) out[o] += normed[o];
    });
    for (int o = 0; o < n.width(); ++o) out[o] /= static_cast<float>(plan.rows_per_item());
  }
}

void ReferenceBackend::classify(const Linear& head, std::span<const RowRef> h, std::span<float> logits) {
  const auto& l = static_cast<const HostLinear&>(head);
  float* operand = scratch(inputs_, 1, l.in);
  for (int item = 0; item < std::ssize(h); ++item) {
    std::transform(row_of(*h[item].buffer, h[item].row, l.in), row_of(*h[item].buffer, h[item].row + 1, l.in),
                   operand, [this](float value) { return stored(value); });
    float* out = logits.data() + std::int64_t{item} * l.out;
    product(operand, l.in, 1, l.in, l.transposed.data(), l.out, l.out, out);
    for (int o = 0; o < l.out; ++o) out[o] += l.bias[o];
  }
}

}  // namespace

const BackendEntry kReferenceBackend = {
    "reference",
    [](const ModelConfig&, DType dtype) {
      return dtype == DType::kF16 ? std::string("f16 is for GPUs; choose bf16 or f32") : std::string();
    },
    [](int) { return DType::kF32; },
    [](const BackendOptions& options) -> std::unique_ptr<Backend> {
      return std::make_unique<ReferenceBackend>(options);
    }};

}  // namespace mone
