/// The reference backend, but a tubelet that begins with a certain byte makes its call fail.
#pragma once

#include <memory>
#include <utility>

#include "engine/backend/backend.h"
#include "engine/backend/reference/reference.h"
#include "engine/backend/registry.h"
#include "engine/error.h"

namespace mone::test {

inline constexpr std::uint8_t kPoison = 0xee;

class PoisonBackend : public Backend {
 public:
  explicit PoisonBackend(std::unique_ptr<Backend> real) : real_(std::move(real)) {}
  std::string name() const override { return "poison"; }
  DType dtype() const override { return real_->dtype(); }
  int threads() const override { return real_->threads(); }

  void embed(const Embedding& embedding, std::span<const PixelRef> tubelets, Buffer& rows) override {
    for (const PixelRef& tubelet : tubelets)
      if (*tubelet.data == kPoison) throw DeviceError("poison in the tubelet");
    real_->embed(embedding, tubelets, rows);
  }

  std::unique_ptr<Linear> prepare(const LinearSpec& spec) override { return real_->prepare(spec); }
  std::unique_ptr<Norm> prepare(const NormSpec& spec) override { return real_->prepare(spec); }
  std::unique_ptr<Embedding> prepare(const EmbeddingSpec& spec) override { return real_->prepare(spec); }
  std::unique_ptr<Router> prepare(const RouterSpec& spec) override { return real_->prepare(spec); }
  std::unique_ptr<Buffer> make_buffer(std::int64_t n, Store store) override {
    return real_->make_buffer(n, store);
  }
  std::unique_ptr<Routing> make_routing(int rows, int experts) override {
    return real_->make_routing(rows, experts);
  }
  void reserve(int rows, int per_item, int width, int heads) override {
    real_->reserve(rows, per_item, width, heads);
  }
  void assemble(const Buffer& pos, bool cls, std::span<const RowRef> sources, int items, int width,
                Buffer& rows) override {
    real_->assemble(pos, cls, sources, items, width, rows);
  }
  void route(const Router* router, const Buffer& rows, const RowPlan& plan,
             std::span<const std::uint8_t> forced, Routing& routing) override {
    real_->route(router, rows, plan, forced, routing);
  }
  void select_cls(const RowPlan& plan, const Routing* routing, RowPlan& cls_plan,
                  Routing& cls_routing) override {
    real_->select_cls(plan, routing, cls_plan, cls_routing);
  }
  void gather(const Buffer& source, const Routing& routing, const RowPlan& plan, int width,
              Buffer& sorted) override {
    real_->gather(source, routing, plan, width, sorted);
  }
  void normalise(const Norm& norm, const Buffer& x, const RowPlan& plan, Buffer& operand) override {
    real_->normalise(norm, x, plan, operand);
  }
  void expand(const Linear& linear, const Buffer& x, const RowPlan& plan, Epilogue epilogue,
              Buffer& out) override {
    real_->expand(linear, x, plan, epilogue, out);
  }
  void attend(Slice q, const RowPlan& q_plan, Slice k, Slice v, const RowPlan& plan, int heads, int width,
              Buffer& out) override {
    real_->attend(q, q_plan, k, v, plan, heads, width, out);
  }
  void contract(const Linear& linear, const Buffer& operand, const RowPlan& plan, const Gate& gate,
                Buffer& x) override {
    real_->contract(linear, operand, plan, gate, x);
  }
  void pool(const Norm& norm, const Buffer& x, const RowPlan& plan,
            std::span<const RowRef> outputs) override {
    real_->pool(norm, x, plan, outputs);
  }
  void classify(const Linear& head, std::span<const RowRef> rows, std::span<float> logits) override {
    real_->classify(head, rows, logits);
  }
  void upload(std::span<const float> values, std::int64_t offset, Buffer& out) override {
    real_->upload(values, offset, out);
  }
  void download(const Buffer& in, std::int64_t offset, std::span<float> values) override {
    real_->download(in, offset, values);
  }

 private:
  std::unique_ptr<Backend> real_;
};

inline std::unique_ptr<Backend> poison_backend() {
  BackendOptions options;
  options.threads = 1;
  return std::make_unique<PoisonBackend>(kReferenceBackend.create(options));
}

}  // namespace mone::test
