/// Jumping on the spot or forward, and jumping jacks.
#include "elements/actors/motion.h"

namespace mone::actors {
namespace {

/// Legs of one hop; `q` in [0, 1), the first part in the air; `swing` radians: legs that leave the ground
/// behind the body come down before it. Returns the height 0..1.
float hop(Pose& pose, float q, float airborne, float crouch, float swing = 0) {
  const bool up = q < airborne;
  const float x = up ? q / airborne : (q - airborne) / (1 - airborne);
  const float arc = 4 * x * (1 - x), dip = std::sin(kPi * x) * crouch;
  for (int s = 0; s < 2; ++s) {
    pose.knee[s] += 0.12f + (up ? crouch * 0.4f * arc : dip * 1.2f);
    pose.hip[s] +=
        0.08f + (up ? crouch * 0.2f * arc : dip * 0.7f) + swing * std::cos(kPi * x) * (up ? -1.0f : 1.0f);
  }
  if (!up) pose.spine += dip * 0.35f;
  return up ? arc : 0;
}

float jump_rate(const Style& style) { return style.pick(0, 0.8f, 2.1f); }
bool jumps_forward(const Style& style) { return style.chance(1, 0.5f); }

float jump_speed(const Style& style, const Body&) {
  return jumps_forward(style) ? style.pick(2, 0.4f, 2.3f) : 0.0f;
}

void pose_jump(const Style& style, const Body& body, float t, Pose& pose) {
  const float rate = jump_rate(style), x = rate * t + style.phase / (2 * kPi), q = x - std::floor(x);
  const float airborne = style.pick(11, 0.42f, 0.58f);
  // While the feet are on the ground the body goes over them.
  const float swing = std::min(0.5f, jump_speed(style, body) / rate * (1 - airborne) / 2 / body.leg);
  const float air = hop(pose, q, airborne, style.pick(3, 0.25f, 0.95f), swing);
  pose.jump = air * style.pick(4, 0.12f, 0.36f) * std::min(1.0f, 1.7f / rate);
  const float arms = style.pick(5, 0.1f, 0.7f), lag = style.pick(6, 0, 3);
  const float kind = style.dice[7];
  for (int s = 0; s < 2; ++s) {
    if (kind < 0.45f) {  // arms swing with the hop
      pose.hand[s].z += arms * std::sin(2 * kPi * q + lag) * 0.8f;
      pose.hand[s].y += arms * 0.35f * (1 + std::sin(2 * kPi * q + lag));
    } else if (kind < 0.65f) {  // forearms held up
      reach(pose, s, 1, style.pick(8, 0.1f, 0.35f), -0.55f, 0.28f + 0.1f * std::sin(2 * kPi * q));
    } else if (kind < 0.8f) {  // thrown up while in the air
      reach(pose, s, air, style.pick(8, 0.1f, 0.4f), style.pick(9, 0.2f, 0.9f), 0.35f);
    } else {
      pose.hand[s].x *= 1 + arms * 1.2f * air;
    }
  }
  pose.spine += style.pick(10, 0, 0.12f);
}

void pose_jack(const Style& style, const Body&, float t, Pose& pose) {
  const float x = style.pick(0, 0.6f, 1.25f) * t + style.phase / (2 * kPi);
  const float open = 0.5f - 0.5f * std::cos(2 * kPi * x);
  const float angle = mix(0.12f, style.pick(1, 2.3f, 3.05f), open), extent = style.pick(3, 0.85f, 0.99f);
  for (int s = 0; s < 2; ++s) {
    pose.hand[s] = {side_sign(s) * std::sin(angle) * extent, -std::cos(angle) * extent, 0.08f};
    aim_elbow(pose, s, -0.1f, -0.5f, -1);
    pose.spread[s] = 0.04f + style.pick(2, 0.22f, 0.5f) * open;
  }
  const float twice = 2 * x;
  const float air = hop(pose, twice - std::floor(twice), 0.5f, style.pick(4, 0.1f, 0.3f));
  pose.jump = air * style.pick(5, 0.03f, 0.12f);
}

}  // namespace

const Motion kJump = {"jump", Facing::kAny, pose_jump, nullptr, jump_speed, nullptr, nullptr, false, false};
const Motion kJumpingJack = {"jumping_jack", Facing::kFrontal, pose_jack, nullptr, nullptr,
                             nullptr,        nullptr,          false,     false};

}  // namespace mone::actors
