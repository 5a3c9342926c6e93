#include "elements/actors/body.h"

namespace mone::actors {
namespace {

Colour draw_dye(Rng& rng) {
  const float kind = rng.unit();
  if (kind < 0.22f) {
    const float grey = rng.in(0.04f, 0.25f);
    return {grey, grey, grey * rng.in(0.95f, 1.15f)};
  }
  if (kind < 0.38f) {
    const float light = rng.in(0.62f, 0.97f);
    return {light, light, light * rng.in(0.88f, 1.04f)};
  }
  return from_hsv(rng.unit(), rng.in(0.15f, 0.9f), rng.in(0.18f, 0.9f));
}

Cloth draw_cloth(Rng& rng, float variety, float patterned) {
  Cloth cloth{draw_dye(rng)};
  if (!rng.chance(patterned * variety)) return cloth;
  constexpr Pattern kKinds[] = {Pattern::kStripesAcross, Pattern::kStripesAlong, Pattern::kMottled};
  cloth.pattern = kKinds[rng.below(3)];
  cloth.period = rng.in(0.04f, 0.16f);
  cloth.depth = rng.in(0.2f, 0.75f);
  return cloth;
}

}  // namespace

Colour from_hsv(float hue, float saturation, float value) {
  const auto channel = [&](float n) {
    const float k = std::fmod(n + (hue - std::floor(hue)) * 6, 6.0f);
    return value - value * saturation * std::max(0.0f, std::min({k, 4 - k, 1.0f}));
  };
  return {channel(5), channel(3), channel(1)};
}

Body draw_body(Rng& rng, float variety) {
  const auto draw = [&](float low, float high) {
    const float value = rng.in(low, high);
    return mix((low + high) / 2, value, variety);
  };
  Body body;
  body.height = draw(1.5f, 1.95f);
  body.leg = body.height * draw(0.45f, 0.5f);
  body.torso = body.height * draw(0.255f, 0.3f);
  body.arm = body.height * draw(0.315f, 0.355f);
  body.shoulder = body.height * draw(0.093f, 0.12f);
  body.pelvis = body.height * draw(0.05f, 0.065f);
  body.head = draw(0.98f, 1.22f);
  body.girth = draw(0.8f, 1.35f);
  body.limb = draw(0.85f, 1.35f);
  body.top = draw_cloth(rng, variety, 0.45f);
  body.bottom = draw_cloth(rng, variety, 0.15f);
  if (rng.chance(0.45f))
    body.bottom.colour = from_hsv(rng.in(0.55f, 0.68f), rng.in(0.2f, 0.7f), rng.in(0.12f, 0.55f));
  body.skin = lerp({0.93f, 0.74f, 0.62f}, {0.33f, 0.21f, 0.15f}, rng.unit()) * rng.in(0.88f, 1.08f);
  body.hair_colour = rng.chance(0.75f)
                         ? Colour{0.13f, 0.1f, 0.08f} * rng.in(0.3f, 1.8f)
                         : from_hsv(rng.in(0.04f, 0.13f), rng.in(0.1f, 0.7f), rng.in(0.35f, 0.9f));
  body.shoes = draw_dye(rng);
  const float sleeves = rng.unit();
  body.sleeves = sleeves < 0.08f ? Sleeves::kNone : sleeves < 0.45f ? Sleeves::kShort : Sleeves::kLong;
  const float hair = rng.unit();
  body.hair = hair < 0.08f   ? Hair::kBald
              : hair < 0.55f ? Hair::kShort
              : hair < 0.75f ? Hair::kLong
              : hair < 0.9f  ? Hair::kTied
                             : Hair::kCap;
  body.shorts = rng.chance(0.15f * variety);
  body.skirt = !body.shorts && rng.chance(0.1f * variety);
  return body;
}

}  // namespace mone::actors
