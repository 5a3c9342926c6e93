/// Walking and running: legs by phase, arms against the legs, speed from the stride so that feet hardly
/// slide.
#include "elements/actors/motion.h"

namespace mone::actors {
namespace {

float walk_rate(const Style& style) { return style.pick(0, 0.7f, 1.15f) * style.pace; }
float walk_swing(const Style& style) { return style.pick(1, 0.3f, 0.55f) * style.pace; }
float run_rate(const Style& style) { return style.pick(0, 1.2f, 1.7f); }
float run_swing(const Style& style) { return style.pick(1, 0.5f, 0.9f); }

float walk_speed(const Style& style, const Body& body) {
  return 3.7f * std::sin(walk_swing(style)) * body.leg * walk_rate(style) * style.pick(3, 0.9f, 1.05f);
}
float run_speed(const Style& style, const Body& body) {
  return 3.9f * run_swing(style) * body.leg * run_rate(style) * style.pick(3, 0.75f, 1.05f);
}

void pose_walk(const Style& style, const Body&, float t, Pose& pose) {
  const float q = 2 * kPi * walk_rate(style) * t + style.phase, swing = walk_swing(style);
  for (int s = 0; s < 2; ++s) {
    const float k = q + (s ? kPi : 0), forward = std::sin(k);
    pose.hip[s] += 0.05f + swing * forward;
    pose.knee[s] += 0.06f + style.pace * style.pick(4, 0.6f, 1.0f) * std::max(0.0f, std::cos(k - 0.35f));
    const float arms = style.pick(5, 0.15f, 0.7f) * style.pace;
    pose.hand[s].z -= arms * forward * 0.8f;
    pose.hand[s].y += 0.1f * arms * std::abs(forward) + style.pick(6, 0, 0.1f);
  }
  pose.spine += style.pick(7, -0.02f, 0.12f);
  pose.twist += style.pick(8, 0.05f, 0.2f) * std::sin(q);
  pose.side += 0.03f * std::sin(q);
  if (style.chance(9, 0.06f))  // carrying something before the belly
    for (int s = 0; s < 2; ++s) reach(pose, s, 1, 0.05f, -0.5f, 0.38f);
}

void pose_run(const Style& style, const Body&, float t, Pose& pose) {
  const float q = 2 * kPi * run_rate(style) * t + style.phase, swing = run_swing(style);
  for (int s = 0; s < 2; ++s) {
    const float k = q + (s ? kPi : 0), forward = std::sin(k);
    pose.hip[s] += 0.25f + swing * forward;
    pose.knee[s] += 0.35f + style.pick(4, 0.85f, 1.5f) * std::max(0.0f, std::cos(k - 0.5f));
    const float arms = style.pick(5, 0.25f, 0.7f);
    aim_elbow(pose, s, 0.4f, -0.3f, -1);
    reach(pose, s, 1, 0.06f, -style.pick(6, 0.3f, 0.58f) - 0.12f * forward, 0.36f - arms * 0.6f * forward);
  }
  pose.spine += style.pick(7, 0.08f, 0.34f);
  pose.twist += style.pick(8, 0.08f, 0.25f) * std::sin(q);
  pose.jump = style.pick(9, 0.04f, 0.12f) * std::abs(std::cos(q));
}

}  // namespace

const Motion kWalk = {"walk",  Facing::kSideways, pose_walk, nullptr, walk_speed,
                      nullptr, nullptr,           false,     false};
const Motion kRun = {"run", Facing::kSideways, pose_run, nullptr, run_speed, nullptr, nullptr, false, false};

}  // namespace mone::actors
