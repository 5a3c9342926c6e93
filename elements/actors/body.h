/// A person's build and clothes.
#pragma once

#include <cstdint>

#include "elements/actors/math.h"
#include "elements/actors/rng.h"

namespace mone::actors {

/// Linear-ish RGB, 0..1.
using Colour = Vec3;
Colour from_hsv(float hue, float saturation, float value);

enum class Pattern : uint8_t { kPlain, kStripesAcross, kStripesAlong, kMottled };

struct Cloth {
  Colour colour;
  Pattern pattern = Pattern::kPlain;
  float period = 0.08f;  ///< metres
  float depth = 0;       ///< 0..1, how dark the pattern is
};

enum class Sleeves : uint8_t { kNone, kShort, kLong };
enum class Hair : uint8_t { kBald, kShort, kLong, kTied, kCap };

struct Body {
  float height = 1.72f;
  float leg = 0.82f, torso = 0.49f, arm = 0.58f;  ///< metres
  float shoulder = 0.185f, pelvis = 0.1f;         ///< half widths
  float head = 1.1f, girth = 1.0f, limb = 1.0f;   ///< factors
  Cloth top, bottom;
  Colour skin, hair_colour, shoes;
  Sleeves sleeves = Sleeves::kLong;
  Hair hair = Hair::kShort;
  bool shorts = false, skirt = false;
};

/// @param variety  0 = an average figure in plain clothes, 1 = the whole range
Body draw_body(Rng& rng, float variety);

}  // namespace mone::actors
