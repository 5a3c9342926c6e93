/// What a camera and a codec do to a picture: tones, noise, softness, blocks.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "elements/actors/raster.h"
#include "elements/actors/rng.h"

namespace mone::actors {

struct Look {
  std::array<std::array<uint8_t, 1025>, 3> tone;  ///< 0..1 in steps of 1/1024 to 0..255, per plane
  float noise = 0;                                ///< deviation, 0..1 scale
  float soften = 0;                               ///< outer weight of a 3-tap filter
  int soften_times = 1;
  float flicker = 0;       ///< deviation of the brightness from frame to frame
  float hold = 0;          ///< blocks that change less than this stay as they were, as a thrifty codec's do
  float trail = 0;         ///< share of the previous frame that shines through
  bool occluded = false;   ///< something stands in front
  float occluder[4] = {};  ///< left, top, right, bottom as shares of the picture
  float occluder_tone = 0;
};

/// @param strength  0 = neutral tones and no artefacts, 1 = the whole range
Look draw_look(Rng& rng, float strength);

/// out[i * step] = tone[in[i] * bright + noise * grain[i]], the index clamped to 0..1024.
void tone_row(const float* in, int count, float bright, float noise, const float* grain, const uint8_t* tone,
              int step, uint8_t* out);

/// Turns float pictures into bytes, frame after frame of one clip.
class Developer {
 public:
  /// Blurs, holds and trails in place, then writes u8: luma (1 plane) or RGB interleaved (3), `stride` bytes
  /// per row.
  void develop(const Look& look, Canvas& canvas, bool first, Rng& rng, uint8_t* out, size_t stride);

 private:
  void soften(const Look& look, Canvas& canvas);
  std::vector<float> previous_, scratch_;
};

}  // namespace mone::actors
