/// From a pose to joints and to the solid shapes that a picture shows.
#pragma once

#include <vector>

#include "elements/actors/body.h"
#include "elements/actors/pose.h"

namespace mone::actors {

/// Where the joints are in the world; pairs are right, left.
struct Joints {
  Vec3 head, neck, chest, pelvis;
  Vec3 shoulder[2], elbow[2], hand[2], hip[2], knee[2], ankle[2], toe[2];
  Mat3 chest_frame, head_frame, pelvis_frame;
};

/// A rounded cone between two balls.
struct Solid {
  Vec3 a, b;
  float radius_a, radius_b;
  Cloth cloth;
  float behind = 0;  ///< metres that it counts as further away than it is, where surfaces lie on each other
};

/// Arms by two-bone inverse kinematics, legs forward; stands the lowest point on the floor.
Joints solve(const Pose& pose, const Body& body);

/// Brings the same hand of two people who face each other to one point, whatever their heights.
void join_hands(Pose& a, const Body& body_a, Pose& b, const Body& body_b, int side, float weight);

/// Appends about thirty solids: legs, arms, trunk, head, hair, clothes.
void dress(const Joints& joints, const Body& body, std::vector<Solid>& out);

}  // namespace mone::actors
