/// Where the budget of a stream's next tubelet comes from: the one place for a controller to stand.
/// Today it is what the property says.
#pragma once

#include <atomic>

namespace mone {

class BudgetSource {
 public:
  /// From any thread; acts on the next tubelet.
  void fix(double budget) { fixed_ = budget; }
  /// What the tubelet that is about to run may spend; `rate` is its stream's tubelets per second.
  double next(double rate) const {
    static_cast<void>(rate);  // a fixed budget does not answer to it
    return fixed_;
  }

 private:
  std::atomic<double> fixed_{1.0};
};

}  // namespace mone
