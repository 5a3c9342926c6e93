#include "elements/actors/motion.h"

namespace mone::actors {

Style draw_style(Rng& rng, float variety) {
  Style style;
  for (float& die : style.dice) die = mix(0.5f, rng.unit(), variety);
  style.phase = rng.in(0, 2 * kPi);
  style.side = rng.chance(0.7f) ? 0 : 1;
  return style;
}

const Motion& motion_of(Label label) {
  static constexpr const Motion* kMotions[kLabelCount] = {
      &kWalk, &kRun,  &kJump,  &kJumpingJack, &kWave,  &kClap,  &kBend,      &kSitDown, &kStandUp,
      &kFall, &kKick, &kPunch, &kPush,        &kPoint, &kThrow, &kHandshake, &kHug,     &kNothing};
  return *kMotions[static_cast<int>(label)];
}

bool on_chair(Label label, const Style& style) {
  return motion_of(label).needs_chair || (label == Label::kNothing && style.stays_low && sits_low(style));
}

float wander(const Style& style, int channel, float t, float rate) {
  const auto die = [&](int k) { return style.dice[static_cast<size_t>((channel + k) % 12 + 20)]; };
  return 0.6f * std::sin(2 * kPi * (rate * (0.6f + die(0)) * t + die(3))) +
         0.4f * std::sin(2 * kPi * (rate * 1.7f * (0.5f + die(5)) * t + die(7)));
}

void step_legs(Pose& pose, float amount, float phase) {
  for (int s = 0; s < 2; ++s) {
    const float q = phase + (s ? kPi : 0);
    pose.hip[s] += amount * 0.42f * std::sin(q);
    pose.knee[s] += amount * (0.1f + 0.75f * std::max(0.0f, std::cos(q - 0.3f)));
  }
}

void step_away(Pose& pose, float away, float speed, float phase) {
  pose.position = pose.position - heading(pose.yaw) * away;
  step_legs(pose, std::min(1.0f, 0.64f * speed), phase);
}

Pose standing(const Style& style, float t, float liveliness) {
  const bool still = liveliness < 0.5f && style.chance(31, 0.3f);  // nothing moves but what the action moves
  const float sway = still ? 0.05f : 0.4f + 0.6f * liveliness;
  Pose pose;
  for (int s = 0; s < 2; ++s) {
    const float outward = style.pick(16, 0.08f, 0.26f) + 0.03f * sway * wander(style, s, t, 0.4f);
    pose.hand[s] = {side_sign(s) * outward, -0.93f + style.pick(17, 0, 0.05f),
                    style.pick(18, 0.04f, 0.18f) + 0.04f * sway * wander(style, 2 + s, t, 0.4f)};
    pose.elbow[s] = {side_sign(s) * 0.6f, -0.2f, -1.0f};
    pose.spread[s] = style.pick(19, 0.03f, 0.12f);
    pose.knee[s] = 0.06f;
    pose.hip[s] = 0.03f;
  }
  pose.spine = 0.03f + 0.03f * sway * wander(style, 4, t, 0.3f) + style.pick(15, -0.05f, 0.06f);
  pose.side = 0.03f * sway * wander(style, 5, t, 0.3f);
  pose.twist = 0.06f * sway * wander(style, 6, t, 0.3f);
  pose.head_pitch = 0.1f * sway * wander(style, 7, t, 0.3f);
  pose.head_yaw = 0.25f * sway * wander(style, 8, t, 0.25f);
  pose.yaw = 0.05f * sway * wander(style, 9, t, 0.2f);
  // Nobody stands like a post: the head goes to and fro by a centimetre or two.
  pose.pitch = 0.018f * sway * wander(style, 10, t, 0.45f);
  pose.roll = 0.014f * sway * wander(style, 11, t, 0.4f);
  return pose;
}

}  // namespace mone::actors
