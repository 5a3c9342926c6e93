/// The engine behind the door: one backend, one network, and who may use them when.
#pragma once

#include <mutex>
#include <optional>

#include "engine/batcher.h"
#include "engine/engine.h"
#include "engine/stream.h"
#include "engine/vivit.h"

namespace mone {

class EngineImpl : public Engine, public std::enable_shared_from_this<EngineImpl> {
 public:
  EngineImpl(std::shared_ptr<const Model> model, std::unique_ptr<Backend> backend);
  std::unique_ptr<Stream> new_stream() override;
  void push(std::span<StreamPush> pushes) override;
  std::unique_ptr<Feed> new_feed(const StreamTerms& terms) override;
  void set_costs(const CostTable& costs) override;
  void set_utilisation(double utilisation) override;
  ControllerView load() const override;
  const Model& model() const override { return *model_; }
  std::string backend() const override { return backend_->name(); }
  DType dtype() const override { return backend_->dtype(); }
  int threads() const override { return backend_->threads(); }
  std::string device_name() const override { return backend_->device_name(); }

  /// What does not change after load; steps and clips hold the lock.
  const Vivit& network() const { return *network_; }
  Backend& device() { return *backend_; }
  std::unique_lock<std::mutex> lock() { return std::unique_lock(mutex_); }
  Vivit& locked_network(const std::unique_lock<std::mutex>&) { return *network_; }

  /// Says once, where the model is plain, that a budget below 1 saves nothing.
  void note_budget(double budget);

  /// One tubelet of each stream, as one batch: encode all, then predict for those that want a prediction.
  /// A failing device throws; the streams then are as before their begin().
  void step(std::span<StreamImpl* const> streams);

 private:
  void run(std::span<StreamImpl* const> streams);
  void encode();
  void take_experts();
  void predict();

  std::shared_ptr<const Model> model_;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Vivit> network_;
  std::mutex mutex_;
  // Arguments of a step, kept so that it does not allocate.
  std::vector<StreamImpl*> encoding_, predicting_;
  std::vector<const std::uint8_t*> tubelets_;
  std::vector<Counts> counts_;
  std::vector<std::uint8_t> forced_;
  std::vector<RowRef> outputs_, windows_;
  std::vector<float> logits_;
  bool warned_not_finite_ = false;
  std::once_flag told_plain_;

  // Of the feeds; a lock of its own, as timing the costs takes the other one.
  mutable std::mutex feeds_mutex_;
  std::optional<CostTable> costs_;
  double utilisation_ = ControllerOptions{}.utilisation;
  std::unique_ptr<Batcher> batcher_;  // the last member: its thread ends first
};

}  // namespace mone
