/// Two people: shaking hands, hugging. Both do nearly the same; the second faces the first.
#include "elements/actors/motion.h"

namespace mone::actors {
namespace {

float shake_distance(const Style& style) { return style.pick(13, 0.8f, 1.2f); }

void pose_handshake(const Style& style, const Body& body, float t, Pose& pose) {
  const float pump = std::sin(2 * kPi * style.pick(0, 1.3f, 2.8f) * t);
  constexpr int s = 0;  // both give the right hand
  aim_elbow(pose, s, 0.4f, -1, -0.2f);
  reach(pose, s, 1, -body.shoulder / body.arm * 0.85f,
        style.pick(4, -0.45f, -0.15f) + style.pick(5, 0.05f, 0.14f) * pump,
        std::min(0.93f, shake_distance(style) / 2 / body.arm + 0.03f));
  pose.spine += style.pick(6, 0.02f, 0.25f);
  pose.twist -= 0.2f;
  pose.head_pitch += 0.06f * wander(style, 3, t, 0.8f);
  const float stride = style.pick(7, 0, 0.35f);
  pose.hip[s] += stride;
  pose.hip[1 - s] -= stride * 0.6f;
}

float hug_distance(const Style& style) { return style.pick(13, 0.26f, 0.38f); }

void hug(const Style& style, float t, float height, Pose& pose) {
  const float pat =
      std::max(0.0f, std::sin(2 * kPi * style.pick(0, 0.8f, 2.2f) * t)) * style.pick(1, 0, 0.14f);
  for (int s = 0; s < 2; ++s) {
    const float cross = (s == style.side ? 0.28f : -0.28f) * style.dice[6];
    aim_elbow(pose, s, 1, -0.2f, -0.1f);
    reach(pose, s, 1, -0.36f, height + cross, 0.62f + (s == style.side ? pat : 0));
  }
  pose.spine += style.pick(5, 0.03f, 0.2f);
  // Heads side by side; they sway, hold tighter, shuffle.
  pose.side += style.pick(7, 0.06f, 0.2f) * side_sign(style.side) +
               style.pick(8, 0.03f, 0.12f) * std::sin(2 * kPi * style.pick(2, 0.25f, 0.7f) * t);
  pose.spine += 0.05f * wander(style, 1, t, 0.4f);
  pose.yaw += style.pick(9, 0, 0.3f) * wander(style, 2, t, 0.2f);
  step_legs(pose, style.pick(3, 0, 0.35f), 3 * t);
}
void pose_hug(const Style& style, const Body&, float t, Pose& pose) {
  hug(style, t, style.pick(4, -0.25f, 0.15f), pose);
}
void pose_hugged(const Style& style, const Body&, float t, Pose& pose) {
  hug(style, t, style.pick(4, 0.2f, -0.2f), pose);
}

}  // namespace

const Motion kHandshake = {"handshake",    Facing::kSideways, pose_handshake, nullptr, nullptr,
                           pose_handshake, shake_distance,    true,           false};
const Motion kHug = {"hug",       Facing::kSideways, pose_hug, nullptr, nullptr,
                     pose_hugged, hug_distance,      true,     false};

}  // namespace mone::actors
