/// Two people: shaking hands, hugging. They step up to each other, do it, and step back; the second faces the
/// first.
#include "elements/actors/motion.h"

namespace mone::actors {
namespace {

/// People come together, hold, part, and wait apart for the next time.
struct Meeting {
  float come, hold, part, wait;  ///< seconds of each
  float period() const { return come + hold + part + wait; }
};
Meeting meeting(const Style& style) {
  const bool lingers = style.chance(20, 0.15f);
  return {style.pick(21, 0.5f, 1.3f), lingers ? style.pick(22, 2, 5) : style.pick(22, 0.6f, 2),
          style.pick(23, 0.5f, 1.2f), style.pick(24, 0.1f, 1.4f)};
}
Timing meeting_timing(const Style& style) {
  const Meeting m = meeting(style);
  return {m.period(), m.come * 0.4f, m.come + std::min(m.hold, 0.8f), m.come + m.hold + m.part + 0.3f};
}

/// 0 apart .. 1 together; `early` and `late` seconds move its beginning and its end.
float together(const Style& style, float t, float early, float late) {
  const Meeting m = meeting(style);
  const float c = std::fmod(t, m.period()), parts = m.come + m.hold;
  return bump(early, m.come - 0.1f, parts + late, parts + m.part, c);
}

/// Steps from `apart` metres beyond the distance at which they meet; `share` of them is this person's.
void step_up(const Style& style, float t, float apart, float share, Pose& pose) {
  constexpr float kSoon = 0.08f;
  const float near = together(style, t, 0, 0.1f), soon = together(style, t + kSoon, 0, 0.1f);
  step_away(pose, apart * share * (1 - near), std::abs(soon - near) * apart * share / kSoon,
            2 * kPi * 1.1f * t + style.phase);
}
float first_share(const Style& style) { return style.chance(25, 0.5f) ? 0.5f : style.pick(26, 0, 1); }

float shake_distance(const Style& style) { return style.pick(13, 0.8f, 1.35f); }
float shake_apart(const Style& style) { return style.pick(27, 0.2f, 1.4f); }

float grip(const Style& style, float t) {
  const Meeting m = meeting(style);
  return together(style, t, m.come - 0.35f, 0);
}

void shake(const Style& style, const Body& body, float t, float share, Pose& pose) {
  const float pump = std::sin(2 * kPi * style.pick(0, 1.3f, 2.8f) * t) * grip(style, t);
  const float arm = together(style, t, meeting(style).come * style.pick(28, 0.1f, 0.5f), 0.1f);
  constexpr int s = 0;  // both give the right hand
  aim_elbow(pose, s, 0.4f, -1, -0.2f);
  reach(pose, s, arm, -body.shoulder / body.arm * 0.85f,
        style.pick(4, -0.45f, -0.15f) + style.pick(5, 0.05f, 0.14f) * pump,
        std::min(0.93f, shake_distance(style) / 2 / body.arm + 0.03f));
  pose.spine += style.pick(6, 0.02f, 0.35f) * arm;
  pose.twist -= 0.2f * arm;
  pose.head_pitch += 0.06f * wander(style, 3, t, 0.8f);
  const float stride = style.pick(7, 0, 0.45f) * arm;
  pose.hip[s] += stride;
  pose.hip[1 - s] -= stride * 0.6f;
  step_up(style, t, shake_apart(style), share, pose);
}
void pose_handshake(const Style& style, const Body& body, float t, Pose& pose) {
  shake(style, body, t, first_share(style), pose);
}
void pose_shaken(const Style& style, const Body& body, float t, Pose& pose) {
  shake(style, body, t, 1 - first_share(style), pose);
}

float hug_distance(const Style& style) { return style.pick(13, 0.26f, 0.38f); }
float hug_apart(const Style& style) { return style.pick(27, 0.5f, 1.8f); }

void hug(const Style& style, float t, float height, float share, Pose& pose) {
  const float held = together(style, t, meeting(style).come * 0.7f, 0.1f);
  const float open = together(style, t, meeting(style).come * style.pick(28, 0, 0.45f), 0.3f) * (1 - held);
  const float pat =
      std::max(0.0f, std::sin(2 * kPi * style.pick(0, 0.8f, 2.2f) * t)) * style.pick(1, 0, 0.14f);
  for (int s = 0; s < 2; ++s) {
    const float cross = (s == style.side ? 0.28f : -0.28f) * style.dice[6];
    aim_elbow(pose, s, 1, -0.2f, -0.1f);
    reach(pose, s, open, style.pick(29, 0.1f, 0.5f), style.pick(30, -0.35f, 0.15f), 0.72f);
    reach(pose, s, held, -0.36f, height + cross, 0.62f + (s == style.side ? pat : 0));
  }
  pose.spine += style.pick(5, 0.03f, 0.2f) * held;
  // Heads side by side; they sway, hold tighter, shuffle.
  pose.side += held * (style.pick(7, 0.06f, 0.2f) * side_sign(style.side) +
                       style.pick(8, 0.03f, 0.12f) * std::sin(2 * kPi * style.pick(2, 0.25f, 0.7f) * t));
  pose.spine += 0.05f * held * wander(style, 1, t, 0.4f);
  pose.yaw += style.pick(9, 0, 0.3f) * held * wander(style, 2, t, 0.2f);
  step_legs(pose, style.pick(3, 0, 0.35f) * held, 3 * t);
  step_up(style, t, hug_apart(style), share, pose);
}
void pose_hug(const Style& style, const Body&, float t, Pose& pose) {
  hug(style, t, style.pick(4, -0.25f, 0.15f), first_share(style), pose);
}
void pose_hugged(const Style& style, const Body&, float t, Pose& pose) {
  hug(style, t, style.pick(4, 0.2f, -0.2f), 1 - first_share(style), pose);
}

}  // namespace

const Motion kHandshake = {"handshake", Facing::kSideways, pose_handshake, meeting_timing, nullptr,
                           pose_shaken, shake_distance,    true,           false,          grip};
const Motion kHug = {"hug",       Facing::kSideways, pose_hug, meeting_timing, nullptr,
                     pose_hugged, hug_distance,      true,     false};

}  // namespace mone::actors
