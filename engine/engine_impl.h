/// The engine behind the door: the network's lanes, and who may use them when.
#pragma once

#include <mutex>
#include <optional>

#include "engine/batcher.h"
#include "engine/engine.h"
#include "engine/lane.h"
#include "engine/stream.h"

namespace mone {

/// Compares an int8 engine with one in bf16 on the same backend, made for this and gone afterwards.
/// @return  empty, or why the model is not for int8
std::string why_not_int8(Engine& tested, const std::shared_ptr<const Model>& model,
                         const EngineOptions& options);

class EngineImpl : public Engine, public std::enable_shared_from_this<EngineImpl> {
 public:
  EngineImpl(std::shared_ptr<const Model> model, std::unique_ptr<Backend> backend);
  std::unique_ptr<Stream> new_stream() override;
  void push(std::span<StreamPush> pushes) override;
  void push_on_lane(int lane, std::span<StreamPush> pushes) override;
  std::unique_ptr<Feed> new_feed(const StreamTerms& terms) override;
  void set_costs(const CostTable& costs) override;
  void set_utilisation(double utilisation) override;
  ControllerView load() const override;
  const Model& model() const override { return *model_; }
  std::string backend() const override { return device().name(); }
  DType dtype() const override { return device().dtype(); }
  int threads() const override { return device().threads(); }
  int lanes() override;
  int gpu() const override { return network().tubelets_per_item() == 1 ? device().gpu() : -1; }
  std::string device_name() const override { return device().device_name(); }

  /// What does not change after load; steps and clips hold the lock.
  const Vivit& network() const { return team_.network(); }
  const Backend& device() const { return team_.backend(); }
  Backend& device() { return team_.backend(); }
  std::unique_lock<std::mutex> lock() { return team_.lock(); }
  Vivit& locked_network(const std::unique_lock<std::mutex>&) { return team_.network(); }

  /// The lane with all the threads.
  Lane& team() { return team_; }
  /// One of lanes(), which are the team alone or run beside each other.
  Lane& lane(int index);

  /// Says once, where the model is plain, that a budget below 1 saves nothing.
  void note_budget(double budget);

 private:
  void push(Lane& lane, std::span<StreamPush> pushes);

  std::shared_ptr<const Model> model_;
  Lane team_;
  std::once_flag told_plain_, made_lanes_;
  std::vector<std::unique_ptr<Lane>> lanes_;  // empty: the team is the only one

  // Of the feeds; a lock of its own, as timing the costs takes the other one.
  mutable std::mutex feeds_mutex_;
  std::optional<CostTable> costs_;
  double utilisation_ = ControllerOptions{}.utilisation;
  std::unique_ptr<Batcher> batcher_;  // the last member: its thread ends first
};

}  // namespace mone
