/// The budgets that automatic decisions choose from: 16 levels, few enough to time all of them and to keep a
/// CUDA graph for each. A fixed budget is used exactly as given and need not be a level.
#pragma once

#include <array>

#include "engine/export.h"

namespace mone {

inline constexpr std::array<double, 16> kLadder = {.125, .15, .2,  .25, .3, .35, .4,  .45,
                                                   .5,   .55, .65, .75, .8, .85, .95, 1};

/// The levels of one model, smallest budget first: levels below the smallest expert spend what that expert
/// spends, so they fall together into one. A plain model has the level 1 alone.
class MONE_API Ladder {
 public:
  /// @param experts  E of the model, 1 to 5 (plain: 1)
  explicit Ladder(int experts);

  int size() const { return size_; }
  double budget(int level) const { return budgets_[level]; }
  /// The largest level whose budget is at most `budget`; 0 if all are larger.
  int at_most(double budget) const {
    const double steps = budget * kSteps + kRounding;
    return at_most_[steps <= 0 ? 0 : steps >= kSteps ? kSteps : static_cast<int>(steps)];
  }
  /// The smallest level whose budget is at least `budget`; the largest if all are smaller.
  int at_least(double budget) const;

 private:
  static constexpr int kSteps = 40;          // every level is a multiple of 1 / 40
  static constexpr double kRounding = 1e-6;  // .15 and 3 * .05 are the same budget

  std::array<double, kLadder.size()> budgets_{};
  std::array<signed char, kSteps + 1> at_most_{};  // by budget in steps
  int size_ = 0;
};

}  // namespace mone
