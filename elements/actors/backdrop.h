/// What is behind the people: wall, floor, furniture, posters, textures.
#pragma once

#include <cstdint>
#include <vector>

#include "elements/actors/body.h"
#include "elements/actors/rng.h"

namespace mone::actors {

/// A still picture somewhat larger than the frame, so that a moving camera finds something at its edges.
struct Backdrop {
  int planes = 1;                  ///< 1 luma or 3 RGB
  int width = 0, height = 0;       ///< pixels
  int margin_x = 0, margin_y = 0;  ///< where the frame at rest begins
  std::vector<uint8_t> pixels[3];

  /// Row `y` of the frame shifted by (dx, dy) pixels; beyond the margin the picture is mirrored.
  void copy_row(int plane, int y, int dx, int dy, int x, int count, uint8_t* out) const;
};

struct BackdropOptions {
  int width, height;  ///< of the frame
  int planes;
  float pixel_aspect;
  float horizon;  ///< where wall meets floor, share of the frame's height from the top
  float clutter;  ///< 0 plain .. 1 crowded
  float margin;   ///< share of the frame on each side
};

Backdrop draw_backdrop(Rng& rng, const BackdropOptions& options);

/// Luma of a colour, BT.601.
inline float luma(const Colour& c) { return 0.299f * c.x + 0.587f * c.y + 0.114f * c.z; }

}  // namespace mone::actors
