/// A stream's state and how it becomes one prediction; the work itself is the engine's.
#pragma once

#include <memory>
#include <vector>

#include "engine/backend/backend.h"
#include "engine/batcher.h"
#include "engine/engine.h"
#include "engine/ring.h"

namespace mone {

class EngineImpl;

class StreamImpl : public Stream {
 public:
  explicit StreamImpl(std::shared_ptr<EngineImpl> engine);
  ~StreamImpl() override;
  const Prediction& push(const Tubelet& tubelet, double budget) override;
  void skip(Time begin, Time end) override { ring_.repeat(begin, end); }
  void reset() override { ring_.clear(); }

  // The two halves of push, around the engine's step:

  /// @throws ShapeError, ConfigError as push()
  void check(const Tubelet& tubelet, double budget) const;
  /// Checks the tubelet, gives it a place in the ring and fills in what encode() needs.
  /// @param predict  false: only the tubelet's own work is done, for the predictions to come
  /// @throws ShapeError, ConfigError; the ring is then as before
  void begin(const Tubelet& tubelet, double budget, bool predict = true);
  /// Undoes begin() after a step that failed.
  void retract() { ring_.retract(); }
  /// Takes what encode() found out about the newest tubelet.
  void encoded(std::span<const std::uint8_t> experts);
  /// Fills in the prediction once the logits are there.
  const Prediction& finish();

  const EngineImpl& engine() const { return *engine_; }
  /// The batcher's, under its lock.
  Job& job() { return job_; }
  const Job& job() const { return job_; }
  /// Of the newest tubelet.
  double realised() const { return realised_; }
  bool predicts() const { return predicts_; }
  /// A joint model has no work of a tubelet's own: its pixels wait for the clip.
  bool encodes() const { return predicts_ || pixels_.empty(); }
  const Counts& counts() const { return counts_; }
  /// u8 [counted rows] where a control chooses the experts, else empty.
  std::span<const std::uint8_t> forced() const { return forced_; }
  std::span<const PixelRef> tubelets() const { return tubelets_; }
  const RowRef& output() const { return output_; }
  std::span<const RowRef> window() const { return window_; }
  std::span<float> logits() { return logits_; }

 private:
  void force(std::span<const std::uint8_t> experts);

  std::shared_ptr<EngineImpl> engine_;
  Ring ring_;
  std::unique_ptr<Buffer> outputs_;  // FE: [slots, D] spatial outputs; joint: [1, D]
  std::vector<std::vector<std::uint8_t>>
      pixels_;                 // joint: [slots] tubelets, mixed only by attention, so kept whole
  double counts_budget_ = -1;  // what counts_ was solved for
  std::vector<std::uint8_t> forced_;
  Counts counts_{};
  bool predicts_ = true;
  double realised_ = 0;
  std::vector<PixelRef> tubelets_;
  RowRef output_;
  std::vector<RowRef> window_;
  std::vector<float> logits_;
  std::vector<std::uint8_t> experts_;
  Prediction prediction_;
  Job job_;
};

}  // namespace mone
