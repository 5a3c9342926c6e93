/// Gestures of the arms: waving with one or two hands, clapping, pointing.
#include "elements/actors/motion.h"

namespace mone::actors {
namespace {

/// Some wave and clap without end, most for a moment: hands go up, do it, and come down again.
struct Gesture {
  float raise, hold, wait;  ///< seconds
  float down() const { return 2 * raise + hold; }
};
float raised(const Gesture& g, float t) {
  return bump(0, g.raise, g.raise + g.hold, g.down(), std::fmod(t, g.down() + g.wait));
}
bool goes_on(const Style& style) { return style.chance(12, 0.4f); }
/// Hands that move to and fro do it at least twice: a single sweep is no wave.
Gesture repeated(const Style& style, float rate) {
  return {style.pick(13, 0.25f, 0.7f), std::max(style.pick(14, 0.7f, 2.8f), 1.9f / rate),
          style.pick(20, 0.1f, 1.6f)};
}
Timing repeated_timing(const Style& style, float rate) {
  if (goes_on(style)) return {};
  const Gesture g = repeated(style, rate);
  return {g.down() + g.wait, g.raise * 0.9f, g.raise + std::min(g.hold, 1.1f), g.down() + 0.3f};
}
float repeated_raised(const Style& style, float rate, float t) {
  return goes_on(style) ? 1 : raised(repeated(style, rate), t);
}

float wave_rate(const Style& style) { return style.pick(0, 0.9f, 2.2f); }
Timing wave_timing(const Style& style) { return repeated_timing(style, wave_rate(style)); }

void wave_arm(const Style& style, int s, float q, float up, Pose& pose) {
  const float swing = std::sin(q);
  if (style.chance(6, 0.5f)) {  // long arm over the head
    const float angle = style.pick(7, 2.0f, 2.75f) + style.pick(8, 0.3f, 0.7f) * swing,
                extent = style.pick(9, 0.8f, 0.98f);
    aim_elbow(pose, s, 0.3f, -0.6f, -0.7f);
    reach(pose, s, up, std::sin(angle) * extent, -std::cos(angle) * extent, style.pick(10, 0, 0.3f));
  } else {  // forearm beside the head
    aim_elbow(pose, s, 0.8f, -0.9f, -0.2f);
    reach(pose, s, up, style.pick(7, 0.12f, 0.45f) + style.pick(9, 0.14f, 0.34f) * swing,
          style.pick(8, 0.2f, 0.7f) - 0.1f * std::abs(swing), style.pick(10, 0.15f, 0.45f));
  }
}

void pose_wave(const Style& style, const Body&, float t, Pose& pose) {
  const bool both = style.chance(1, 0.4f), mirrored = style.chance(2, 0.8f);
  const float q = 2 * kPi * wave_rate(style) * t + style.phase;
  const float up = repeated_raised(style, wave_rate(style), t);
  for (int s = 0; s < 2; ++s)
    if (both || s == style.side) wave_arm(style, s, q + (s && !mirrored ? kPi : 0), up, pose);
  pose.side += style.pick(11, -0.05f, 0.05f);
}

float clap_rate(const Style& style) { return style.pick(0, 0.7f, 2.9f); }
Timing clap_timing(const Style& style) { return repeated_timing(style, clap_rate(style)); }

void pose_clap(const Style& style, const Body& body, float t, Pose& pose) {
  const float gap = 0.5f - 0.5f * std::cos(2 * kPi * clap_rate(style) * t + style.phase);
  const float up = repeated_raised(style, clap_rate(style), t);
  for (int s = 0; s < 2; ++s) {
    aim_elbow(pose, s, 0.8f, -0.8f, -0.3f);
    reach(pose, s, up, -body.shoulder / body.arm * 0.93f + gap * style.pick(6, 0.08f, 0.7f),
          style.pick(7, -0.4f, 0.35f) - 0.06f * gap, style.pick(8, 0.38f, 0.72f));
  }
}

Gesture pointing(const Style& style) {
  return {style.pick(7, 0.3f, 0.8f), style.pick(0, 0.5f, 2.6f), style.pick(1, 0.0f, 1.2f)};
}
Timing point_timing(const Style& style) {
  const Gesture g = pointing(style);
  return {g.down() + g.wait, g.raise * 0.6f, g.raise + std::min(g.hold, 1.0f), g.down() + 0.2f};
}

void pose_point(const Style& style, const Body&, float t, Pose& pose) {
  const int s = style.side;
  const float up = raised(pointing(style), t);
  // An arm that points at the viewer or away from them is hard to see, so who stands frontally points to a
  // side.
  const float profile = std::sin(pose.yaw) * std::sin(pose.yaw);
  const float across = mix(style.pick(2, 0.6f, 1.4f), style.pick(2, -0.35f, 0.35f), profile),
              raise = style.pick(3, -0.2f, 0.45f), extent = style.pick(4, 0.88f, 0.99f);
  aim_elbow(pose, s, 0.5f, -0.8f, -0.3f);
  reach(pose, s, up, std::sin(across) * std::cos(raise) * extent, std::sin(raise) * extent,
        std::cos(across) * std::cos(raise) * extent);
  pose.twist += side_sign(s) * style.pick(5, -0.1f, 0.35f) * up;
  pose.head_yaw += side_sign(s) * 0.5f * across * up;
  const float stride = style.pick(6, 0, 0.3f) * up;
  pose.hip[s] += stride;
  pose.hip[1 - s] -= stride * 0.5f;
}

}  // namespace

const Motion kWave = {"wave",  Facing::kFrontal, pose_wave, wave_timing, nullptr,
                      nullptr, nullptr,          false,     false};
const Motion kClap = {"clap",  Facing::kFrontal, pose_clap, clap_timing, nullptr,
                      nullptr, nullptr,          false,     false};
const Motion kPoint = {"point", Facing::kAny, pose_point, point_timing, nullptr,
                       nullptr, nullptr,      false,      false};

}  // namespace mone::actors
