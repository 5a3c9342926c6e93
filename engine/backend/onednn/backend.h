/// The CPU backend: our kernels where the CPU has the vectors for them, oneDNN's products elsewhere.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/backend/host_routing.h"
#include "engine/backend/onednn/cpu_buffer.h"
#include "engine/backend/onednn/isa.h"
#include "engine/backend/onednn/packed_linear.h"
#include "engine/backend/onednn/prepared.h"
#include "engine/backend/onednn/row_runs.h"
#include "engine/backend/onednn/staircase.h"
#include "engine/backend/onednn/thread_team.h"
#include "engine/backend/registry.h"

namespace mone {

extern const BackendEntry kOnednnBackend;

namespace cpu {

class CpuBackend : public Backend {
 public:
  CpuBackend(const BackendOptions& options, const Isa& isa);

  std::string name() const override { return "onednn"; }
  DType dtype() const override { return dtype_; }
  int threads() const override { return team_.threads(); }
  std::unique_ptr<Backend> lane(int threads) const override {
    return std::make_unique<CpuBackend>(BackendOptions{.dtype = dtype_, .threads = threads}, isa_);
  }
  void watch(bool on) override { team_.watch(on); }
  Activity activity() const override { return team_.activity(); }
  double peak_gmac() override;

  std::unique_ptr<Linear> prepare(const LinearSpec& spec) override;
  std::unique_ptr<Norm> prepare(const NormSpec& spec) override;
  std::unique_ptr<Embedding> prepare(const EmbeddingSpec& spec) override;
  std::unique_ptr<Router> prepare(const RouterSpec& spec) override;
  std::unique_ptr<Buffer> make_buffer(std::int64_t elements, Store store) override;
  std::unique_ptr<Routing> make_routing(int max_rows, int experts) override;
  void reserve(int max_rows, int max_rows_per_item, int width, int heads) override;

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
  std::size_t operand_bytes() const { return bf16_ ? 2 : 4; }
  std::ptrdiff_t stride(int columns) const { return operand_stride(columns, operand_bytes()); }
  /// The address of an operand slice's first element.
  const void* first(const Slice& slice) const;
  /// `scratch` with room for `elements`: made anew only where it is too small.
  CpuBuffer& grown(std::unique_ptr<CpuBuffer>& scratch, std::int64_t elements, bool padded);
  void layer_norm(const LayerNorm& norm, int rows);
  /// widths_ = how many of `width` columns the expert of each row uses.
  void set_widths(const RowPlan& plan, int width);
  /// Points `product` at `operand`'s rows, quantised first where the layer's products are int8.
  void take_operand(Product& product, const PackedLinear& linear, const Buffer& operand, int rows);

  Isa isa_;
  DType dtype_;
  bool bf16_;  // operands are bf16: in int8 mode too, but for what is quantised
  ThreadTeam team_;
  Staircase staircase_;
  double peak_gmac_ = -1;  // not measured yet
  std::vector<float> gate_;
  std::vector<int> widths_;
  RowRuns q_runs_, kv_runs_;
  std::vector<Memory> attention_scratch_;  // per thread
  std::unique_ptr<CpuBuffer> pixels_, head_input_, normed_, quantised_;
};

}  // namespace cpu
}  // namespace mone
