#include "engine/backend/cuda/backend.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "engine/backend/cuda/kernels/float_product.h"
#include "engine/backend/cuda/kernels/routing.h"
#include "engine/backend/cuda/kernels/tensor_product.h"
#include "engine/backend/cuda/kernels/warpgroup_product.h"

namespace mone::cuda {
namespace {

// Graphs of a hundred launches each, some 100 KB of host memory apiece; tables of a few KB.
constexpr std::size_t kRecords = 128, kTables = 1024;

const CudaRouting& own(const Routing& routing) { return static_cast<const CudaRouting&>(routing); }
CudaRouting& own(Routing& routing) { return static_cast<CudaRouting&>(routing); }
const CudaLinear& own(const Linear& linear) { return static_cast<const CudaLinear&>(linear); }
const CudaNorm& own(const Norm& norm) { return static_cast<const CudaNorm&>(norm); }
const CudaBuffer& own(const Buffer& buffer) { return static_cast<const CudaBuffer&>(buffer); }
CudaBuffer& own(Buffer& buffer) { return static_cast<CudaBuffer&>(buffer); }

Operand operand_of(DType dtype) {
  return dtype == DType::kF32 ? Operand::kFloat : dtype == DType::kBf16 ? Operand::kBf16 : Operand::kF16;
}

int counted_rows(const RowPlan& plan) { return plan.rows_per_item() - (plan.cls() == ClsRow::kApart); }

Stairs stairs_of(const RowPlan& plan) {
  Stairs stairs;
  stairs.experts = plan.experts();
  for (int expert = 0; expert <= plan.experts(); ++expert) stairs.rows_from[expert] = plan.rows_from(expert);
  return stairs;
}

}  // namespace

CudaBackend::CudaBackend(std::unique_ptr<Runtime> runtime, const BackendOptions& options)
    : runtime_(std::move(runtime)),
      dtype_(options.dtype),
      operand_(operand_of(options.dtype)),
      log_(options.log),
      tables_(*runtime_, kTables),
      records_(kRecords) {
  open_libraries(options);
}

CudaBackend::~CudaBackend() {
  if (recording_) runtime_->abandon_record();
}

std::unique_ptr<Linear> CudaBackend::prepare(const LinearSpec& spec) {
  return std::make_unique<CudaLinear>(*runtime_, spec, operand_);
}
std::unique_ptr<Norm> CudaBackend::prepare(const NormSpec& spec) {
  return std::make_unique<CudaNorm>(*runtime_, spec);
}
std::unique_ptr<Embedding> CudaBackend::prepare(const EmbeddingSpec& spec) {
  return std::make_unique<CudaEmbedding>(*runtime_, spec, operand_);
}
std::unique_ptr<Router> CudaBackend::prepare(const RouterSpec& spec) {
  return std::make_unique<CudaRouter>(*runtime_, spec);
}
std::unique_ptr<Buffer> CudaBackend::make_buffer(std::int64_t elements, Store store) {
  return std::make_unique<CudaBuffer>(*runtime_, elements, store == Store::kOperand ? bytes_of(operand_) : 4);
}
std::unique_ptr<Routing> CudaBackend::make_routing(int max_rows, int experts) {
  return std::make_unique<CudaRouting>(*runtime_, max_rows, experts);
}
void CudaBackend::reserve(int, int max_rows_per_item, int width, int heads) {
  width_ = width;
  records_.clear();  // the network has new buffers
  if (std::exchange(compare_attention_, false)) compare_attention(max_rows_per_item, width, heads);
}

bool CudaBackend::begin_step(std::span<const int> shape, const StepArguments& arguments) {
  record_ = nullptr;
  logits_to_ = {};
  arguments_ = arguments;
  inbox_ = &inboxes_[arguments.tubelets.empty()];
  if (inbox_->busy) wait({"the step before"});
  // Pixels on the device need no place in the inbox: a record copies as many as it was made with.
  shape_.assign(shape.begin(), shape.end());
  if (!shape.empty() && !arguments.tubelets.empty()) shape_.push_back(tubelets_on_host());
  if (!shape.empty()) record_ = records_.find(shape_);
  if (record_ && record_->graph) {
    fill_inbox();
    inbox_->busy = true;
    for (const auto& [routing, extent] : record_->routings) routing->begin(extent);
    runtime_->launch(record_->graph, {"a recorded step", shape[0]});
    logits_to_ = arguments.logits;
    give_logits();
    return true;
  }
  if (!record_ && !shape.empty()) {
    record_ = &records_.add(shape_, {});
  } else if (record_ && record_->seen && !record_->never) {
    record_->kept.clear();
    record_->routings.clear();
    for (const AttentionShape& attention : record_->attentions) attention_->find(attention);
    record_->never = true;  // unless it can be recorded: a step that cannot runs whole from then on
    runtime_->begin_record();
    recording_ = true;
  }
  if (arguments.tubelets.empty()) send_inbox();  // encoding: embed() does, who knows how large a tubelet is
  return false;
}

void CudaBackend::end_step() {
  if (recording_) {
    recording_ = false;
    record_->graph = OwnedGraph(*runtime_, runtime_->end_record());
    record_->never = false;
    runtime_->launch(record_->graph, {"a recorded step"});
  } else if (record_) {
    record_->seen = true;
  }
  give_logits();
}

void CudaBackend::abort_step() noexcept {
  if (std::exchange(recording_, false)) runtime_->abandon_record();
  record_ = nullptr;
  logits_to_ = {};
  try {
    wait({"a step that failed"});
  } catch (...) {
    // A device that is lost for good: nothing runs on it any more.
  }
}

void CudaBackend::give_logits() {
  if (logits_to_.empty()) return;
  wait({"logits", static_cast<int>(logits_to_.size())});
  std::memcpy(logits_to_.data(), logits_host_.get(), logits_to_.size() * sizeof(float));
  logits_to_ = {};
}

void CudaBackend::wait(const What& what) {
  runtime_->wait(what);
  for (Inbox& inbox : inboxes_) inbox.busy = false;
}

DeviceMemory& CudaBackend::grown(DeviceMemory& scratch, std::size_t bytes, const What& what) {
  if (scratch.bytes() >= bytes) return scratch;
  forget_records();
  scratch = DeviceMemory();  // before the larger one is asked for
  return scratch = DeviceMemory(*runtime_, bytes, what);
}

void CudaBackend::forget_records() {
  if (recording_) throw DeviceError("cuda: memory was too small for a step that had been run before");
  records_.clear();
  record_ = nullptr;
}

void CudaBackend::fill_inbox() {
  constexpr std::size_t kAlign = 256;
  const StepArguments& a = arguments_;
  Inbox& in = *inbox_;
  in.outputs_at = a.sources.size() * sizeof(float*);
  in.tubelets_at = in.outputs_at + a.outputs.size() * sizeof(float*);
  in.pixels_at = (in.tubelets_at + a.tubelets.size() * sizeof(std::uint8_t*) + kAlign - 1) / kAlign * kAlign;
  in.bytes = in.pixels_at + static_cast<std::size_t>(tubelets_on_host()) * in.tubelet_bytes;
  // Both are asked: the device's may be gone since it could not be made larger.
  if (std::min(in.host.bytes(), in.device.bytes()) < in.bytes) {
    const What what{"step input (KiB)", static_cast<int>(in.bytes / 1024)};
    grown(in.device, in.bytes, what);
    forget_records();  // they copy from there, too
    in.host = PinnedMemory();
    in.host = PinnedMemory(*runtime_, in.bytes, what);
  }
  const auto write_addresses = [&](std::span<const RowRef> rows, std::size_t at) {
    const auto addresses = addresses_on_host(rows);
    if (!rows.empty()) std::memcpy(in.host.get() + at, addresses.data(), addresses.size_bytes());
  };
  write_addresses(a.sources, 0);
  write_addresses(a.outputs, in.outputs_at);
  fill_tubelets();
}

int CudaBackend::tubelets_on_host() const {
  return static_cast<int>(std::count_if(arguments_.tubelets.begin(), arguments_.tubelets.end(),
                                        [](const PixelRef& tubelet) { return !tubelet.on_device; }));
}

/// Where each tubelet's pixels will be, and those that have to go there.
void CudaBackend::fill_tubelets() {
  const Inbox& in = *inbox_;
  std::size_t next = in.pixels_at;
  std::byte* address = in.host.get() + in.tubelets_at;
  for (const PixelRef& tubelet : arguments_.tubelets) {
    const std::uint8_t* there = tubelet.data;
    if (!tubelet.on_device) {
      std::memcpy(in.host.get() + next, tubelet.data, in.tubelet_bytes);
      there = in.device.as<const std::uint8_t>() + next;
      next += in.tubelet_bytes;
    }
    std::memcpy(address, &there, sizeof(there));
    address += sizeof(there);
  }
}

void CudaBackend::send_inbox() {
  fill_inbox();
  inbox_->busy = true;
  runtime_->copy_in(inbox_->device.as(), inbox_->host.get(), inbox_->bytes, {"step input"});
}

std::span<float* const> CudaBackend::addresses_on_host(std::span<const RowRef> rows) {
  addresses_.clear();
  for (const RowRef& row : rows)
    addresses_.push_back(own(*row.buffer).floats() + static_cast<std::ptrdiff_t>(row.row) * width_);
  return addresses_;
}

float* const* CudaBackend::addresses(std::span<const RowRef> rows) {
  std::byte* const inbox = inbox_->device.as<std::byte>();
  const auto same = [&](std::span<const RowRef> other) {
    return rows.data() == other.data() && rows.size() == other.size();
  };
  if (same(arguments_.sources)) return reinterpret_cast<float* const*>(inbox);
  if (same(arguments_.outputs)) return reinterpret_cast<float* const*>(inbox + inbox_->outputs_at);
  return table<float*>(addresses_on_host(rows));
}

const Tables::Handle& CudaBackend::keep(const Tables::Handle& handle) {
  if (recording_) record_->kept.push_back(handle);
  return handle;
}

const int* CudaBackend::item_rows(const RowPlan& plan) {
  ints_.clear();
  for (int item = 0; item < plan.items(); ++item)
    for (const Segment& segment : plan.segments(item))
      for (int i = 0; i < segment.count; ++i) ints_.push_back(segment.begin + i);
  return table<int>(ints_);
}

template <class Body>
void CudaBackend::launch(const Body& body, Grid grid, std::size_t shared_bytes, const What& what) {
  if (grid.x && grid.y && grid.z) runtime_->launch(kernel_of<Body>(), grid, shared_bytes, &body, what);
}

void CudaBackend::multiply(const Product& p, const What& what) {
  if (!multiply_by_library(p, what)) multiply_here(p, what);
}

void CudaBackend::multiply_here(const Product& p, const What& what) {
  if (operand_ == Operand::kFloat)
    return launch(FloatProduct{p}, FloatProduct::grid(p), FloatProduct::kSharedBytes, what);
  with_operand(operand_, [&](auto tag) {
    using T = decltype(tag);
    if constexpr (sizeof(T) == 2) {
      using Wide = WideTensorProduct<T>;
      using Small = NarrowTensorProduct<T>;
      // Large tiles read less; small ones keep every multiprocessor busy. Sums are the same to the bit.
      const Grid wide = Wide::grid(p);
      const bool enough =
          wide.x * wide.y >= runtime_->device().multiprocessors && runtime_->device().major >= 8;
      if (enough && warpgroups_)
        launch(WarpgroupProduct<T>{p}, wide, WarpgroupProduct<T>::kSharedBytes, what);
      else if (enough)
        launch(Wide{p}, wide, Wide::kSharedBytes, what);
      else
        launch(Small{p}, Small::grid(p), Small::kSharedBytes, what);
    }
  });
}

Product CudaBackend::product_of(const CudaLinear& linear, const void* x, const RowPlan* plan,
                                int rows) const {
  Product p;
  p.x = x;
  p.w = linear.weight.as<>();
  p.bias = linear.bias.as<const float>();
  p.ldx = linear.in;
  p.ldw = line_of(linear.in);
  p.ldo = p.outputs = linear.out;
  p.rows = rows;
  p.inputs = linear.in;
  if (plan && linear.experts > 1 && plan->experts() > 1) {
    p.narrow = linear.nesting == Nesting::kInput ? Narrow::kInput : Narrow::kOutput;
    p.stairs = stairs_of(*plan);
  }
  return p;
}

void CudaBackend::embed(const Embedding& embedding, std::span<const PixelRef> tubelets, Buffer& rows) {
  const auto& e = static_cast<const CudaEmbedding&>(embedding);
  inbox_->tubelet_bytes = static_cast<std::size_t>(e.tokens) * e.depth;
  send_inbox();
  const int tokens = static_cast<int>(std::ssize(tubelets)) * e.tokens, per_item = e.tubelets * e.tokens;
  const int items = tokens / per_item, line = line_of(e.depth);
  const What what{"embed", tokens, e.depth, e.width};
  grown(pixels_, static_cast<std::size_t>(tokens) * line * bytes_of(operand_), what);
  with_operand(operand_, [&](auto tag) {
    using Unpack = UnpackPixels<decltype(tag)>;
    const Unpack unpack{reinterpret_cast<const std::uint8_t* const*>(inbox_->device.as<const std::byte>() +
                                                                     inbox_->tubelets_at),
                        e.pixel.as<const decltype(tag)>(),
                        pixels_.as<decltype(tag)>(),
                        tokens,
                        e.tokens,
                        e.depth,
                        line};
    const std::int64_t eights = std::int64_t{tokens} * (line / 8);
    launch(unpack, {static_cast<int>((eights + Unpack::kThreads - 1) / Unpack::kThreads), 1, 1}, 0, what);
  });
  Product p;
  p.x = pixels_.as<>();
  p.w = e.kernel.as<>();
  p.bias = e.bias.as<const float>();
  p.ldx = p.ldw = line;
  p.ldo = p.outputs = e.width;
  p.rows = tokens;
  p.inputs = e.depth;
  p.out = own(rows).floats();
  p.finish = Finish::kEmbed;
  p.positions = e.positions.as<const float>();
  p.per_item = per_item;
  p.cls = e.cls;
  multiply(p, what);
  if (e.cls)
    launch(FillCls{e.cls_pos.as<const float>(), own(rows).floats(), items, per_item + 1, e.width},
           grid_of_rows(items), 0, what);
  own(rows).tails_known = false;
}

void CudaBackend::assemble(const Buffer& cls_pos, bool has_cls, std::span<const RowRef> sources, int items,
                           int width, Buffer& rows) {
  const int per_item = static_cast<int>(std::ssize(sources)) / items;
  launch(Assemble{own(cls_pos).floats(), addresses(sources), own(rows).floats(), items, per_item, has_cls,
                  width},
         grid_of_rows(items * (per_item + has_cls)), 0, {"assemble", items, per_item, width});
  own(rows).tails_known = false;
}

void CudaBackend::route(const Router* router, const Buffer& rows, const RowPlan& plan,
                        std::span<const std::uint8_t> forced, Routing& routing) {
  CudaRouting& r = own(routing);
  const int counted = counted_rows(plan), apart = plan.cls() == ClsRow::kApart, items = plan.items();
  const What what{"route", items, counted, plan.experts()};
  if (counted > kMaxTokens)
    throw ShapeError("cuda: " + to_string(what) + ": at most 65536 tokens can be routed");
  r.begin({items, counted, router != nullptr});
  if (recording_) record_->routings.emplace_back(&r, r.extent());
  if (router) {
    const auto& w = static_cast<const CudaRouter&>(*router);
    RouterProbs probs{};
    probs.x = own(rows).floats();
    probs.weight = w.weight.as<const float>();
    probs.bias = w.bias.as<const float>();
    if (w.norm) {
      probs.norm_weight = w.norm->weight.as<const float>();
      probs.norm_bias = w.norm->bias.as<const float>();
      probs.eps = w.norm->eps;
    }
    probs.probs = r.probs_memory();
    probs.rows = items * counted;
    probs.counted = counted;
    probs.apart = apart;
    probs.width = w.width;
    probs.experts = w.experts;
    launch(probs, grid_of_rows(items * counted), 0, what);
  }
  ints_.clear();
  for (int item = 0; item < items; ++item)
    for (const Segment& segment : plan.segments(item))
      ints_.insert(ints_.end(), {segment.begin, segment.count});
  AssignExperts assign{};
  assign.probs = router ? r.probs_memory() : nullptr;
  assign.segments = table<int>(ints_);
  assign.given = forced.empty() ? nullptr : table<std::uint8_t>(forced);
  assign.chosen_expert = r.experts_memory();
  assign.order = r.order_memory();
  assign.chosen = r.chosen_memory();
  assign.not_finite = r.not_finite();
  assign.counted = counted;
  assign.apart = apart;
  assign.experts = plan.experts();
  launch(assign, {items, 1, 1}, AssignExperts::kSharedBytes, what);
  runtime_->copy_out(r.report_on_host(), r.not_finite(), r.report_bytes(), what);
}

void CudaBackend::select_cls(const RowPlan& plan, const Routing* routing, RowPlan& cls_plan,
                             Routing& cls_routing) {
  // The class token's expert is the largest one, unless it is routed as any row: then the host must look, and
  // such steps cannot be recorded.
  const bool look = plan.cls() == ClsRow::kCounted && routing && own(*routing).extent().routed;
  std::span<const std::uint8_t> experts;
  if (look) {
    if (record_) record_->never = true;
    experts = routing->experts();
    floats_.resize(plan.rows());
    runtime_->download(floats_.data(), own(*routing).chosen(), floats_.size() * sizeof(float),
                       {"class tokens"});
  }
  const int items = plan.items(), largest = plan.experts() - 1;
  const auto expert_of = [&](int item) {
    return look ? experts[static_cast<std::size_t>(item) * counted_rows(plan)] : largest;
  };
  counts_.assign(items, Counts{});
  for (int item = 0; item < items; ++item) counts_[item][expert_of(item)] = 1;
  cls_plan.lay_out(counts_, ClsRow::kCounted);
  ints_.resize(items);
  chosen_.assign(items, 0);
  for (int item = 0; item < items; ++item) {
    const int source = plan.cls() == ClsRow::kApart ? plan.segments(item)[0].begin
                                                    : plan.segment(item, expert_of(item)).begin;
    const int row = cls_plan.segment(item, expert_of(item)).begin;
    ints_[row] = source;
    if (look) chosen_[row] = floats_[source];
  }
  own(cls_routing).use_tables(keep(tables_.get<int>(ints_)), keep(tables_.get<float>(chosen_)));
}

void CudaBackend::gather(const Buffer& source, const Routing& routing, const RowPlan& plan, int width,
                         Buffer& sorted) {
  CudaBuffer& to = own(sorted);
  const What what{"gather", plan.rows(), width};
  grown(to.tails, static_cast<std::size_t>(to.memory.bytes() / (sizeof(float) * width)) * sizeof(Moments),
        what);
  launch(GatherRows{own(source).floats(), own(routing).order(), to.floats(), to.tails.as<Moments>(),
                    stairs_of(plan), plan.rows(), width},
         grid_of_rows(plan.rows()), 0, what);
  to.tails_known = true;
}

void CudaBackend::normalise(const Norm& norm, const Buffer& x, const RowPlan& plan, Buffer& operand) {
  const CudaNorm& n = own(norm);
  with_operand(operand_, [&](auto tag) {
    using T = decltype(tag);
    launch(Normalise<T>{own(x).floats(), own(x).tails_known ? own(x).tails.as<const Moments>() : nullptr,
                        n.weight.as<const float>(), n.bias.as<const float>(), own(operand).memory.as<T>(),
                        stairs_of(plan), plan.rows(), n.width, n.eps},
           grid_of_rows(plan.rows()), 0, {"normalise", plan.rows(), n.width});
  });
}

void CudaBackend::expand(const Linear& linear, const Buffer& x, const RowPlan& plan, Epilogue epilogue,
                         Buffer& out) {
  const CudaLinear& l = own(linear);
  Product p = product_of(l, own(x).memory.as<>(), &plan, plan.rows());
  p.out = own(out).memory.as<>();
  p.finish = epilogue == Epilogue::kGeluTanh  ? Finish::kGeluTanh
             : epilogue == Epilogue::kGeluErf ? Finish::kGeluErf
                                              : Finish::kStore;
  multiply(p, {"expand", plan.rows(), l.in, l.out});
}

void CudaBackend::contract(const Linear& linear, const Buffer& operand, const RowPlan& plan, const Gate& gate,
                           Buffer& x) {
  const CudaLinear& l = own(linear);
  Product p = product_of(l, own(operand).memory.as<>(), &plan, plan.rows());
  p.out = own(x).floats();
  p.finish = Finish::kResidual;
  if (gate.routing) {
    p.chosen = own(*gate.routing).chosen();
    p.alpha = gate.alpha;
  }
  multiply(p, {"contract", plan.rows(), l.in, l.out});
}

void CudaBackend::attend(Slice q, const RowPlan& q_plan, Slice k, Slice v, const RowPlan& plan, int heads,
                         int width, Buffer& out) {
  const auto first = [&](const Slice& slice) {
    return own(*slice.buffer).memory.as<const std::byte>() + slice.column * bytes_of(operand_);
  };
  Attention a;
  a.q = first(q), a.k = first(k), a.v = first(v);
  a.q_stride = q.stride, a.k_stride = k.stride, a.v_stride = v.stride;
  a.out = own(out).memory.as<>();
  a.width = width;
  a.items = plan.items();
  a.heads = heads;
  a.queries = q_plan.rows_per_item();
  a.keys = plan.rows_per_item();
  a.head_width = width / heads;
  a.scale = 1 / std::sqrt(static_cast<float>(a.head_width));
  const What what{"attend", a.items, a.queries, a.keys};
  if (q_plan.even() && plan.even() && attend_by_library(a, what)) return;
  a.q_rows = item_rows(q_plan);
  a.rows = item_rows(plan);
  attend_here(a, what);
}

void CudaBackend::attend_here(const Attention& a, const What& what) {
  if (operand_ == Operand::kFloat)
    return launch(FloatAttention{a}, FloatAttention::grid(a), FloatAttention::kSharedBytes, what);
  with_operand(operand_, [&](auto tag) {
    using T = decltype(tag);
    if constexpr (sizeof(T) == 2) {
      const auto run = [&](auto body) { launch(body, body.grid(a), body.kSharedBytes, what); };
      if (a.head_width <= 32) return run(TensorAttention<T, 32>{a});
      if (a.head_width <= 64) return run(TensorAttention<T, 64>{a});
      if constexpr (std::is_same_v<T, F16>)  // all that such a device has
        if (runtime_->device().major < 8) return run(TensorAttention<T, 128, 1>{a});
      run(TensorAttention<T, 128>{a});
    }
  });
}

void CudaBackend::pool(const Norm& norm, const Buffer& x, const RowPlan& plan,
                       std::span<const RowRef> outputs) {
  const CudaNorm& n = own(norm);
  const What what{"pool", plan.items(), plan.rows_per_item(), n.width};
  grown(moments_, static_cast<std::size_t>(plan.rows()) * sizeof(Moments), what);
  launch(Pool{own(x).floats(), n.weight.as<const float>(), n.bias.as<const float>(), item_rows(plan),
              addresses(outputs), moments_.as<Moments>(), plan.rows_per_item(), n.width, n.eps},
         {plan.items(), 1, 1}, 0, what);
}

void CudaBackend::classify(const Linear& head, std::span<const RowRef> h, std::span<float> logits) {
  const CudaLinear& l = own(head);
  const int rows = static_cast<int>(std::ssize(h));
  const What what{"classify", rows, l.in, l.out};
  grown(head_rows_, static_cast<std::size_t>(rows) * l.in * bytes_of(operand_), what);
  grown(logits_, logits.size_bytes(), what);
  if (logits_host_.bytes() < logits.size_bytes()) {
    forget_records();
    logits_host_ = PinnedMemory();
    logits_host_ = PinnedMemory(*runtime_, logits.size_bytes(), what);
  }
  with_operand(operand_, [&](auto tag) {
    launch(GatherOperands<decltype(tag)>{addresses(h), head_rows_.as<decltype(tag)>(), rows, l.in},
           grid_of_rows(rows), 0, what);
  });
  Product p = product_of(l, head_rows_.as<>(), nullptr, rows);
  p.out = logits_.as<>();
  p.finish = Finish::kFloat;
  multiply(p, what);
  runtime_->copy_out(logits_host_.get(), logits_.as<>(), logits.size_bytes(), what);
  logits_to_ = logits;
}

void CudaBackend::upload(std::span<const float> values, std::int64_t offset, Buffer& buffer) {
  wait({"upload"});
  runtime_->upload(own(buffer).floats() + offset, values.data(), values.size_bytes(), {"upload"});
  own(buffer).tails_known = false;
}

void CudaBackend::download(const Buffer& buffer, std::int64_t offset, std::span<float> values) {
  runtime_->download(values.data(), own(buffer).floats() + offset, values.size_bytes(), {"download"});
}

}  // namespace mone::cuda
