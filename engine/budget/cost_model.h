/// What a tubelet costs at each budget, in seconds of the engine: measured once, then corrected by every
/// call.
///
/// The measured table says how costs relate (budget to budget, one tubelet to a full batch). What changes
/// while running is mostly the machine: a neighbour takes a core, the clock drops. So the correction is one
/// factor for the whole table, plus a small one per level where the table itself was off. Both are robust:
/// one call that took ten times as long moves nothing, two in a row that took three times as long are
/// believed at once, and good news is believed more slowly than bad.
///
/// Pure: no clock, no lock, no allocation after construction.
#pragma once

#include <array>
#include <span>

#include "engine/budget/ladder.h"
#include "engine/export.h"

namespace mone {

/// Seconds per level as measured, smallest budget first; entries from the ladder's size on are 0.
struct CostTable {
  int experts = 1;                              ///< of the model: which ladder
  int max_batch = 1;                            ///< tubelets in a full batch
  std::array<double, kLadder.size()> single{};  ///< one tubelet alone, prediction included
  std::array<double, kLadder.size()>
      batch{};          ///< max_batch tubelets in one call (= single if max_batch is 1)
  double read_out = 0;  ///< seconds of `single` that a tubelet without a prediction saves

  bool operator==(const CostTable&) const = default;
};

/// One tubelet of a call.
struct CostItem {
  double budget = 1;
  bool predict = true;
};

class MONE_API CostModel {
 public:
  /// Costs are made to rise with the level and with the batch, should noise have said otherwise.
  /// @throws ConfigError if a cost is not positive and finite
  explicit CostModel(const CostTable& table);

  const Ladder& ladder() const { return ladder_; }
  int max_batch() const { return table_.max_batch; }

  /// Expected seconds of a call with `batch` tubelets, all at `budget`. Affine in the batch (a call has a
  /// fixed part), also beyond max_batch; linear between levels.
  double seconds(double budget, double batch) const;
  /// The same, shared out: seconds per tubelet when calls hold `batch` of them on average.
  double per_tubelet(double budget, double batch, bool predict = true) const;
  /// Seconds that one more tubelet at `budget` adds to a call that already holds some.
  double further(double budget) const { return at(slope_, budget); }
  /// Expected seconds of a call with these tubelets.
  double seconds(std::span<const CostItem> items) const;

  /// A call with these tubelets took so long. Nonsense (no items, not positive, not finite) is ignored.
  void observe(std::span<const CostItem> items, double seconds);

  /// How much slower the machine is now than when the table was measured; 1 = as measured.
  double scale() const { return scale_; }
  /// Relative scatter of a call's time around what was expected.
  double noise() const { return spread_; }
  /// Mean time of the last calls against what was expected of them, at least 1: what rare long ones add up
  /// to, which scale() leaves out. For plans over many calls, not for one call's deadline.
  double overrun() const { return overrun_; }
  long observations() const { return observations_; }

 private:
  int working(std::span<const CostItem> items) const;
  void correct(double error, double taken);
  void add_to_mean(double taken, double expected);
  void correct_level(std::span<const CostItem> items, double error);
  void rebuild();
  double at(std::span<const double> costs, double budget) const;

  CostTable table_;
  Ladder ladder_;
  std::array<double, kLadder.size()> single_{}, slope_{};  // now: first tubelet, each further one; seconds
  std::array<double, kLadder.size()> level_{};             // log correction per level
  std::array<double, kLadder.size()> read_out_{};          // share of a tubelet's cost that its prediction is
  double log_scale_ = 0, scale_ = 1, spread_, lag_ = 0;
  std::array<double, 8> recent_{};  // log(taken / measured table), newest last
  int recent_count_ = 0;
  int slow_calls_ = 0;  // in a row, by more than scatter explains
  double slow_time_ = 0, slow_least_ = 0;
  double taken_, expected_, overrun_ = 1;  // seconds of the last calls
  long observations_ = 0;
};

}  // namespace mone
