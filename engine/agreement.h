/// How far two engines' answers to the same pictures are apart: int8 beside bf16, say.
#pragma once

#include <span>
#include <string>

#include "engine/engine.h"
#include "engine/export.h"

namespace mone {

struct Agreement {
  int answers = 0, same_label = 0;        ///< predictions, and those whose best label is the same
  double cosine = 1;                      ///< of two predictions' logits, the least
  double largest_difference = 0;          ///< of two logits
  long tokens = 0, tokens_elsewhere = 0;  ///< routed, and given to another expert

  double label_share() const { return answers ? double(same_label) / answers : 1; }
};

/// Pushes made-up pictures (tokens of random brightness and contrast) through a stream of each, at each
/// budget.
/// @param pictures  tubelets at each budget
/// @throws ConfigError if the engines have different models or a budget is outside (0, 1]
MONE_API Agreement compare_engines(Engine& tested, Engine& judge, std::span<const double> budgets,
                                   int pictures);

/// Least cosine at which a model may run in int8. Two answers of which one is 14 % of the other's length away
/// have .99; rounding to int8 leaves well-behaved models above .999.
inline constexpr double kInt8LeastCosine = 0.99;

}  // namespace mone
