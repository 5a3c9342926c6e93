/// A cost table like a small model's, for tests of the budget.
#pragma once

#include "engine/budget/cost_model.h"

namespace mone::test {

/// `full` seconds at budget 1, `fixed` of that whatever the budget, predicting included; a full batch of 8
/// costs `batched` as much per tubelet.
inline CostTable linear_costs(double full = .010, double fixed = .1, double batched = 1, int experts = 4,
                              double read_out = .05) {
  CostTable t;
  t.experts = experts;
  t.max_batch = 8;
  const Ladder ladder(experts);
  for (int l = 0; l < ladder.size(); ++l) {
    t.single[l] = full * (fixed + (1 - fixed) * ladder.budget(l));
    t.batch[l] = 8 * batched * t.single[l];
  }
  t.read_out = read_out * full;
  return t;
}

}  // namespace mone::test
