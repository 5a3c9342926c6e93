/// Nothing that has a name, done low: what people do on a chair or on the floor who did not fall.
#include "elements/actors/motion.h"

namespace mone::actors {
namespace {

/// Shares of the kinds, by the first die: sits, crouches, kneels, lies down; the rest lies.
constexpr float kSits = 0.3f, kCrouches = 0.45f, kKneels = 0.6f, kLiesDown = 0.82f;

/// Down, stays, up, stays up, and again; lying down so takes at least twice as long as a fall. 0 up .. 1
/// down, `early` and `late` shift the way down and the way up.
float lowered(const Style& style, float t, float early, float late) {
  const float begins = style.pick(1, 0.1f, 1.2f), down = style.pick(2, 2.3f, 4.5f),
              stays = style.pick(3, 1, 5), up = style.pick(4, 1, 2.4f);
  const float low = begins + down, rises = low + stays;
  return bump(begins + early * down, low + late * down, rises + (1 - late) * up, rises + (1 - early) * up,
              std::fmod(t, rises + up + 1.5f));
}

void hands(Pose& pose, float weight, float outward, float up, float forward) {
  for (int s = 0; s < 2; ++s) reach(pose, s, weight, outward, up, forward);
}

/// Seated: leans, looks round, now and then a hand moves; legs as they are.
void sit_there(const Style& style, const Body& body, float t, Pose& pose) {
  sit(style, body, 1, pose);
  pose.spine += style.pick(10, -0.1f, 0.5f) + 0.12f * wander(style, 0, t, 0.25f);
  pose.side += 0.1f * wander(style, 1, t, 0.2f);
  pose.head_yaw += 0.5f * wander(style, 2, t, 0.3f);
  const float busy = ease(0, 0.4f, wander(style, 3, t, 0.3f)) * style.pick(11, 0.2f, 1);
  reach(pose, style.side, busy, style.pick(12, -0.25f, 0.2f) + 0.1f * wander(style, 4, t, 0.8f),
        style.pick(13, -0.6f, 0.2f) + 0.1f * wander(style, 5, t, 0.8f), 0.45f);
}

void crouch(const Style& style, float t, Pose& pose) {
  const float e = lowered(style, t, style.pick(10, 0, 0.5f), 0);
  for (int s = 0; s < 2; ++s) {
    pose.hip[s] = mix(pose.hip[s], style.pick(5, 1.7f, 2.2f), e);
    pose.knee[s] = mix(pose.knee[s], style.pick(6, 2, 2.5f), e);
    pose.spread[s] += style.pick(7, 0, 0.3f) * e;
  }
  pose.spine += style.pick(8, 0.3f, 0.9f) * e;
  hands(pose, e, style.pick(9, -0.2f, 0.1f), -0.6f + 0.05f * wander(style, 1, t, 0.6f), 0.55f);
}

/// On the knees, or back on the heels; some bow down to the floor and come up again.
void kneel(const Style& style, float t, Pose& pose) {
  const float e = lowered(style, t, 0, -0.2f), heels = style.chance(5, 0.6f) ? 1.0f : 0.0f;
  const float bows = style.chance(6, 0.5f) ? lowered(style, t, 0.8f, 0.9f) : 0;
  for (int s = 0; s < 2; ++s) {
    pose.hip[s] = mix(pose.hip[s], mix(0.05f, 1.2f, heels), e);
    pose.knee[s] = mix(pose.knee[s], mix(1.6f, 2.65f, heels), e);
  }
  pose.spine += e * style.pick(7, 0.05f, 0.5f) + bows * style.pick(8, 0.8f, 1.4f);
  hands(pose, e, -0.1f, mix(-0.7f, -0.2f, bows), mix(0.4f, 0.9f, bows));
}

/// Which way up somebody lies: on the back, on the belly, on a side.
void turn_over(const Style& style, float weight, Pose& pose) {
  const int way = static_cast<int>(style.dice[5] * 2.999f);
  const float angle = kPi / 2 * weight;
  if (way == 0) pose.pitch -= angle;
  if (way == 1) pose.pitch += angle;
  if (way == 2) pose.roll += side_sign(style.side) * angle;
}

/// Limbs of one who lies and moves a little.
void stretch_out(const Style& style, float t, float weight, Pose& pose) {
  for (int s = 0; s < 2; ++s) {
    const float bent = style.pick(6, 0, 1.1f) + style.pick(7, 0, 0.25f) * wander(style, s, t, 0.3f);
    pose.hip[s] = mix(pose.hip[s], 0.6f * bent, weight);
    pose.knee[s] = mix(pose.knee[s], bent, weight);
    reach(pose, s, weight, style.pick(8, 0, 0.5f) + 0.1f * wander(style, 2 + s, t, 0.4f),
          style.pick(9, -0.8f, 0.3f), 0.25f + 0.15f * wander(style, 4 + s, t, 0.4f));
  }
  pose.head_yaw += 0.4f * weight * wander(style, 6, t, 0.3f);
  pose.twist += style.pick(10, 0, 0.3f) * weight * wander(style, 7, t, 0.2f);
}

/// Through a seat on the floor, then over; up again the same way.
void lie_down(const Style& style, float t, Pose& pose) {
  const float seat = lowered(style, t, 0, -0.45f), over = lowered(style, t, 0.45f, 0.3f);
  for (int s = 0; s < 2; ++s) {
    pose.hip[s] = mix(pose.hip[s], 1.7f, seat);
    pose.knee[s] = mix(pose.knee[s], style.pick(11, 1.4f, 2.4f), seat);
    reach(pose, s, seat, style.pick(12, 0.1f, 0.5f), -0.7f, style.pick(13, -0.5f, 0.4f));
  }
  pose.spine += 0.5f * seat * (1 - over);
  turn_over(style, over, pose);
  stretch_out(style, t, over, pose);
}

void lie(const Style& style, float t, Pose& pose) {
  turn_over(style, style.pick(11, 0.92f, 1), pose);
  stretch_out(style, t, 1, pose);
  pose.spine +=
      style.pick(12, 0, 0.5f) * ease(0.2f, 0.7f, wander(style, 8, t, 0.2f));  // half up now and then
}

}  // namespace

bool sits_low(const Style& style) { return style.dice[0] < kSits; }

void stay_low(const Style& style, const Body& body, float t, Pose& pose) {
  const float kind = style.dice[0];
  if (sits_low(style))
    sit_there(style, body, t, pose);
  else if (kind < kCrouches)
    crouch(style, t, pose);
  else if (kind < kKneels)
    kneel(style, t, pose);
  else if (kind < kLiesDown)
    lie_down(style, t, pose);
  else
    lie(style, t, pose);
}

}  // namespace mone::actors
