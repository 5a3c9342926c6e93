/// What an evaluation measures: budgets, and controls for who chooses the experts.
#pragma once

#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/labels.h"
#include "engine/sampling.h"

namespace mone {

/// Who chooses the experts of a tubelet's tokens.
enum class Chooser {
  kRouter,    ///< the model's own
  kRandom,    ///< chance, as many tokens per expert as the router gives
  kShuffled,  ///< the router, but looking at another tubelet, of another moment or video
  kUniform    ///< nobody: one nested model for every token
};
/// "router", "random", "shuffled", "uniform".
const char* to_name(Chooser chooser);

/// A point of a curve.
struct EvalSetting {
  Chooser chooser = Chooser::kRouter;
  double budget = 1;  ///< of kUniform: the share of the width that the nested model is
  int expert = -1;    ///< of kUniform: which nested model
};

struct EvalOptions {
  std::vector<double> budgets;
  std::vector<Chooser> controls;       ///< besides the router, where the model has one
  LabelPolicy policy;                  ///< when a label is an event
  std::string background = "nothing";  ///< the label that is no event
  Sampling sampling = Sampling::kFollow;
  unsigned seed = 1;  ///< of the controls
  int maps = 8;       ///< videos of which a map of the experts is kept
};

/// Of what was asked for, what this model can do: the router's first. A plain model has one budget, 1.
std::vector<EvalSetting> settings_of(const Model& model, const EvalOptions& options);
/// What was asked for and is not among `settings`, one line each.
std::vector<std::string> left_out(const Model& model, const EvalOptions& options,
                                  const std::vector<EvalSetting>& settings);

}  // namespace mone
