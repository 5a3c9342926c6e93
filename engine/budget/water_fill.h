/// The arithmetic of a plan: which level, hop and share of tubelets a set of streams can have within a limit.
///
/// Water-filling: one common level c for all, poured until the limit is reached; a stream stands in it with
/// weight x c, but not below its lowest nor above its highest level.
#pragma once

#include <array>
#include <span>

#include "engine/budget/cost_model.h"

namespace mone {

/// What one live stream asks of the machine.
struct Demand {
  double rate = 0;  ///< tubelets per second
  double weight = 1;
  int lowest = 0, highest = 0;  ///< levels
  double fixed_budget = 0;      ///< > 0: exactly this instead of a level
  double run = 1;               ///< written by share_out(): share of its tubelets that are not skipped
};

class WaterFill {
 public:
  /// Mean costs of a tubelet when calls hold `batch` of them on average and `lanes` calls run at a time, as
  /// the model has them now.
  WaterFill(const CostModel& cost, double batch, int lanes = 1);

  /// Level of a stream at the common level.
  int level(const Demand& demand, double common) const;
  /// Budget of a stream at the common level.
  double budget(const Demand& demand, double common) const;
  /// Engine seconds that predicting takes of those of a tubelet.
  double read_out(const Demand& demand, double common) const;
  /// Engine seconds per tubelet, on average over a hop.
  double seconds(const Demand& demand, double common, int hop) const;
  /// Engine seconds per second, all streams, nothing skipped.
  double load(std::span<const Demand> demands, double common, int hop) const;
  /// Share of that, at hop 1, which predicting costs: what an endless hop would save.
  double read_out_share(std::span<const Demand> demands, double common) const;

  /// Common levels at which every stream is as low, and as high, as it may be.
  static double floor(std::span<const Demand> demands, const Ladder& ladder);
  static double ceiling(std::span<const Demand> demands, const Ladder& ladder);
  /// The largest common level with load <= limit; the floor if that is too much already.
  double highest_within(std::span<const Demand> demands, double limit, int hop) const;

  /// Fair shares by weight where even floor and hop are too much: each stream gets at most weight x s of the
  /// machine, the largest s with a sum within the limit, so that who asks for less than that loses nothing.
  /// Writes Demand::run.
  void share_out(std::span<Demand> demands, double limit, double common, int hop) const;

 private:
  const CostModel& cost_;
  const double batch_;
  const double stretch_;                                       // from a call's seconds to the engine's
  std::array<double, kLadder.size()> seconds_{}, read_out_{};  // per level; of those, for predicting
};

}  // namespace mone
