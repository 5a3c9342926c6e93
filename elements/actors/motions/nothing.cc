/// Nothing that has a name: standing, talking with the hands, shifting weight, looking round, stepping about.
#include "elements/actors/motion.h"

namespace mone::actors {
namespace {

void talk(const Style& style, float t, Pose& pose) {
  const float both = style.chance(1, 0.5f) ? 1.0f : 0.0f;
  for (int s = 0; s < 2; ++s) {
    const float weight =
        (s == style.side ? 1.0f : both) * ease(-0.35f, 0.25f, wander(style, 10 + s, t, 0.35f));
    aim_elbow(pose, s, 0.7f, -0.8f, -0.5f);
    reach(pose, s, weight, style.pick(2, -0.1f, 0.25f) + 0.1f * wander(style, s, t, 1.1f),
          style.pick(3, -0.7f, -0.15f) + 0.15f * wander(style, 2 + s, t, 1.3f),
          style.pick(4, 0.35f, 0.6f) + 0.08f * wander(style, 4 + s, t, 0.9f));
  }
  pose.head_pitch += 0.1f * wander(style, 3, t, 0.9f);
}

void step_about(const Style& style, float t, Pose& pose) {
  const float amount = ease(0.0f, 0.5f, wander(style, 1, t, 0.3f)) * style.pick(2, 0.35f, 0.8f);
  step_legs(pose, amount, 2 * kPi * style.pick(3, 0.7f, 1.0f) * t + style.phase);
  pose.yaw += style.pick(4, 0.2f, 1.2f) * wander(style, 2, t, 0.2f);
  pose.position =
      pose.position + Vec3{0.12f * wander(style, 3, t, 0.18f), 0, 0.1f * wander(style, 4, t, 0.16f)};
}

void hold_phone(const Style& style, float t, Pose& pose) {
  const int s = style.side;
  aim_elbow(pose, s, 0.5f, -1, 0.2f);
  if (style.chance(1, 0.5f)) {
    reach(pose, s, 1, -0.02f, 0.32f, 0.12f);  // at the ear
  } else {
    reach(pose, s, 1, -0.15f, -0.3f, 0.45f);  // reading it
    pose.head_pitch += 0.45f;
  }
  pose.hand[s].y += 0.02f * wander(style, 2, t, 0.5f);
}

void fold_arms(Pose& pose) {
  for (int s = 0; s < 2; ++s) {
    aim_elbow(pose, s, 0.9f, -0.8f, 0);
    reach(pose, s, 1, -0.42f, -0.42f + 0.06f * side_sign(s), 0.36f);
  }
}

void hands_on_hips(Pose& pose) {
  for (int s = 0; s < 2; ++s) {
    aim_elbow(pose, s, 1, 0.1f, -0.5f);
    reach(pose, s, 1, -0.02f, -0.68f, 0.05f);
  }
}

/// A hand goes up to the face or hair now and then and comes down again.
void touch_face(const Style& style, float t, Pose& pose) {
  const float weight = ease(0.1f, 0.5f, wander(style, 10, t, 0.28f));
  aim_elbow(pose, style.side, 0.7f, -0.8f, 0.1f);
  reach(pose, style.side, weight, -0.22f, style.pick(1, 0.2f, 0.5f), style.pick(2, 0.15f, 0.3f));
}

/// An arm goes through the air once in a while - a swipe, a circle, a sign - that nobody here has a name for.
void sign(const Style& style, float t, Pose& pose) {
  const float period = style.pick(9, 1.8f, 4), moves = style.pick(10, 0.4f, 1.1f), raise = 0.4f;
  const float c = std::fmod(t, period), x = clamp01((c - raise) / moves);
  const float up = bump(0, raise, raise + moves, 2 * raise + moves, c);
  const int s = style.side;
  const float circle = style.chance(11, 0.3f) ? style.pick(12, 0.15f, 0.4f) : 0, turn = 2 * kPi * x;
  const float from = style.pick(13, -0.6f, 0.9f), to = style.chance(14, 0.7f) ? -from : from;
  aim_elbow(pose, s, 0.7f, -0.8f, -0.1f);
  reach(pose, s, up, mix(from, to, ease(0, 1, x)) + circle * std::sin(turn),
        mix(style.pick(1, -0.35f, 0.2f), style.pick(2, -0.35f, 0.2f), x) + circle * (1 - std::cos(turn)),
        style.pick(3, 0.35f, 0.75f));
}

void lean_and_look(const Style& style, float t, Pose& pose) {
  pose.head_yaw += 0.7f * wander(style, 1, t, 0.25f);
  pose.twist += 0.25f * wander(style, 1, t - 0.15f, 0.25f);
  const float shift = wander(style, 2, t, 0.2f);
  pose.side += 0.07f * shift;
  for (int s = 0; s < 2; ++s) pose.knee[s] += 0.2f * std::max(0.0f, shift * side_sign(s));
}

/// A few steps to one side, a rest, and back, looking where the steps go: what people do who wait.
void pace_slowly(const Style& style, float t, Pose& pose) {
  const float rate = style.pick(2, 0.12f, 0.22f), reach_to = style.pick(3, 0.15f, 0.7f);
  const float swing = wander(style, 6, t, rate), before = wander(style, 6, t - 0.1f, rate);
  const float speed = std::min(1.0f, std::abs(swing - before) * 14);
  step_legs(pose, speed * style.pick(4, 0.45f, 0.9f), 2 * kPi * style.pick(5, 0.8f, 1.1f) * t + style.phase);
  pose.position = pose.position + heading(pose.yaw + kPi / 2 * style.pick(7, -1, 1)) * (reach_to * swing);
  pose.yaw += 0.6f * wander(style, 8, t, 0.15f);
}

void pose_nothing(const Style& style, const Body& body, float t, Pose& pose) {
  if (style.stays_low) return stay_low(style, body, t, pose);
  const float kind = style.dice[0];
  if (kind < 0.22f)
    talk(style, t, pose);
  else if (kind < 0.34f)
    step_about(style, t, pose);
  else if (kind < 0.44f)
    pace_slowly(style, t, pose);
  else if (kind < 0.56f) {
    talk(style, t, pose);
    style.chance(9, 0.5f) ? pace_slowly(style, t, pose) : step_about(style, t, pose);
  } else if (kind < 0.63f)
    hold_phone(style, t, pose);
  else if (kind < 0.68f)
    fold_arms(pose);
  else if (kind < 0.73f)
    hands_on_hips(pose);
  else if (kind < 0.8f)
    touch_face(style, t, pose);
  else if (kind < 0.88f)
    sign(style, t, pose);
  else if (kind < 0.96f)
    lean_and_look(style, t, pose);
}

}  // namespace

const Motion kNothing = {"nothing", Facing::kAny, pose_nothing, nullptr, nullptr,
                         nullptr,   nullptr,      false,        false};

}  // namespace mone::actors
