/// A backend that measures another: every operation's time, multiply-adds and bytes, by stage of the step.
/// The network does not know; without it nothing is measured.
#pragma once

#include <span>
#include <vector>

#include "engine/backend/backend.h"
#include "engine/step_profile.h"

namespace mone {

class ProfiledBackend : public Backend {
 public:
  /// @param inner  outlives this
  explicit ProfiledBackend(Backend& inner);
  ~ProfiledBackend() override;

  /// One operation of a step.
  struct Operation {
    StepStage stage;
    double macs = 0, bytes = 0;
    double wall_s = 0, worked_s = 0;  ///< on the clock, and of all threads together
    std::int64_t barriers = 0;
  };
  /// Steps from here on are others than those before.
  void forget() { operations_.clear(), next_ = 0; }
  /// A step begins: the same operations as in the last one.
  void next_step() { next_ = 0; }
  /// Of the steps since forget(), each operation at its fastest: whoever else is on the machine disturbs a
  /// step here and there, but rarely the same operation every time.
  std::span<const Operation> operations() const { return operations_; }

  std::string name() const override { return inner_.name(); }
  DType dtype() const override { return inner_.dtype(); }
  int threads() const override { return inner_.threads(); }
  int gpu() const override { return inner_.gpu(); }
  std::string device_name() const override { return inner_.device_name(); }

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
  struct Work {
    double macs = 0, bytes = 0;
  };
  template <class Call>
  void measure(StepStage stage, Work work, const Call& call);
  void keep(const Operation& operation);
  double operand_bytes() const { return dtype() == DType::kF32 ? 4 : 2; }
  /// Of a weight or an input of the layers' products.
  double product_bytes() const { return dtype() == DType::kInt8 ? 1 : operand_bytes(); }

  Backend& inner_;
  std::unique_ptr<Buffer> probe_;
  bool temporal_ = false;  // between assemble() and classify()
  std::vector<Operation> operations_;
  std::size_t next_ = 0;
};

}  // namespace mone
