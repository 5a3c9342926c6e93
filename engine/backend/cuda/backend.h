/// The network's operations on an NVIDIA GPU.
///
/// All work is queued on one stream; the host waits where it reads: at the end of a step with logits, and for
/// the routing when it is asked for. A step that comes again is launched as one graph (step_records.h). What
/// differs between two steps of a shape, pixels and addresses, goes to the device first, as one copy, to a
/// place that does not move.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "engine/backend/backend.h"
#include "engine/backend/cuda/kernels/attention.h"
#include "engine/backend/cuda/kernels/product.h"
#include "engine/backend/cuda/library_plans.h"
#include "engine/backend/cuda/prepared.h"
#include "engine/backend/cuda/routing.h"
#include "engine/backend/cuda/step_records.h"
#include "engine/backend/cuda/tables.h"

namespace mone::cuda {

class CudaBackend : public Backend {
 public:
  CudaBackend(std::unique_ptr<Runtime> runtime, const BackendOptions& options);
  ~CudaBackend() override;

  std::string name() const override { return "cuda"; }
  DType dtype() const override { return dtype_; }
  int threads() const override { return 1; }
  int gpu() const override { return runtime_->device().index; }
  std::string device_name() const override { return runtime_->device().name; }

  std::unique_ptr<Linear> prepare(const LinearSpec& spec) override;
  std::unique_ptr<Norm> prepare(const NormSpec& spec) override;
  std::unique_ptr<Embedding> prepare(const EmbeddingSpec& spec) override;
  std::unique_ptr<Router> prepare(const RouterSpec& spec) override;
  std::unique_ptr<Buffer> make_buffer(std::int64_t elements, Store store) override;
  std::unique_ptr<Routing> make_routing(int max_rows, int experts) override;
  void reserve(int max_rows, int max_rows_per_item, int width, int heads) override;

  bool begin_step(std::span<const int> shape, const StepArguments& arguments) override;
  void end_step() override;
  void abort_step() noexcept override;
  void embed(const Embedding& embedding, std::span<const PixelRef> tubelets, Buffer& rows) override;
  void assemble(const Buffer& cls_pos, bool has_cls, std::span<const RowRef> sources, int items, int width,
                Buffer& rows) override;
  void route(const Router* router, const Buffer& rows, const RowPlan& plan,
             std::span<const std::uint8_t> forced, Routing& routing) override;
  void select_cls(const RowPlan& plan, const Routing* routing, RowPlan& cls_plan,
                  Routing& cls_routing) override;
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
  void upload(std::span<const float> values, std::int64_t offset, Buffer& buffer) override;
  void download(const Buffer& buffer, std::int64_t offset, std::span<float> values) override;

 private:
  /// What a step is given, on its way to the device: addresses of sources, outputs and tubelets, then those
  /// tubelets' pixels that are not on the device. Encoding and predicting have one each, so that one need not
  /// wait for the other.
  struct Inbox {
    PinnedMemory host;
    DeviceMemory device;
    bool busy = false;  ///< the device may still read the host's side
    std::size_t tubelet_bytes = 0;
    std::size_t bytes = 0, outputs_at = 0, tubelets_at = 0, pixels_at = 0;  ///< sources come first
  };

  void fill_inbox();
  void fill_tubelets();
  int tubelets_on_host() const;
  void send_inbox();
  void wait(const What& what);
  void give_logits();

  template <class Body>
  void launch(const Body& body, Grid grid, std::size_t shared_bytes, const What& what);
  void multiply(const Product& product, const What& what);
  void multiply_here(const Product& product, const What& what);
  void attend_here(const Attention& attention, const What& what);
  Product product_of(const CudaLinear& linear, const void* x, const RowPlan* plan, int rows) const;

  // Work that a library does (library_work.cc). False: it cannot, or is not asked to.
  void open_libraries(const BackendOptions& options);
  bool attend_by_library(const Attention& attention, const What& what);
  bool multiply_by_library(const Product& product, const What& what);
  /// Drops the library's attention unless it is faster for one item of so many rows.
  void compare_attention(int rows, int width, int heads);
  void log(const std::string& line) const;

  template <class T>
  const T* table(std::span<const T> values) {
    return keep(tables_.get(values))->template as<const T>();
  }
  const Tables::Handle& keep(const Tables::Handle& handle);
  /// i32 [items, rows per item]: the item's rows in the order in which attention visits them.
  const int* item_rows(const RowPlan& plan);
  /// Addresses of rows: in the inbox if they are the step's, else in a table.
  float* const* addresses(std::span<const RowRef> rows);
  std::span<float* const> addresses_on_host(std::span<const RowRef> rows);
  DeviceMemory& grown(DeviceMemory& scratch, std::size_t bytes, const What& what);
  void forget_records();

  std::unique_ptr<Runtime> runtime_;  // before all that it owns memory of
  DType dtype_;
  Operand operand_;
  void (*log_)(int level, const std::string& line);
  std::optional<LibraryPlans<AttentionLibrary>> attention_;
  std::optional<LibraryPlans<ProductLibrary>> products_;
  bool compare_attention_ = false;  ///< before the first step
  bool warpgroups_ = false;
  Tables tables_;
  StepRecords records_;

  // The step under way.
  std::array<Inbox, 2> inboxes_;  // encoding, predicting
  Inbox* inbox_ = nullptr;
  StepArguments arguments_;
  std::vector<int> shape_;        ///< with what it says of the tubelets
  StepRecord* record_ = nullptr;  ///< the step is being recorded into it, or would be the next time
  bool recording_ = false;
  std::span<float> logits_to_;
  int width_ = 0;  ///< of the network: how far rows lie apart that a step names

  DeviceMemory pixels_, head_rows_, logits_, moments_, sums_, workspace_;  // scratch
  PinnedMemory logits_host_;
  std::vector<int> ints_;
  std::vector<float> floats_, chosen_;
  std::vector<float*> addresses_;
  std::vector<Counts> counts_;
};

}  // namespace mone::cuda
