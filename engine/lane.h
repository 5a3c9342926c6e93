/// One caller's way through the network: threads, a workspace, and a lock. An engine has one with all its
/// threads, and where a step is too short to be shared out well (lane_threads()), several more that run at
/// the same time, each on few threads, with the same weights.
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "engine/backend/backend.h"
#include "engine/vivit.h"

namespace mone {

class StreamImpl;

/// Threads that a step of this model keeps busy, at most `threads`: below some 2 billion multiply-adds a
/// thread, waiting for each other at the end of every operation costs more than it saves.
int lane_threads(const ModelConfig& config, int threads);

class Lane {
 public:
  Lane(std::shared_ptr<const Model> model, std::unique_ptr<Backend> backend);
  /// Beside `other`, with its weights; `backend` is other.backend().lane().
  Lane(const Lane& other, std::unique_ptr<Backend> backend);

  /// One tubelet of each stream, as one batch: encode all, then predict for those that want a prediction.
  /// A failing device throws; the streams then are as before their begin().
  void step(std::span<StreamImpl* const> streams);

  /// Steps hold it.
  std::unique_lock<std::mutex> lock() { return std::unique_lock(mutex_); }
  Backend& backend() { return *backend_; }
  const Backend& backend() const { return *backend_; }
  Vivit& network() { return network_; }
  const Vivit& network() const { return network_; }

 private:
  void run(std::span<StreamImpl* const> streams);
  void encode();
  void take_experts();
  void predict();

  std::shared_ptr<const Model> model_;
  std::unique_ptr<Backend> backend_;
  Vivit network_;
  std::mutex mutex_;
  // Arguments of a step, kept so that it does not allocate.
  std::vector<StreamImpl*> encoding_, predicting_;
  std::vector<PixelRef> tubelets_;
  std::vector<Counts> counts_;
  std::vector<std::uint8_t> forced_;
  std::vector<RowRef> outputs_, windows_;
  std::vector<float> logits_;
  bool warned_not_finite_ = false;
};

}  // namespace mone
