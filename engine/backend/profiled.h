/// A backend that measures another: every operation's time, multiply-adds and bytes, by stage of the step.
/// The network does not know; without it nothing is measured.
#pragma once

#include <array>

#include "engine/backend/backend.h"
#include "engine/step_profile.h"

namespace mone {

class ProfiledBackend : public Backend {
 public:
  /// @param inner  outlives this
  explicit ProfiledBackend(Backend& inner);
  ~ProfiledBackend() override;

  /// What was measured since reset(), sums; `ms` and `peak` of a stage are not filled in.
  struct Totals {
    std::array<StageCost, kStages> stages;
    std::array<double, kStages> worked_s{};  ///< of all threads together
    double wall_s = 0;
    std::int64_t barriers = 0;
  };
  void reset() { totals_ = {}; }
  const Totals& totals() const { return totals_; }

  std::string name() const override { return inner_.name(); }
  DType dtype() const override { return inner_.dtype(); }
  int threads() const override { return inner_.threads(); }

  std::unique_ptr<Linear> prepare(const LinearSpec& spec) override;
  std::unique_ptr<Norm> prepare(const NormSpec& spec) override;
  std::unique_ptr<Embedding> prepare(const EmbeddingSpec& spec) override;
  std::unique_ptr<Router> prepare(const RouterSpec& spec) override;
  std::unique_ptr<Buffer> make_buffer(std::int64_t elements, Store store) override;
  std::unique_ptr<Routing> make_routing(int max_rows, int experts) override;
  void reserve(int max_rows, int max_rows_per_item, int width, int heads) override;

  bool begin_step(std::span<const int> shape, const StepArguments& arguments) override;
  void end_step() override;
  void embed(const Embedding& embedding, std::span<const std::uint8_t* const> tubelets,
             Buffer& rows) override;
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
  void measure(Stage stage, Work work, const Call& call);
  double operand_bytes() const { return dtype() == DType::kF32 ? 4 : 2; }

  Backend& inner_;
  std::unique_ptr<Buffer> probe_;
  bool temporal_ = false;  // between assemble() and classify()
  Totals totals_;
};

}  // namespace mone
