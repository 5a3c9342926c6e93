#include "engine/vivit.h"

#include <algorithm>
#include <stdexcept>

namespace mone {
namespace {

NormSpec norm_spec(const Model& model, const std::string& name) {
  return {model.weights().at(name + ".weight"), model.weights().at(name + ".bias"), model.config().ln_eps};
}

LinearSpec linear_spec(const Model& model, const std::string& name, Nesting nesting, int experts) {
  return {model.weights().at(name + ".weight"), model.weights().at(name + ".bias"), nesting, experts};
}

LinearSpec rows_of(const LinearSpec& spec, int begin, int rows) {
  return {slice_rows(spec.weight, begin, rows), slice_rows(spec.bias, begin, rows), spec.nesting,
          spec.experts};
}

}  // namespace

Vivit::Vivit(const Model& model, Backend& backend, const VivitOptions& options)
    : backend_(backend),
      options_(options),
      fe_(model.config().variant == Variant::kFe),
      cls_token_(model.config().classifier == Classifier::kToken),
      routed_(model.weights().routed()),
      gate_(routed_ && model.config().gate),
      width_(model.config().D),
      heads_(model.config().H),
      experts_(model.config().E),
      nt_(model.config().nt()),
      act_(model.config().act == Activation::kGeluTanh ? Epilogue::kGeluTanh : Epilogue::kGeluErf),
      rule_{model.config().beta, model.config().delta, model.config().w_form},
      rows_(count_rows(model.config())),
      packed_(pack(model)),
      plan_(0, experts_),
      cls_plan_(0, experts_),
      temporal_plan_(0, 1),
      temporal_cls_plan_(0, 1) {
  reserve(1);
}

Vivit::Vivit(const Vivit& other, Backend& lane)
    : backend_(lane),
      options_(other.options_),
      fe_(other.fe_),
      cls_token_(other.cls_token_),
      routed_(other.routed_),
      gate_(other.gate_),
      width_(other.width_),
      heads_(other.heads_),
      experts_(other.experts_),
      nt_(other.nt_),
      act_(other.act_),
      rule_(other.rule_),
      rows_(other.rows_),
      packed_(other.packed_),
      plan_(0, experts_),
      cls_plan_(0, experts_),
      temporal_plan_(0, 1),
      temporal_cls_plan_(0, 1) {
  reserve(1);
}

Vivit::Rows Vivit::count_rows(const ModelConfig& c) {
  const bool fe = c.variant == Variant::kFe, cls = c.classifier == Classifier::kToken;
  const bool counted = c.cls_policy == ClsPolicy::kRouted;
  Rows rows;
  rows.cls = !cls ? ClsRow::kNone : counted ? ClsRow::kCounted : ClsRow::kApart;
  rows.tubelets = fe ? 1 : c.nt();
  rows.window = fe ? c.nt() : 1;
  rows.counted = rows.tubelets * c.tokens() + (rows.cls == ClsRow::kCounted);
  rows.all = rows.tubelets * c.tokens() + cls;
  rows.temporal = fe ? c.nt() + cls : 0;
  return rows;
}

std::shared_ptr<const Vivit::Packed> Vivit::pack(const Model& model) const {
  const auto packed = std::make_shared<Packed>();
  make_embedding(model, *packed);
  packed->encoder = make_encoder(model, encoder_prefix(model.config()), model.config().L, experts_);
  if (routed_) make_router(model, *packed);
  if (fe_) make_temporal(model, *packed);
  LinearSpec head = linear_spec(model, "head", Nesting::kInput, 1);
  head.read_out = true;
  packed->head = backend_.prepare(head);
  return packed;
}

void Vivit::make_embedding(const Model& model, Packed& packed) const {
  const ModelConfig& c = model.config();
  const std::string prefix = encoder_prefix(c);
  EmbeddingSpec spec;
  spec.kernel = model.weights().at("embed.tubelet.weight");
  spec.bias = model.weights().at("embed.tubelet.bias");
  spec.cls = model.weights().find(prefix + ".cls_token");
  spec.pos = model.weights().at(prefix + ".pos_embed");
  spec.tubelets = rows_.tubelets;
  spec.tokens = c.tokens();
  spec.scale = static_cast<float>(c.scale);
  std::copy(c.mean.begin(), c.mean.end(), spec.mean);
  std::copy(c.std.begin(), c.std.end(), spec.std);
  packed.embedding = backend_.prepare(spec);
}

Vivit::Encoder Vivit::make_encoder(const Model& model, const std::string& prefix, int layers,
                                   int experts) const {
  Encoder encoder;
  encoder.experts = experts;
  encoder.norm = backend_.prepare(norm_spec(model, prefix + ".norm"));
  for (int i = 0; i < layers; ++i) {
    const std::string block = prefix + ".blocks." + std::to_string(i);
    const auto linear = [&](const char* part, Nesting nesting) {
      return linear_spec(model, block + part, nesting, experts);
    };
    Layer layer;
    layer.norm1 = backend_.prepare(norm_spec(model, block + ".norm1"));
    layer.norm2 = backend_.prepare(norm_spec(model, block + ".norm2"));
    const LinearSpec qkv = linear(".attn.qkv", Nesting::kInput);
    if (cls_token_ && options_.cls_shortcut && i + 1 == layers) {
      layer.q = backend_.prepare(rows_of(qkv, 0, width_));
      layer.kv = backend_.prepare(rows_of(qkv, width_, 2 * width_));
    } else {
      layer.qkv = backend_.prepare(qkv);
    }
    layer.proj = backend_.prepare(linear(".attn.proj", Nesting::kOutput));
    layer.fc1 = backend_.prepare(linear(".mlp.fc1", Nesting::kInput));
    layer.fc2 = backend_.prepare(linear(".mlp.fc2", Nesting::kOutput));
    encoder.layers.push_back(std::move(layer));
  }
  return encoder;
}

void Vivit::make_router(const Model& model, Packed& packed) const {
  RouterSpec spec;
  spec.weight = model.weights().at("mone.router.weight");
  spec.bias = model.weights().at("mone.router.bias");
  if (model.config().router_input == RouterInput::kLn1)
    spec.norm = norm_spec(model, std::string(encoder_prefix(model.config())) + ".blocks.0.norm1");
  packed.router = backend_.prepare(spec);

  const TensorView alpha = model.weights().at("mone.alpha");
  for (std::size_t i = 0; gate_ && i < packed.encoder.layers.size(); ++i) {
    float& layers_alpha = packed.encoder.layers[i].alpha;
    layers_alpha = alpha.at(alpha.count() == 1 ? 0 : static_cast<std::int64_t>(i));
    packed.alpha_zero &= layers_alpha == 0;
  }
}

void Vivit::make_temporal(const Model& model, Packed& packed) const {
  packed.temporal = make_encoder(model, "temporal", model.config().Lt, 1);
  std::vector<float> pos = to_floats(model.weights().at("temporal.pos_embed"));
  const TensorView cls = model.weights().find("temporal.cls_token");
  for (int i = 0; cls.present() && i < width_; ++i) pos[i] += cls.at(i);
  packed.temporal_pos = make_rows(rows_.temporal);
  backend_.upload(pos, 0, *packed.temporal_pos);
}

std::unique_ptr<Buffer> Vivit::make_rows(int rows) const {
  return backend_.make_buffer(std::int64_t{rows} * width_, Store::kF32);
}

void Vivit::reserve(int items) {
  if (items <= max_items_) return;
  // Should memory run out half-way, the next call makes all of it again; and with the old ones gone first
  // what has been enough before is enough then.
  max_items_ = 0;
  routing_.reset(), cls_routing_.reset();
  for (std::unique_ptr<Buffer>* buffer :
       {&raster_, &x_, &u_, &wide_, &cls_x_, &cls_u_, &cls_wide_, &window_outputs_})
    buffer->reset();
  const int per_item = std::max(rows_.all, rows_.temporal);
  const std::int64_t rows = std::int64_t{items} * per_item;
  plan_ = RowPlan(items, experts_);
  cls_plan_ = RowPlan(items, experts_);
  temporal_plan_ = RowPlan(items, 1);
  temporal_cls_plan_ = RowPlan(items, 1);
  temporal_counts_.assign(items, Counts{rows_.temporal});
  shape_.reserve(2 + static_cast<std::size_t>(items) * experts_);
  routing_ = backend_.make_routing(items * rows_.all, experts_);
  cls_routing_ = backend_.make_routing(items, experts_);
  raster_ = backend_.make_buffer(rows * width_, Store::kF32);
  x_ = backend_.make_buffer(rows * width_, Store::kF32);
  u_ = backend_.make_buffer(rows * width_, Store::kOperand);
  wide_ = backend_.make_buffer(rows * width_ * 4, Store::kOperand);
  cls_x_ = backend_.make_buffer(std::int64_t{items} * width_, Store::kF32);
  cls_u_ = backend_.make_buffer(std::int64_t{items} * width_, Store::kOperand);
  cls_wide_ = backend_.make_buffer(std::int64_t{items} * width_ * 4, Store::kOperand);
  window_outputs_ = make_rows(items);
  window_refs_.clear();
  for (int i = 0; i < items; ++i) window_refs_.push_back({window_outputs_.get(), i});
  backend_.reserve(static_cast<int>(rows), per_item, width_, heads_);
  max_items_ = items;
}

Counts Vivit::counts(double budget) const {
  Counts full{};
  full[experts_ - 1] = rows_.counted;
  const Counts counts =
      token_counts(budget, experts_, rows_.counted, rule_);  // also where plain: checks the budget
  return routed_ ? counts : full;
}

bool Vivit::all_full(std::span<const Counts> counts) const {
  return std::all_of(counts.begin(), counts.end(),
                     [&](const Counts& c) { return c[experts_ - 1] == rows_.counted; });
}

void Vivit::encode(std::span<const PixelRef> tubelets, std::span<const Counts> counts,
                   std::span<const std::uint8_t> forced, std::span<const RowRef> outputs) {
  plan_.lay_out(counts, rows_.cls);
  // With every token at full width and no gate the router has no say (identity I1).
  const bool ask_router = routed_ && !(packed_->alpha_zero && all_full(counts));
  const auto shape = forced.empty() ? encode_shape(counts, ask_router) : std::span<const int>();
  if (backend_.begin_step(shape, {tubelets, {}, outputs, {}})) return;
  backend_.embed(*packed_->embedding, tubelets, *raster_);
  backend_.route(ask_router ? packed_->router.get() : nullptr, *raster_, plan_, forced, *routing_);
  backend_.gather(*raster_, *routing_, plan_, width_, *x_);
  run(packed_->encoder, {&plan_, routing_.get(), x_.get(), u_.get(), wide_.get()}, cls_plan_, outputs);
  backend_.end_step();
}

std::span<const int> Vivit::encode_shape(std::span<const Counts> counts, bool ask_router) {
  shape_.assign({static_cast<int>(counts.size()), ask_router});
  for (const Counts& item : counts) shape_.insert(shape_.end(), item.begin(), item.begin() + experts_);
  return shape_;
}

void Vivit::predict(std::span<const RowRef> rows, std::span<float> logits) {
  const int windows = static_cast<int>(std::ssize(rows)) / rows_.window;
  shape_.assign({windows});  // shorter than that of any encode()
  if (backend_.begin_step(shape_, {{}, rows, {}, logits})) return;
  if (fe_) {
    predict_window(rows, windows, logits);
  } else {
    backend_.classify(*packed_->head, rows, logits);
  }
  backend_.end_step();
}

void Vivit::predict_window(std::span<const RowRef> rows, int windows, std::span<float> logits) {
  const std::span outputs = std::span<const RowRef>(window_refs_).first(windows);
  // Nothing is sorted here: every row is full width, so raster order is the plan's order.
  temporal_plan_.lay_out(std::span(temporal_counts_).first(windows),
                         cls_token_ ? ClsRow::kCounted : ClsRow::kNone);
  backend_.assemble(*packed_->temporal_pos, cls_token_, rows, windows, width_, *x_);
  run(packed_->temporal, {&temporal_plan_, nullptr, x_.get(), u_.get(), wide_.get()}, temporal_cls_plan_,
      outputs);
  backend_.classify(*packed_->head, outputs, logits);
}

void Vivit::run(const Encoder& encoder, const Batch& batch, RowPlan& cls_plan,
                std::span<const RowRef> outputs) {
  Batch read_out = batch;
  bool selected = !cls_token_;
  for (const Layer& layer : encoder.layers) {
    if (layer.qkv) {
      attention(layer, batch);
    } else {  // the last layer, of which only the class token is read
      backend_.normalise(*layer.norm1, *batch.x, *batch.plan, *batch.u);
      backend_.expand(*layer.kv, *batch.u, *batch.plan, Epilogue::kNone, *batch.wide);
      read_out = select_cls(batch, cls_plan);
      selected = true;
      cls_attention(layer, batch, read_out);
    }
    feed_forward(layer, read_out);
  }
  if (!selected) read_out = select_cls(batch, cls_plan);
  backend_.pool(*encoder.norm, *read_out.x, *read_out.plan, outputs);
}

void Vivit::attention(const Layer& layer, const Batch& b) {
  backend_.normalise(*layer.norm1, *b.x, *b.plan, *b.u);
  backend_.expand(*layer.qkv, *b.u, *b.plan, Epilogue::kNone, *b.wide);
  const int stride = 3 * width_;
  backend_.attend({b.wide, 0, stride}, *b.plan, {b.wide, width_, stride}, {b.wide, 2 * width_, stride},
                  *b.plan, heads_, width_, *b.u);
  backend_.contract(*layer.proj, *b.u, *b.plan, Gate{}, *b.x);
}

void Vivit::cls_attention(const Layer& layer, const Batch& all, const Batch& cls) {
  backend_.normalise(*layer.norm1, *cls.x, *cls.plan, *cls.u);
  backend_.expand(*layer.q, *cls.u, *cls.plan, Epilogue::kNone, *cls.wide);
  const int stride = 2 * width_;
  backend_.attend({cls.wide, 0, width_}, *cls.plan, {all.wide, 0, stride}, {all.wide, width_, stride},
                  *all.plan, heads_, width_, *cls.u);
  backend_.contract(*layer.proj, *cls.u, *cls.plan, Gate{}, *cls.x);
}

void Vivit::feed_forward(const Layer& layer, const Batch& b) {
  backend_.normalise(*layer.norm2, *b.x, *b.plan, *b.u);
  backend_.expand(*layer.fc1, *b.u, *b.plan, act_, *b.wide);
  backend_.contract(*layer.fc2, *b.wide, *b.plan, Gate{layer.alpha, b.routing}, *b.x);
}

Vivit::Batch Vivit::select_cls(const Batch& all, RowPlan& cls_plan) {
  backend_.select_cls(*all.plan, all.routing, cls_plan, *cls_routing_);
  backend_.gather(*all.x, *cls_routing_, cls_plan, width_, *cls_x_);
  return {&cls_plan, all.routing ? cls_routing_.get() : nullptr, cls_x_.get(), cls_u_.get(), cls_wide_.get()};
}

}  // namespace mone
