/// Quick actions with a moment of contact: kick, punch, push, throw; and how the one who is hit takes it.
#include "elements/actors/motion.h"

namespace mone::actors {
namespace {

/// Step up, wind up, strike, hold, come back, over and over. Seconds.
struct Blow {
  float land;   ///< from the beginning to the contact
  float quick;  ///< of them the strike itself
  float hold;   ///< the limb stays where it hit
  float back;   ///< the limb comes back
  float step;   ///< metres stepped up before and back after; 0 strikes from where the person stands
  float walk;   ///< for them
  float wait;
  float period() const { return land + hold + std::max(back, walk) + wait; }
};

Blow blow(const Style& style) {
  Blow b{.land = style.pick(0, 0.35f, 0.75f),
         .quick = style.pick(3, 0.12f, 0.3f),
         .hold = style.chance(24, 0.5f) ? 0 : style.pick(25, 0.05f, 0.5f),
         .back = style.pick(1, 0.35f, 0.75f),
         .step = style.chance(21, 0.25f) ? 0 : style.pick(22, 0.15f, 1.3f),
         .walk = 0,
         .wait = style.pick(2, 0.05f, 0.8f)};
  b.walk = b.step / style.pick(23, 0.9f, 2);
  b.land = std::max(b.land, b.walk + 0.1f);
  return b;
}

/// One who is pushed flies, and takes a while to come back; the arms often stay where they let go.
float flung(const Style& style) {
  return style.chance(26, 0.4f) ? style.pick(17, 0.15f, 0.6f) : style.pick(17, 0.6f, 2);
}
Blow pushing(const Style& style) {
  Blow b = blow(style);
  b.hold = style.chance(24, 0.3f) ? 0 : style.pick(25, 0.1f, 0.9f);
  b.wait += flung(style) / 1.2f;
  return b;
}

/// A throw at nobody may take its time.
Blow throwing(const Style& style) {
  const float slow = style.pick(20, 1, 2);
  return {.land = style.pick(0, 0.35f, 0.75f) * slow,
          .quick = style.pick(3, 0.14f, 0.35f) * slow,
          .hold = 0,
          .back = style.pick(1, 0.35f, 0.75f) * slow,
          .step = 0,
          .walk = 0,
          .wait = style.pick(2, 0.05f, 1.2f)};
}

Timing timing_of(const Blow& b) {
  return {b.period(), b.land * 0.45f, b.land + b.hold * 0.5f + b.back * 0.4f,
          b.land + b.hold + std::max(b.back, b.walk) + 0.3f};
}
Timing blow_timing(const Style& style) { return timing_of(blow(style)); }
Timing push_timing(const Style& style) { return timing_of(pushing(style)); }
Timing throw_timing(const Style& style) { return timing_of(throwing(style)); }

struct Beat {
  float wind, strike, back;  ///< 0..1 progress of each part
};
Beat beat(const Blow& b, float t) {
  const float c = std::fmod(t, b.period()), held = b.land + b.hold;
  return {ease(std::max(0.0f, b.walk - 0.4f), b.land - b.quick, c), ease(b.land - b.quick, b.land, c),
          ease(held + 0.06f, held + b.back, c)};
}

/// Steps along a distance in metres that `away` gives for a moment of the blow.
template <typename Away>
void step_along(const Blow& b, const Style& style, float t, const Away& away, Pose& pose) {
  constexpr float kSoon = 0.08f;
  const float c = std::fmod(t, b.period()), here = away(c);
  step_away(pose, here, std::abs(away(c + kSoon) - here) / kSoon, 2 * kPi * 1.2f * t + style.phase);
}

/// To the one who is hit and back again; the last step goes with the blow.
void step_in(const Blow& b, const Style& style, float t, Pose& pose) {
  if (b.step <= 0) return;
  const float held = b.land + b.hold;
  const auto away = [&](float c) {
    return b.step *
           (1 - ease(b.land - 0.1f - b.walk, b.land - 0.05f, c) * (1 - ease(held, held + b.walk, c)));
  };
  step_along(b, style, t, away, pose);
}

void pose_punch(const Style& style, const Body&, float t, Pose& pose) {
  const Blow hit = blow(style);
  const int turn = static_cast<int>(t / hit.period());
  const int s = style.chance(12, 0.5f) && (turn & 1) ? 1 - style.side : style.side, other = 1 - s;
  const Beat b = beat(hit, t);
  const float out = b.strike * (1 - b.back);
  // Fists up as a boxer, or out of hanging arms; straight from the chest, or swung from behind or above.
  const bool boxes = style.chance(14, 0.5f), swings = style.chance(7, 0.4f), above = style.chance(20, 0.35f);
  for (int k = 0; k < 2; ++k) {
    aim_elbow(pose, k, 0.7f, -0.9f, -0.1f);
    reach(pose, k, boxes ? style.pick(4, 0.75f, 1) : style.pick(4, 0, 0.15f), -0.12f,
          style.pick(5, -0.12f, 0.18f), style.pick(6, 0.25f, 0.4f));
  }
  const float drawn = b.wind * (1 - b.strike);
  if (swings) aim_elbow(pose, s, 1, 0, -0.3f);
  const float height = !swings ? style.pick(7, -0.3f, 0.1f) : above ? 0.6f : 0.05f;
  reach(pose, s, drawn, swings ? 0.5f : 0.12f, height, swings ? -0.4f : -0.02f);
  reach(pose, s, out, -0.22f, style.pick(8, -0.05f, 0.3f), 0.98f);
  pose.twist += side_sign(s) * (-0.5f * b.wind * (1 - b.strike) - style.pick(9, 0.35f, 0.9f) * -out) * 0.9f;
  pose.spine += style.pick(10, 0, 1.1f) * out;  // who means it lies behind the fist with all of the trunk
  const float stride = style.pick(11, 0.15f, 0.5f) + style.pick(29, 0, 0.3f) * out;
  pose.hip[other] += stride;
  pose.knee[other] += stride * 0.6f;
  pose.hip[s] -= stride * 0.7f;
  pose.position = pose.position + heading(pose.yaw) * (style.pick(9, 0.05f, 0.3f) * out);
  step_in(hit, style, t, pose);
}

void pose_push(const Style& style, const Body&, float t, Pose& pose) {
  const Blow push = pushing(style);
  const Beat b = beat(push, t);
  const float out = b.strike * (1 - b.back), ready = b.wind * (1 - b.back);
  for (int s = 0; s < 2; ++s) {
    aim_elbow(pose, s, 0.8f, -0.8f, -0.2f);
    reach(pose, s, ready, 0.02f, style.pick(5, -0.25f, 0), 0.25f);
    reach(pose, s, out, -0.05f, style.pick(6, -0.1f, 0.15f), 0.97f);
  }
  pose.spine += -0.08f * ready * (1 - b.strike) + style.pick(7, 0.1f, 0.6f) * out;
  const float stride = style.pick(8, 0.2f, 0.6f) * out;
  pose.hip[style.side] += stride;
  pose.knee[style.side] += stride * 0.6f;
  pose.hip[1 - style.side] -= stride * 0.8f;
  pose.position = pose.position + heading(pose.yaw) * (style.pick(9, 0.1f, 0.45f) * out);
  step_in(push, style, t, pose);
}

void pose_kick(const Style& style, const Body&, float t, Pose& pose) {
  const Blow kick = blow(style);
  const Beat b = beat(kick, t);
  const int s = style.side, other = 1 - s;
  const float high = style.pick(5, 0.75f, 1.65f), back = 1 - b.back;
  const float cocked = style.chance(6, 0.5f) ? -0.4f : 0.6f * high;
  const float hip = mix(pose.hip[s] + b.wind * cocked, high, b.strike);
  const float knee = mix(pose.knee[s] + b.wind * 1.3f, style.pick(7, 0, 0.3f), b.strike);
  pose.hip[s] = mix(pose.hip[s], hip, back);
  pose.knee[s] = mix(pose.knee[s], knee, back);
  pose.knee[other] += 0.18f * b.wind * back;
  pose.spine += (-style.pick(8, 0, 0.5f) * b.strike + 0.1f * b.wind * (1 - b.strike)) * back;
  pose.twist += side_sign(s) * -0.3f * b.strike * back;
  for (int k = 0; k < 2; ++k)
    reach(pose, k, b.wind * back * style.pick(9, 0.2f, 0.9f), style.pick(10, 0.1f, 0.6f), -0.5f, 0.35f);
  step_in(kick, style, t, pose);
}

void pose_throw(const Style& style, const Body&, float t, Pose& pose) {
  const Blow throws = throwing(style);
  const Beat b = beat(throws, t);
  const int s = style.side, other = 1 - s;
  const float c = std::fmod(t, throws.period()), middle = throws.land - 0.5f * throws.quick;
  const float back = 1 - b.back, release = ease(middle, throws.land, c) * back,
              draw = b.wind * (1 - b.strike) * back;
  if (style.chance(5, 0.8f)) {  // over the shoulder
    aim_elbow(pose, s, 1, 0.1f, -0.4f);
    reach(pose, s, b.wind * back, style.pick(6, 0.2f, 0.8f), style.pick(7, 0.25f, 0.65f),
          style.pick(8, -0.5f, -0.05f));
    // The hand goes over the head, not through the shoulder.
    const float over = ease(throws.land - throws.quick, middle, c) * back;
    reach(pose, s, over, style.pick(22, -0.1f, 0.35f), style.pick(23, 0.6f, 0.95f), style.pick(24, 0, 0.35f));
    reach(pose, s, release, style.pick(9, -0.35f, 0.1f), style.pick(10, -0.75f, 0.25f),
          style.pick(11, 0.6f, 0.95f));
  } else {  // underarm, as a bowl
    reach(pose, s, b.wind * back, style.pick(6, 0.1f, 0.35f), -0.7f, style.pick(8, -0.7f, -0.4f));
    reach(pose, s, release, 0, style.pick(10, -0.2f, 0.4f), 0.85f);
  }
  const float calm = style.chance(25, 0.4f) ? 0.15f : 1;  // the arm alone
  reach(pose, other, calm * draw * style.pick(12, 0, 0.9f), 0.1f, 0, 0.7f);
  pose.twist += calm * side_sign(s) * (-style.pick(13, 0, 0.6f) * draw + style.pick(14, 0, 0.9f) * release);
  pose.spine += calm * (-0.12f * draw + style.pick(4, 0, 0.4f) * release);
  const float stride = calm * style.pick(19, 0, 0.5f) * b.wind * back;
  pose.hip[other] += stride;
  pose.knee[other] += stride * 0.5f;
  pose.hip[s] -= stride * 0.6f;
}

/// How far a blow has taken effect: at once, and slowly over until the next.
float effect(const Blow& b, float t, float lasts) {
  const float c = std::fmod(t, b.period()), land = b.land;
  const float over = std::max(land + 0.3f, std::min(land + lasts, b.period()));
  return bump(land - 0.03f, land + 0.14f, land + 0.2f, over, c);
}

void guard(const Style& style, float hit, Pose& pose) {
  const float up = style.chance(18, 0.25f) ? 0.8f : hit * 0.6f;
  for (int s = 0; s < 2; ++s) reach(pose, s, up, 0, style.pick(19, -0.4f, 0.1f), 0.45f);
}

/// The head goes back, then the trunk turns away and bends.
void take_punch(const Style& style, const Body&, float t, Pose& pose) {
  const Blow b = blow(style);
  const float hit = effect(b, t, 0.7f), bent = effect(b, t - 0.1f, style.pick(27, 0.8f, 2));
  pose.head_pitch -= 0.4f * hit;
  pose.twist += style.pick(16, -0.9f, 0.9f) * hit;
  pose.yaw += style.pick(28, -0.8f, 0.8f) * bent;
  pose.spine += style.pick(15, -0.3f, 1.35f) * bent;
  pose.side += style.pick(10, -0.5f, 0.5f) * bent;
  pose.position = pose.position - heading(pose.yaw) * (style.pick(17, 0, 0.5f) * bent);
  step_legs(pose, 0.5f * hit, 6 * t);
  guard(style, hit, pose);
}

/// Thrown back, some steps to catch the balance, arms forward.
void take_push(const Style& style, const Body&, float t, Pose& pose) {
  const Blow b = pushing(style);
  const float far = flung(style), hit = effect(b, t, 0.6f), stops = b.land + 0.25f + 0.4f * far;
  const auto away = [&](float c) { return far * bump(b.land - 0.03f, stops, stops + 0.2f, b.period(), c); };
  pose.spine -= style.pick(15, -0.3f, 0.4f) * hit;
  pose.head_pitch -= 0.2f * hit;
  step_along(b, style, t, away, pose);
  for (int s = 0; s < 2; ++s)
    reach(pose, s, hit * style.pick(18, 0.2f, 0.9f), 0.3f, style.pick(19, -0.5f, 0.2f), 0.6f);
}

/// Doubles up over the foot that hit.
void take_kick(const Style& style, const Body&, float t, Pose& pose) {
  const float hit = effect(blow(style), t, 0.9f);
  pose.spine += style.pick(15, -0.2f, 0.7f) * hit;
  pose.twist += style.pick(16, -0.4f, 0.4f) * hit;
  pose.position = pose.position - heading(pose.yaw) * (style.pick(17, 0.05f, 0.4f) * hit);
  step_legs(pose, 0.6f * hit, 6 * t);
  guard(style, hit, pose);
}

float punch_distance(const Style& style) { return style.pick(13, 0.75f, 0.95f); }
float push_distance(const Style& style) { return style.pick(13, 0.7f, 1.0f); }
float kick_distance(const Style& style) { return style.pick(13, 0.85f, 1.15f); }

}  // namespace

const Motion kKick = {"kick",    Facing::kSideways, pose_kick, blow_timing, nullptr,
                      take_kick, kick_distance,     false,     false};
const Motion kPunch = {"punch",    Facing::kSideways, pose_punch, blow_timing, nullptr,
                       take_punch, punch_distance,    false,      false};
const Motion kPush = {"push",    Facing::kSideways, pose_push, push_timing, nullptr,
                      take_push, push_distance,     false,     false};
const Motion kThrow = {"throw", Facing::kAny, pose_throw, throw_timing, nullptr,
                       nullptr, nullptr,      false,      false};

}  // namespace mone::actors
