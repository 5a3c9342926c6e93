#include "engine/agreement.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <random>

#include "engine/log.h"

namespace mone {
namespace {

/// Token after token, each with a brightness and a contrast of its own, so that the router tells them apart.
void draw(std::minstd_rand& random, int tokens, std::span<std::uint8_t> pixels) {
  const std::size_t token_bytes = pixels.size() / static_cast<std::size_t>(tokens);
  const auto below = [&](int limit) { return static_cast<int>((random() >> 8) % limit); };
  for (std::size_t token = 0; token < pixels.size(); token += token_bytes) {
    const int level = below(256), contrast = 1 + below(128);
    for (std::size_t i = token; i < token + token_bytes; ++i)
      pixels[i] = static_cast<std::uint8_t>(std::clamp(level + below(2 * contrast) - contrast, 0, 255));
  }
}

double cosine(std::span<const float> a, std::span<const float> b) {
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    ab += double{a[i]} * b[i], aa += double{a[i]} * a[i], bb += double{b[i]} * b[i];
  if (!std::isfinite(ab)) return -1;
  return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : aa == bb;
}

void add(const Prediction& tested, const Prediction& judge, Agreement& sum) {
  const auto best = [](std::span<const float> x) { return std::max_element(x.begin(), x.end()) - x.begin(); };
  ++sum.answers;
  sum.same_label += best(tested.logits) == best(judge.logits);
  sum.cosine = std::min(sum.cosine, cosine(tested.logits, judge.logits));
  for (std::size_t i = 0; i < judge.logits.size(); ++i) {
    const double difference = std::abs(double{tested.logits[i]} - judge.logits[i]);
    sum.largest_difference =
        std::isfinite(difference) ? std::max(sum.largest_difference, difference) : HUGE_VAL;
  }
  sum.tokens += std::ssize(judge.experts);
  for (std::size_t i = 0; i < judge.experts.size(); ++i)
    sum.tokens_elsewhere += tested.experts[i] != judge.experts[i];
}

}  // namespace

Agreement compare_engines(Engine& tested, Engine& judge, std::span<const double> budgets, int pictures) {
  if (&tested.model() != &judge.model())
    throw ConfigError("two engines are compared on one model, not on " + tested.model().name() + " and " +
                      judge.model().name());
  Agreement agreement;
  const ModelConfig& config = judge.model().config();
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(config.tubelet_bytes()));
  std::minstd_rand random(1);
  Time begin{};
  const auto one = tested.new_stream(), other = judge.new_stream();
  for (int picture = 0; picture < pictures; ++picture)
    for (const double budget : budgets) {
      draw(random, config.tokens(), pixels);
      const Tubelet tubelet{pixels, begin, begin + std::chrono::milliseconds(80)};
      begin += std::chrono::milliseconds(160);
      add(one->push(tubelet, budget), other->push(tubelet, budget), agreement);
    }
  return agreement;
}

std::string why_not_int8(Engine& tested, const std::shared_ptr<const Model>& model,
                         const EngineOptions& options) {
  EngineOptions judge_options = options;
  judge_options.backend = tested.backend();
  judge_options.dtype = DType::kBf16;
  const auto judge = Engine::create(model, judge_options);
  if (!judge) return "int8 cannot be compared with bf16: " + judge.error().text;
  constexpr double kBudgets[] = {1, 0.25};
  const Agreement agreement = compare_engines(tested, *judge.value(), kBudgets, 2);
  char text[32];
  std::snprintf(text, sizeof text, "%.4f", agreement.cosine);
  log_line(kLogInfo, model->name() + " in int8: cosine with bf16 is at least " + text);
  if (agreement.cosine >= kInt8LeastCosine) return {};
  return model->name() + " is not for int8: its answers have a cosine of " + text +
         " with those in bf16; choose bf16 or f32";
}

}  // namespace mone
