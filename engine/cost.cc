#include "engine/cost.h"

#include "engine/capacity.h"

namespace mone {
namespace {

constexpr double kGiga = 1e9;

bool has_cls(const ModelConfig& config) { return config.classifier == Classifier::kToken; }

/// Patch rows of one attention set: a temporal index (FE) or the clip (joint).
double patch_rows(const ModelConfig& config) {
  return config.variant == Variant::kFe ? config.tokens() : config.tokens() * config.nt();
}

/// Rows that the router hands out: the CLS row is among them only if it is routed.
int routed_rows(const ModelConfig& config) {
  const bool cls = has_cls(config) && config.cls_policy == ClsPolicy::kRouted;
  return static_cast<int>(patch_rows(config)) + (cls ? 1 : 0);
}

/// Embedding, router and encoder blocks of one attention set.
double encoder_macs(const ModelConfig& config, std::span<const int> tokens_per_expert) {
  const double width = config.D;
  const double patches = patch_rows(config);
  const double rows = patches + (has_cls(config) ? 1 : 0);
  double live = has_cls(config) && config.cls_policy == ClsPolicy::kFull ? width : 0;  // P of section 11
  for (int expert = 0; expert < config.E; ++expert) {
    live += static_cast<double>(tokens_per_expert[expert]) * expert_width(expert, config.E, config.D);
  }
  const double embedding = patches * width * 3 * config.pt * config.ph * config.pw;
  const double router = config.E > 1 ? routed_rows(config) * width * config.E : 0;
  return embedding + router + config.L * (12 * width * live + 2 * rows * rows * width);
}

/// Temporal encoder (FE) and head.
double read_out_macs(const ModelConfig& config) {
  const double width = config.D;
  const double rows = config.nt() + (has_cls(config) ? 1 : 0);
  const double temporal = config.Lt * (12 * width * width * rows + 2 * rows * rows * width);
  return (config.variant == Variant::kFe ? temporal : 0) + width * config.C;
}

void check(const ModelConfig& config, std::span<const int> tokens_per_expert) {
  if (std::ssize(tokens_per_expert) < config.E)
    throw ShapeError("counts of " + std::to_string(tokens_per_expert.size()) + " experts for a model of " +
                     std::to_string(config.E));
}

Counts counts_at(const ModelConfig& config, double budget) {
  return token_counts(budget, config.E, routed_rows(config), {config.beta, config.delta, config.w_form});
}

}  // namespace

double step_gmac(const ModelConfig& config, std::span<const int> tokens_per_expert) {
  check(config, tokens_per_expert);
  return (encoder_macs(config, tokens_per_expert) + read_out_macs(config)) / kGiga;
}

double clip_gmac(const ModelConfig& config, std::span<const int> tokens_per_expert) {
  check(config, tokens_per_expert);
  const int sets = config.variant == Variant::kFe ? config.nt() : 1;
  return (sets * encoder_macs(config, tokens_per_expert) + read_out_macs(config)) / kGiga;
}

double step_gmac(const ModelConfig& config, double budget) {
  return step_gmac(config, counts_at(config, budget));
}

double clip_gmac(const ModelConfig& config, double budget) {
  return clip_gmac(config, counts_at(config, budget));
}

}  // namespace mone
