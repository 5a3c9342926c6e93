/// Actions that bring the body down or up: bending to pick something up, sitting down, standing up, falling.
#include "elements/actors/motion.h"

namespace mone::actors {
namespace {

float bend_part(const Style& style, int die) { return style.pick(die, 0.45f, 0.85f); }
Timing bend_timing(const Style& style) {
  const float down = bend_part(style, 0), hold = style.pick(1, 0.1f, 0.5f), up = bend_part(style, 2);
  const float all = down + hold + up;
  return {all + style.pick(9, 0, 0.25f), down * 0.35f, all - up * 0.35f, all + 0.25f};
}

void pose_bend(const Style& style, const Body&, float t, Pose& pose) {
  const Timing timing = bend_timing(style);
  const float down = bend_part(style, 0), hold = style.pick(1, 0.1f, 0.5f), up = bend_part(style, 2);
  const float e = bump(0, down, down + hold, down + hold + up, std::fmod(t, timing.period));
  const float spine = pose.spine + e * style.pick(3, 1.05f, 1.9f), knees = style.pick(4, 0, 1.0f) * e;
  pose.spine = spine;
  const float extent = style.pick(5, 0.65f, 0.95f);
  for (int s = 0; s < 2; ++s) {
    pose.knee[s] += knees;
    pose.hip[s] += knees * 0.6f - 0.12f * e;
    if (style.chance(6, 0.6f) || s == style.side)  // straight down in the world, so turned back by the spine
      reach(pose, s, e, 0.05f, -std::cos(spine) * extent, std::sin(spine) * extent);
  }
  pose.head_pitch += 0.2f * e;
}

float sit_time(const Style& style) { return style.pick(0, 0.75f, 1.35f); }
constexpr float kRest = 0.55f;
Timing sit_timing(const Style& style) {
  const float d = sit_time(style);
  return {2 * d + kRest + 0.5f, d * 0.15f, d * 0.9f, d + kRest};
}
/// 0 before .. 1 done .. and back.
float sat(const Style& style, float t) {
  const float d = sit_time(style);
  return bump(0, d, d + kRest, 2 * d + kRest, std::fmod(t, sit_timing(style).period));
}

void pose_sit_down(const Style& style, const Body& body, float t, Pose& pose) {
  sit(style, body, sat(style, t), pose);
}
void pose_stand_up(const Style& style, const Body& body, float t, Pose& pose) {
  sit(style, body, 1 - sat(style, t), pose);
}

constexpr float kTotter = 0.1f, kGetUp = 1.3f;
float fall_time(const Style& style) { return style.pick(0, 0.5f, 0.95f); }
float fall_lie(const Style& style) { return style.pick(1, 0.5f, 0.9f); }
Timing fall_timing(const Style& style) {
  const float down = kTotter + fall_time(style);
  return {down + fall_lie(style) + kGetUp + 0.3f, kTotter, down, down + fall_lie(style)};
}

void pose_fall(const Style& style, const Body&, float t, Pose& pose) {
  const Timing timing = fall_timing(style);
  const float c = std::fmod(t, timing.period), x = clamp01((c - kTotter) / fall_time(style));
  const float drop = std::min(1.0f, x * x * (1.6f - 0.6f * x)),
              up = ease(timing.clean_end, timing.clean_end + kGetUp, c);
  const float down = drop * (1 - up), buckle = std::sin(kPi * std::min(1.0f, x * 1.1f)),
              rising = std::sin(kPi * up);
  const int way = static_cast<int>(style.dice[2] * 2.999f);  // forward, backward, to a side
  const float angle = kPi / 2 * style.pick(3, 0.92f, 1.02f) * down;
  if (way == 0) pose.pitch = angle;
  if (way == 1) pose.pitch = -angle;
  if (way == 2) pose.roll = side_sign(style.side) * angle;
  const float knees = style.pick(4, 0.2f, 1.6f), rest = style.pick(5, 0, 0.9f) * down;
  for (int s = 0; s < 2; ++s) {
    const float share = s == style.side ? 1.0f : 0.6f;
    pose.knee[s] += (knees * buckle * (1 - drop * 0.5f) + rest) * share + 1.5f * rising;
    pose.hip[s] += ((knees * 0.6f * buckle + rest * 0.7f) * share) * (way == 0 ? 0.5f : 1.0f) + 1.2f * rising;
    const float flail = ease(0, 0.25f, x) * (1 - up) * style.pick(6, 0.35f, 1);
    reach(pose, s, flail, style.pick(7, 0.15f, 0.75f), style.pick(8, -0.5f, 0.5f), style.pick(9, 0.1f, 0.7f));
  }
  pose.spine += (way == 1 ? 0.4f : 0.25f) * buckle * style.dice[10] + 0.4f * rest + 0.6f * rising;
  pose.twist += style.pick(11, -0.4f, 0.4f) * down;
  pose.yaw += style.pick(12, -0.6f, 0.6f) * down;
  const float along = way == 0 ? 0.65f : way == 1 ? -0.65f : 0.0f;
  pose.position = pose.position + heading(pose.yaw) * (along * down);
}

}  // namespace

void sit(const Style& style, const Body& body, float e, Pose& pose) {
  const float lean = std::sin(kPi * e) * style.pick(3, 0.35f, 0.75f);
  const float thigh = e * style.pick(4, 1.4f, 1.55f);
  for (int s = 0; s < 2; ++s) {
    pose.hip[s] = mix(pose.hip[s], thigh, e);
    pose.knee[s] = mix(pose.knee[s], thigh + style.pick(5, -0.15f, 0.2f), e);
    reach(pose, s, e, style.pick(6, -0.05f, 0.1f), -0.72f, style.pick(7, 0.35f, 0.5f));
    reach(pose, s, std::sin(kPi * e) * style.pick(8, 0, 0.9f), 0.02f, -0.6f, 0.5f);
  }
  pose.spine += lean + e * style.pick(9, -0.15f, 0.12f);
  pose.position = pose.position - heading(pose.yaw) * (body.leg * 0.5f * std::sin(pose.hip[0]));
}

const Motion kBend = {"bend", Facing::kAny, pose_bend, bend_timing, nullptr, nullptr, nullptr, false, false};
const Motion kSitDown = {"sit_down", Facing::kAny, pose_sit_down, sit_timing, nullptr,
                         nullptr,    nullptr,      false,         true};
const Motion kStandUp = {"stand_up", Facing::kAny, pose_stand_up, sit_timing, nullptr,
                         nullptr,    nullptr,      false,         true};
const Motion kFall = {"fall", Facing::kAny, pose_fall, fall_timing, nullptr, nullptr, nullptr, false, false};

}  // namespace mone::actors
