#include "pipeline/eval_settings.h"

#include <algorithm>

namespace mone {

const char* to_name(Chooser chooser) {
  switch (chooser) {
    case Chooser::kRouter:
      return "router";
    case Chooser::kRandom:
      return "random";
    case Chooser::kShuffled:
      return "shuffled";
    case Chooser::kUniform:
      return "uniform";
  }
  return "";
}

std::vector<EvalSetting> settings_of(const Model& model, const EvalOptions& options) {
  const ModelConfig& c = model.config();
  if (!model.routed()) return {{Chooser::kRouter, 1, -1}};
  std::vector<EvalSetting> settings;
  for (const double budget : options.budgets) settings.push_back({Chooser::kRouter, budget, -1});
  // Controls hand the experts of a tubelet in: see Tubelet::experts for what takes them.
  if (c.variant != Variant::kFe || (c.classifier == Classifier::kToken && c.cls_policy == ClsPolicy::kRouted))
    return settings;
  for (const Chooser control : options.controls) {
    if (control == Chooser::kUniform) {
      for (int expert = c.E - 1; expert >= 0; --expert)
        settings.push_back({control, 1.0 / (1 << (c.E - 1 - expert)), expert});
    } else {
      for (const double budget : options.budgets)
        if (budget < 1) settings.push_back({control, budget, -1});  // at 1 every token is at full width
    }
  }
  return settings;
}

std::vector<std::string> left_out(const Model& model, const EvalOptions& options,
                                  const std::vector<EvalSetting>& settings) {
  const auto below = [](double budget) { return budget < 1; };
  if (!model.routed()) {
    if (std::none_of(options.budgets.begin(), options.budgets.end(), below)) return {};
    return {
        "a plain model: measured at budget 1 alone; budgets below 1 need nested experts and a router "
        "(samples/training/README.md makes a plain model nested)"};
  }
  const bool controlled = std::any_of(settings.begin(), settings.end(),
                                      [](const EvalSetting& s) { return s.chooser != Chooser::kRouter; });
  if (controlled || options.controls.empty()) return {};
  if (std::none_of(options.budgets.begin(), options.budgets.end(), below)) return {};
  return {
      "no controls: experts can be handed in to a factorised encoder (fe) whose class token is not routed, "
      "and this is another model"};
}

}  // namespace mone
