#include "engine/router.h"

#include <algorithm>
#include <cmath>

namespace mone {

bool assign_experts(std::span<const float> probs, int experts, const Counts& counts,
                    std::span<std::uint8_t> assigned, AssignScratch& scratch) {
  const int tokens = static_cast<int>(assigned.size());
  std::vector<int>& free = scratch.candidates;
  free.resize(tokens);
  for (int i = 0; i < tokens; ++i) free[i] = i;

  for (int j = experts - 1; j > 0 && !free.empty(); --j) {
    const auto ahead = [&](int a, int b) {
      const float pa = probs[a * experts + j], pb = probs[b * experts + j];
      if (std::isnan(pa) || std::isnan(pb)) return std::isnan(pa) == std::isnan(pb) ? a < b : std::isnan(pb);
      return pa != pb ? pa > pb : a < b;
    };
    const auto chosen_end = free.begin() + std::min<std::ptrdiff_t>(counts[j], std::ssize(free));
    // `ahead` is a strict total order, so the chosen set does not depend on the order of `free`.
    if (chosen_end != free.end()) std::nth_element(free.begin(), chosen_end, free.end(), ahead);
    for (auto it = free.begin(); it != chosen_end; ++it) assigned[*it] = static_cast<std::uint8_t>(j);
    free.erase(free.begin(), chosen_end);
  }
  for (const int i : free) assigned[i] = 0;
  return std::none_of(probs.begin(), probs.end(), [](float p) { return std::isnan(p); });
}

}  // namespace mone
