/// Work of a prediction by budget, counted in multiply-adds (spec section 11): what `mone model show` prints
/// and `mone bench` divides by. A count of the method, not of an implementation: shortcuts such as the last
/// layer's are left out.
#pragma once

#include <span>

#include "engine/export.h"
#include "engine/model_config.h"

namespace mone {

/// GMAC of one new prediction of a stream: one tubelet through the spatial encoder and one pass of the
/// temporal encoder (FE), or the whole clip (joint, which can reuse nothing).
/// @param tokens_per_expert  [E], smallest first; one temporal index (FE) or the clip (joint)
/// @throws ShapeError if they are fewer
MONE_API double step_gmac(const ModelConfig& config, std::span<const int> tokens_per_expert);

/// GMAC of a clip with nothing reused: nt spatial passes and one temporal pass (FE), or the clip (joint).
/// @throws ShapeError if there are fewer than E counts
MONE_API double clip_gmac(const ModelConfig& config, std::span<const int> tokens_per_expert);

/// The same, for the counts that `budget` gives this model (engine/capacity.h); above 1 as at 1.
/// @throws ConfigError if budget is NaN or negative
MONE_API double step_gmac(const ModelConfig& config, double budget);
MONE_API double clip_gmac(const ModelConfig& config, double budget);

}  // namespace mone
