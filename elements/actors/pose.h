/// What a motion says about a body at one moment.
#pragma once

#include <array>
#include <bit>

#include "elements/actors/math.h"

namespace mone::actors {

/// Index 0 is the person's right (-x when facing +z), 1 the left (+x). Floats only, so that poses blend
/// member by member.
struct Pose {
  Vec3 position;              ///< on the floor, metres
  float yaw = 0;              ///< facing; 0 looks along +z, towards the camera
  float pitch = 0, roll = 0;  ///< of the whole body (falls)
  float spine = 0;            ///< bend forward at the hips
  float side = 0;             ///< lean of the chest to the left
  float twist = 0;            ///< chest against pelvis, left positive
  float head_pitch = 0, head_yaw = 0;
  Vec3 hand[2];              ///< from the shoulder, in the chest's frame, in arm lengths
  Vec3 elbow[2];             ///< direction the elbow points to, in the chest's frame
  float hip[2] = {0, 0};     ///< flexion forward
  float spread[2] = {0, 0};  ///< abduction outward
  float knee[2] = {0, 0};    ///< flexion
  float jump = 0;            ///< lowest point above the floor, metres
};

inline constexpr float side_sign(int side) { return side ? 1.0f : -1.0f; }

/// Moves a hand towards a target by `weight`; `outward` counts away from the body on either side.
inline void reach(Pose& pose, int side, float weight, float outward, float up, float forward) {
  pose.hand[side] = lerp(pose.hand[side], {outward * side_sign(side), up, forward}, weight);
}
inline void aim_elbow(Pose& pose, int side, float outward, float up, float forward) {
  pose.elbow[side] = {outward * side_sign(side), up, forward};
}

/// Member by member; yaw goes the short way round.
inline Pose blend(const Pose& a, Pose b, float weight) {
  using Floats = std::array<float, sizeof(Pose) / sizeof(float)>;
  b.yaw = a.yaw + wrap_angle(b.yaw - a.yaw);
  const auto from = std::bit_cast<Floats>(a), to = std::bit_cast<Floats>(b);
  Floats out;
  for (size_t i = 0; i < out.size(); ++i) out[i] = mix(from[i], to[i], weight);
  return std::bit_cast<Pose>(out);
}

}  // namespace mone::actors
