/// The controls of an evaluation: experts that are not what the router makes of the picture.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

namespace mone {

/// Experts for the tokens by chance, `counts[j]` tokens for expert j.
std::vector<std::uint8_t> random_experts(std::span<const int> counts, std::mt19937& random);

/// Choices the router made elsewhere.
class OtherChoices {
 public:
  /// One of those remembered; empty if there is none.
  std::span<const std::uint8_t> draw(std::mt19937& random) const;
  /// Remembers a choice for later draws, in place of an old one.
  void remember(std::span<const std::uint8_t> experts, std::mt19937& random);

 private:
  std::vector<std::vector<std::uint8_t>> kept_;
};

}  // namespace mone
