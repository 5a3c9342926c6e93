#include "pipeline/eval_control.h"

namespace mone {
namespace {

constexpr std::size_t kKept = 64;  // minutes of video at a few tubelets a second: mostly of other clips

std::size_t below(std::size_t end, std::mt19937& random) { return random() % end; }

}  // namespace

std::vector<std::uint8_t> random_experts(std::span<const int> counts, std::mt19937& random) {
  std::vector<std::uint8_t> experts;
  for (std::size_t j = 0; j < counts.size(); ++j)
    experts.insert(experts.end(), counts[j], static_cast<std::uint8_t>(j));
  for (std::size_t i = experts.size(); i > 1; --i) std::swap(experts[i - 1], experts[below(i, random)]);
  return experts;
}

std::span<const std::uint8_t> OtherChoices::draw(std::mt19937& random) const {
  if (kept_.empty()) return {};
  return kept_[below(kept_.size(), random)];
}

void OtherChoices::remember(std::span<const std::uint8_t> experts, std::mt19937& random) {
  if (kept_.size() < kKept)
    kept_.emplace_back(experts.begin(), experts.end());
  else
    kept_[below(kKept, random)].assign(experts.begin(), experts.end());
}

}  // namespace mone
