/// What a device must do for the network in vivit.cc, which is written once.
///
/// A backend owns its memory (Buffer), its packed weights (Linear, Norm, Embedding, Router) and its threads.
/// Weights are packed once at load; buffers are made once and reused, so that a step allocates nothing.
/// Epilogues (bias, GELU, gate, residual, rounding) belong to the operation before them.
///
/// One step, per layer, on rows sorted by expert (row_plan.h):
///     u = normalise(x); qkv = expand(u); a = attend(qkv); x += contract(a)
///     u = normalise(x); h = act(expand(u)); x += gate * contract(h)
///
/// Results of a row MUST NOT depend on how many items share the call, nor on the other rows' contents beyond
/// attention inside the item: fixed order of sums, no split that depends on the row count (spec section 6).
///
/// Calls come from one thread at a time. Arguments are checked by the caller; a failing device throws
/// DeviceError.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "engine/engine.h"
#include "engine/row_plan.h"
#include "engine/tensor.h"

namespace mone {

/// What the elements of a Buffer are.
enum class Store {
  kF32,     ///< residual rows, spatial outputs
  kOperand  ///< what a product reads: f32 in f32 mode, bf16 (rounded to nearest even on store) in bf16 mode
};

/// Memory of the device for rows of a batch. Rows are packed, row-major: an operation on rows of width w
/// takes row i at element i * w, so one buffer may serve rows of several widths, one after the other.
class Buffer {
 public:
  virtual ~Buffer() = default;
};

/// Columns [column, column + width) of rows that are `stride` elements apart; the width follows from the
/// operation.
struct Slice {
  const Buffer* buffer = nullptr;
  int column = 0;
  int stride = 0;
};

/// A tubelet's pixels, u8 [tokens, pt, ph, pw, 3]: in the host's memory, or in that of the backend's device.
struct PixelRef {
  const std::uint8_t* data = nullptr;
  bool on_device = false;
};

/// One row of a kF32 buffer with rows of width D: a spatial output in a stream's ring, say.
struct RowRef {
  Buffer* buffer = nullptr;
  int row = 0;
};

/// Packed weights, opaque to the network.
class Linear {
 public:
  virtual ~Linear() = default;
};
class Norm {
 public:
  virtual ~Norm() = default;
};
class Embedding {
 public:
  virtual ~Embedding() = default;
};
class Router {
 public:
  virtual ~Router() = default;
};

/// How a product narrows for smaller experts (spec section 4.3); d_j = width 2^(j-E).
enum class Nesting {
  kInput,  ///< expand: a row of expert j reads its first d_j inputs, K extent d_j; whole bias, all outputs
  kOutput  ///< contract: a row of expert j writes its first d_j outputs, N extent d_j; whole input
};

/// y = W x + b with W [out, in] and b [out], as the file has them. `experts` 1 = not nested.
struct LinearSpec {
  TensorView weight, bias;
  Nesting nesting = Nesting::kInput;
  int experts = 1;
  bool read_out = false;  ///< the head, which stays bf16 where dtype is int8
};

struct NormSpec {
  TensorView weight, bias;  ///< [D]
  double eps = 1e-6;
};

/// Pixels to rows: row = [cls; K p + b] + P, p = (u8 * scale - mean) / std per channel (spec section 1).
struct EmbeddingSpec {
  TensorView kernel;  ///< [D, 3, pt, ph, pw]; pixels come as [pt, ph, pw, 3]
  TensorView bias;    ///< [D]
  TensorView cls;     ///< [D], or absent: no CLS row
  TensorView pos;     ///< [cls + tubelets * tokens, D]
  int tubelets = 1;   ///< per item: 1 (FE) or nt (joint)
  int tokens = 0;     ///< patch tokens per tubelet
  float scale = 0;
  float mean[3]{}, std[3]{};
};

/// probs = softmax(W norm(x) + b) in f32 whatever the mode; `norm` absent: on x itself (spec section 4.2).
struct RouterSpec {
  TensorView weight, bias;  ///< [E, D], [E]
  NormSpec norm;            ///< weight absent: router_input = raw
};

enum class Epilogue { kNone, kGeluTanh, kGeluErf };

/// Which row went where, in the device's memory, with what the host wants to know.
class Routing {
 public:
  virtual ~Routing() = default;
  /// u8 [items, counted tokens], raster order; 0 = smallest. Valid after Backend::route.
  virtual std::span<const std::uint8_t> experts() const = 0;
  /// False if the router gave NaN, which ranks last (spec section 4.7): the pictures or weights overflowed.
  virtual bool finite() const = 0;
  /// f32 [items, counted tokens, E]: softmax of the router, empty if there was none. May copy from the
  /// device: for tests and tools.
  virtual std::span<const float> probs() const = 0;
};

/// What differs between two steps of the same shape.
struct StepArguments {
  std::span<const PixelRef> tubelets;  ///< of embed()
  std::span<const RowRef> sources;     ///< of assemble(), or of a classify() without one
  std::span<const RowRef> outputs;     ///< of pool(), where they are not always the same
  std::span<float> logits;             ///< of classify()
};

/// The gate g = 1 + alpha * r[chosen expert] of spec section 4.4; routing null: 1. CLS rows standing apart
/// get 1.
struct Gate {
  float alpha = 0;
  const Routing* routing = nullptr;
};

struct BackendOptions {
  DType dtype = DType::kF32;
  int threads = 0;             ///< 0: every core this process may use
  bool deterministic = false;  ///< same bits whoever shares a batch
  int device = 0;              ///< number of the GPU, for a backend that has one
  void (*log)(int level, const std::string& line) = nullptr;  ///< as log_line(), which a module cannot reach
};

/// What a backend's threads have done while it was watched. Outside jobs only the caller works.
struct Activity {
  std::int64_t jobs = 0;  ///< loops that were shared out, at whose end the caller waited for the others
  double job_s = 0;       ///< on the clock, inside jobs
  double busy_s = 0;      ///< of all threads together, inside jobs
};

/// What the first processor calls itself ("AMD EPYC 9B14"), or "CPU".
std::string processor_name();

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string name() const = 0;
  virtual DType dtype() const = 0;
  virtual int threads() const = 0;
  /// What runs it, as it calls itself: the processor, unless a backend has a device of its own.
  virtual std::string device_name() const { return processor_name(); }

  /// Number of the GPU that runs it, in whose memory the pixels of embed() may lie, too; -1: a CPU.
  virtual int gpu() const { return -1; }

  /// Another caller's way to the same device: runs what this one has prepared, on `threads` threads and with
  /// scratch of its own, while this one works too. Null where a device takes one caller.
  virtual std::unique_ptr<Backend> lane(int) const { return nullptr; }

  // For the profiler (engine/step_profile.h).

  /// Counts Activity from now on, or no more; off at first.
  virtual void watch(bool) {}
  virtual Activity activity() const { return {}; }
  /// Billions of multiply-adds a second that all threads reach together in registers, in the type of the
  /// products; 0: unknown.
  virtual double peak_gmac() { return 0; }

  // At load. Views may be unmapped once these return.
  virtual std::unique_ptr<Linear> prepare(const LinearSpec& spec) = 0;
  virtual std::unique_ptr<Norm> prepare(const NormSpec& spec) = 0;
  virtual std::unique_ptr<Embedding> prepare(const EmbeddingSpec& spec) = 0;
  virtual std::unique_ptr<Router> prepare(const RouterSpec& spec) = 0;
  virtual std::unique_ptr<Buffer> make_buffer(std::int64_t elements, Store store) = 0;
  /// @param max_rows  raster rows of all items together
  virtual std::unique_ptr<Routing> make_routing(int max_rows, int experts) = 0;
  /// Room for scratch: told before a network's first step with its largest plan, and again when that grows.
  virtual void reserve(int max_rows, int max_rows_per_item, int width, int heads) = 0;

  // Per step. `plan` describes the rows; buffers hold at least plan.rows() rows.

  /// The operations of a step stand between begin_step() and end_step(). A device that runs behind its caller
  /// may record them, and run its record when a step of the same shape comes again.
  /// @param shape  all that decides which operations follow, on what sizes: equal shapes, equal operations on
  /// equal buffers, `arguments` apart. Empty: the step is not to be recorded.
  /// @return true if the step has been run: its operations and end_step() are then left out
  virtual bool begin_step(std::span<const int> shape, const StepArguments& arguments) { return false; }
  /// Logits are on the host once this returns.
  virtual void end_step() {}
  /// Instead of end_step() where one of the operations threw: what was queued is over once this returns, and
  /// nothing that the step was given is read or written any more.
  virtual void abort_step() noexcept {}

  /// @param tubelets  item i is made of tubelets [i * n, (i + 1) * n). Those on the device are read until the
  /// step's routing has been asked for, or its logits are there
  /// @param rows      kF32, written: [items * raster rows, D], raster order
  virtual void embed(const Embedding& embedding, std::span<const PixelRef> tubelets, Buffer& rows) = 0;

  /// Windows of spatial outputs to rows: item = [cls; its sources in time order] + P.
  /// @param cls_pos  kF32 [cls + sources per item, D]: positions, with the class token already added to row 0
  /// @param sources  [items * sources per item]
  virtual void assemble(const Buffer& cls_pos, bool has_cls, std::span<const RowRef> sources, int items,
                        int width, Buffer& rows) = 0;

  /// Chooses an expert for every counted row (router.h) and the sorted order of all rows, as `plan` lays them
  /// out.
  /// @param router  null: every row goes to the largest expert and probs are empty
  /// @param rows    kF32 in raster order
  /// @param forced  u8 [items, counted rows] instead of the router's choice, with the plan's counts; empty:
  /// the router's
  virtual void route(const Router* router, const Buffer& rows, const RowPlan& plan,
                     std::span<const std::uint8_t> forced, Routing& routing) = 0;

  /// The class-token rows of sorted `rows` as a batch of their own: lays out `cls_plan` (one row per item,
  /// sorted by expert) and fills `cls_routing` so that gather() picks them. `routing` null: plan has one
  /// expert, nothing to look up.
  virtual void select_cls(const RowPlan& plan, const Routing* routing, RowPlan& cls_plan,
                          Routing& cls_routing) = 0;

  /// sorted[i] = source[routing's order[i]], kF32. Residual tails of patch rows do not change afterwards
  /// (I4), so a backend may take the sums that LN needs of them here.
  virtual void gather(const Buffer& source, const Routing& routing, const RowPlan& plan, int width,
                      Buffer& sorted) = 0;

  /// operand[i] = LN(x[i]) over all D features; only the first d_j features of a row of expert j need be
  /// written. Nothing but expand() reads what it wrote: with dtype int8 that may be quantised rows.
  virtual void normalise(const Norm& norm, const Buffer& x, const RowPlan& plan, Buffer& operand) = 0;

  /// out = epilogue(W x + b), stored as operand. @param x operand [rows, in]; @param out operand [rows, out]
  virtual void expand(const Linear& linear, const Buffer& x, const RowPlan& plan, Epilogue epilogue,
                      Buffer& out) = 0;

  /// Per item and head: softmax(q k^T / sqrt(dh)) v over all rows of the item. Queries may be fewer rows than
  /// keys (I5): `q_plan` then is a CLS plan, item i's queries attending item i's keys.
  /// @param q, k, v  operand slices of width D
  /// @param out      operand [query rows, D], not overlapping q, k, v
  virtual void attend(Slice q, const RowPlan& q_plan, Slice k, Slice v, const RowPlan& plan, int heads,
                      int width, Buffer& out) = 0;

  /// x[:, :d_j] += g * (W[:d_j] operand + b[:d_j]). @param operand [rows, in]; @param x kF32 [rows, out]
  virtual void contract(const Linear& linear, const Buffer& operand, const RowPlan& plan, const Gate& gate,
                        Buffer& x) = 0;

  /// outputs[item] = mean of LN(x) over the item's rows, kF32: of its one CLS row, or of all tokens (`gap`).
  virtual void pool(const Norm& norm, const Buffer& x, const RowPlan& plan,
                    std::span<const RowRef> outputs) = 0;

  /// logits = W h + b, h rounded like any operand.
  /// @param h       [items] rows of spatial or window outputs, read only
  /// @param logits  f32 [items, C] on the host, written by the end of the step
  virtual void classify(const Linear& head, std::span<const RowRef> h, std::span<float> logits) = 0;

  /// Copies values into a kF32 buffer from element `offset` on, and back: at load, for tools and tests.
  virtual void upload(std::span<const float> values, std::int64_t offset, Buffer& buffer) = 0;
  virtual void download(const Buffer& buffer, std::int64_t offset, std::span<float> values) = 0;
};

}  // namespace mone
