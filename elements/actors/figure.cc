#include "elements/actors/figure.h"

namespace mone::actors {
namespace {

constexpr float kUpperArm = 0.52f, kForearm = 0.48f;

/// Elbow and hand of one arm, relative to the shoulder, in the chest's frame.
void bend_arm(Vec3 target, Vec3 pole, float arm, Vec3* elbow, Vec3* hand) {
  const float upper = arm * kUpperArm, fore = arm * kForearm;
  const float distance = std::clamp(length(target), arm * 0.18f, arm * 0.995f);
  const Vec3 along = normalised(target);
  const float cosine =
      std::clamp((upper * upper + distance * distance - fore * fore) / (2 * upper * distance), -1.0f, 1.0f);
  const Vec3 direction = normalised(pole);
  const Vec3 across = normalised(direction - along * dot(direction, along));
  *elbow = along * (upper * cosine) + across * (upper * std::sqrt(1 - cosine * cosine));
  *hand = along * distance;
}

void solve_leg(const Pose& pose, const Body& body, int s, Joints& j) {
  const float sign = side_sign(s), outward = pose.spread[s] * sign;
  const auto direction = [&](float flexion) {
    return j.pelvis_frame * Vec3{std::sin(outward), -std::cos(flexion) * std::cos(outward),
                                 std::sin(flexion) * std::cos(outward)};
  };
  const float shin = pose.hip[s] - pose.knee[s];
  j.hip[s] = j.pelvis_frame * Vec3{sign * body.pelvis, -0.02f, 0};
  j.knee[s] = j.hip[s] + direction(pose.hip[s]) * (body.leg * 0.5f);
  j.ankle[s] = j.knee[s] + direction(shin) * (body.leg * 0.5f);
  const float foot = -0.1f + shin * (shin < 0 ? 0.55f : 0.8f);
  j.toe[s] = j.ankle[s] +
             j.pelvis_frame * Vec3{sign * 0.04f, std::sin(foot) * 0.17f - 0.04f, std::cos(foot) * 0.17f};
}

void solve_arm(const Pose& pose, const Body& body, int s, Joints& j) {
  Vec3 elbow, hand;
  bend_arm(pose.hand[s] * body.arm, pose.elbow[s], body.arm, &elbow, &hand);
  j.shoulder[s] = j.chest + j.chest_frame * Vec3{side_sign(s) * body.shoulder, -0.02f, 0};
  j.elbow[s] = j.shoulder[s] + j.chest_frame * elbow;
  j.hand[s] = j.shoulder[s] + j.chest_frame * hand;
}

float lowest_point(const Joints& j) {
  float low = j.head.y - 0.1f;
  for (int s = 0; s < 2; ++s)
    low = std::min({low, j.ankle[s].y - 0.05f, j.toe[s].y - 0.03f, j.knee[s].y - 0.06f, j.hand[s].y - 0.03f,
                    j.elbow[s].y - 0.04f, j.hip[s].y - 0.09f, j.shoulder[s].y - 0.07f});
  return low;
}

void shift(Joints& j, Vec3 by) {
  for (Vec3* point : {&j.head, &j.neck, &j.chest, &j.pelvis}) *point = *point + by;
  for (auto* pair : {&j.shoulder, &j.elbow, &j.hand, &j.hip, &j.knee, &j.ankle, &j.toe})
    for (Vec3& point : *pair) point = point + by;
}

void dress_leg(const Joints& j, const Body& body, int s, std::vector<Solid>& out) {
  const float l = body.limb;
  const Cloth skin{body.skin}, shin = body.shorts || body.skirt ? skin : body.bottom;
  out.push_back({j.hip[s], j.knee[s], 0.086f * body.girth * l, 0.06f * l, body.skirt ? skin : body.bottom});
  out.push_back({j.knee[s], j.ankle[s], 0.058f * l, 0.041f * l, shin});
  out.push_back({j.ankle[s], j.toe[s], 0.046f, 0.033f, {body.shoes}});
  if (body.skirt)
    out.push_back({j.hip[s], lerp(j.hip[s], j.knee[s], 0.85f), 0.1f * body.girth, 0.12f, body.bottom});
}

void dress_arm(const Joints& j, const Body& body, int s, std::vector<Solid>& out) {
  const float l = body.limb;
  const Cloth skin{body.skin};
  const Cloth& fore = body.sleeves == Sleeves::kLong ? body.top : skin;
  out.push_back({j.shoulder[s], j.elbow[s], 0.054f * l, 0.044f * l, skin});
  if (body.sleeves != Sleeves::kNone) {
    const float reach = body.sleeves == Sleeves::kLong ? 1.0f : 0.6f;
    out.back() = {j.shoulder[s], j.elbow[s], 0.056f * l, 0.046f * l, body.top};
    if (reach < 1) {
      const Vec3 hem = lerp(j.shoulder[s], j.elbow[s], reach);
      out.back() = {j.shoulder[s], hem, 0.06f * l, 0.055f * l, body.top};
      out.push_back({hem, j.elbow[s], 0.048f * l, 0.043f * l, skin});
    }
  }
  out.push_back({j.elbow[s], j.hand[s], 0.043f * l, 0.032f * l, fore});
  const Vec3 fingers = normalised(j.hand[s] - j.elbow[s]);
  out.push_back({j.hand[s] + fingers * 0.02f, j.hand[s] + fingers * 0.09f, 0.043f, 0.031f, skin});
}

void dress_trunk(const Joints& j, const Body& body, std::vector<Solid>& out) {
  const float g = body.girth;
  for (int s = 0; s < 2; ++s) {
    const Vec3 waist = j.pelvis + j.pelvis_frame * Vec3{side_sign(s) * body.pelvis * 0.55f, 0.03f, 0};
    const Vec3 under_arm = j.chest + j.chest_frame * Vec3{side_sign(s) * body.shoulder * 0.55f, -0.05f, 0};
    out.push_back({waist, under_arm, 0.095f * g, 0.105f * g, body.top});
  }
  // A shirt hangs over the trousers, however one leans.
  out.push_back({j.hip[0], j.hip[1], 0.095f * g, 0.095f * g, body.bottom, 0.05f});
  out.push_back({j.pelvis, j.chest + j.chest_frame * Vec3{0, -0.04f, 0}, 0.112f * g, 0.12f * g, body.top});
  out.push_back({lerp(j.shoulder[0], j.shoulder[1], 0.15f), lerp(j.shoulder[1], j.shoulder[0], 0.15f), 0.064f,
                 0.064f, body.top});
}

void dress_head(const Joints& j, const Body& body, std::vector<Solid>& out) {
  const float h = body.head;
  const Cloth skin{body.skin}, hair{body.hair_colour};
  const auto at = [&](float y, float z) { return j.head + j.head_frame * Vec3{0, y * h, z * h}; };
  out.push_back({j.neck - j.chest_frame * Vec3{0, 0.03f, 0}, j.head - j.head_frame * Vec3{0, 0.05f, 0.01f},
                 0.052f, 0.048f, skin});
  out.push_back({at(-0.035f, 0.012f), at(0.03f, 0), 0.078f * h, 0.09f * h, skin});
  out.push_back({at(-0.005f, 0.085f), at(-0.02f, 0.098f), 0.014f * h, 0.016f * h, {body.skin * 0.92f}});
  for (float x : {-0.034f, 0.034f}) {
    const Vec3 eye = j.head + j.head_frame * Vec3{x * h, 0.012f * h, 0.083f * h};
    out.push_back({eye, eye, 0.011f * h, 0.011f * h, {body.hair_colour * 0.4f}});
  }
  if (body.hair != Hair::kBald) {
    out.push_back({at(0.052f, -0.014f), at(-0.005f, -0.045f), 0.096f * h, 0.084f * h, hair});
    out.push_back({at(0.085f, 0.008f), at(0.075f, 0.022f), 0.056f * h, 0.054f * h, hair});
  }
  if (body.hair == Hair::kLong)
    out.push_back({at(0.0f, -0.05f), at(-0.15f, -0.06f), 0.075f * h, 0.06f * h, hair});
  if (body.hair == Hair::kTied)
    out.push_back({at(0.03f, -0.11f), at(-0.14f, -0.15f), 0.035f * h, 0.022f * h, hair});
  if (body.hair == Hair::kCap) {
    out.push_back({at(0.06f, -0.01f), at(0.05f, -0.01f), 0.1f * h, 0.1f * h, {body.shoes}});
    out.push_back({at(0.05f, 0.09f), at(0.045f, 0.14f), 0.035f * h, 0.03f * h, {body.shoes}});
  }
}

}  // namespace

Joints solve(const Pose& pose, const Body& body) {
  Joints j;
  j.pelvis_frame = rotate_y(pose.yaw) * rotate_x(pose.pitch) * rotate_z(pose.roll);
  j.chest_frame = j.pelvis_frame * rotate_y(pose.twist) * rotate_x(pose.spine) * rotate_z(pose.side);
  const float look_up = 0.4f * clamp01(pose.spine - 0.3f);
  j.head_frame = j.chest_frame * rotate_y(pose.head_yaw) * rotate_x(pose.head_pitch - look_up);
  j.pelvis = {};
  j.chest = j.chest_frame * Vec3{0, body.torso, 0};
  j.neck = j.chest + j.chest_frame * Vec3{0, 0.035f * body.height, 0.01f};
  j.head = j.neck + j.head_frame * Vec3{0, 0.11f * body.head, 0.015f};
  for (int s = 0; s < 2; ++s) {
    solve_leg(pose, body, s, j);
    solve_arm(pose, body, s, j);
  }
  shift(j, {pose.position.x, pose.jump - lowest_point(j), pose.position.z});
  return j;
}

void join_hands(Pose& a, const Body& body_a, Pose& b, const Body& body_b, int side, float weight) {
  const Joints at_a = solve(a, body_a), at_b = solve(b, body_b);
  const Vec3 middle = lerp(at_a.hand[side], at_b.hand[side], 0.5f);
  const auto pull = [&](Pose& pose, const Body& body, const Joints& j, Vec3 palm) {
    const Vec3 way = palm - j.shoulder[side];
    Vec3 local;  // the frame's transpose undoes it
    for (int i = 0; i < 3; ++i) {
      const float part = i == 0 ? way.x : i == 1 ? way.y : way.z;
      local = local + j.chest_frame.rows[i] * part;
    }
    pose.hand[side] = lerp(pose.hand[side], local * (1 / body.arm), weight);
  };
  pull(a, body_a, at_a, middle);
  pull(b, body_b, at_b, middle);
}

void dress(const Joints& joints, const Body& body, std::vector<Solid>& out) {
  for (int s = 0; s < 2; ++s) {
    dress_leg(joints, body, s, out);
    dress_arm(joints, body, s, out);
  }
  dress_trunk(joints, body, out);
  dress_head(joints, body, out);
}

}  // namespace mone::actors
