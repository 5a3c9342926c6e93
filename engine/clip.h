/// One whole window at once, with everything a test or `mone model run` wants to see.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/engine.h"

namespace mone {

struct Clip {
  std::span<const std::uint8_t> pixels;  ///< u8 [frames, height, width, 3], the model's planes and size
  double budget = 1;                     ///< (0, 1]
  std::span<const std::uint8_t> forced =
      {};  ///< u8 [sets, rows]: experts instead of the router's; counts follow
};

/// `sets` are tubelets (FE) or the one clip (joint); `rows` are the routed rows of a set: its tokens, after
/// the class token where that is routed too.
struct ClipResult {
  std::vector<float> logits;                        ///< f32 [C]
  double realised = 1;                              ///< sum k_j s_j / N over all sets
  std::vector<std::vector<int>> tokens_per_expert;  ///< [sets][E], smallest first
  std::vector<std::uint8_t> experts;                ///< u8 [sets, rows], 0 = smallest
  std::vector<float> probs;    ///< f32 [sets, rows, E]; empty where the router had no say
  std::vector<float> outputs;  ///< f32 [sets, D]: spatial outputs h (FE) or the pooled row
};

/// @throws ShapeError if pixels or forced do not fit the model, ConfigError if budget is outside (0, 1] or an
/// expert
///         outside 0..E-1
MONE_API ClipResult classify_clip(Engine& engine, const Clip& clip);

}  // namespace mone
