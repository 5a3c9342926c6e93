/// Probabilities -> one expert per token (spec section 4.7).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/capacity.h"

namespace mone {

/// Scratch of assign_experts, kept so that the per-tubelet path does not allocate.
struct AssignScratch {
  explicit AssignScratch(int max_tokens) { candidates.reserve(max_tokens); }
  std::vector<int> candidates;
};

/// Gives every token one expert: the largest expert chooses its `counts[j]` tokens first, then the next
/// smaller one among those left; expert 0 takes the rest. Ranking is by the softmax value, equal values by
/// the lower token index, NaN last.
///
/// @param probs    f32 [tokens, experts], rows sum to 1
/// @param counts   tokens per expert, smallest first, sums to tokens
/// @param assigned u8 [tokens], written: expert per token, 0 = smallest
/// @return false if a probability is NaN
/// Source: Jain et al. 2024, arXiv:2407.19985, Algorithm 1 (Expert Preferred Routing); the tie rule is ours.
bool assign_experts(std::span<const float> probs, int experts, const Counts& counts,
                    std::span<std::uint8_t> assigned, AssignScratch& scratch);

}  // namespace mone
