/// Small vectors and the curves that motions are made of. Metres, radians, y up.
#pragma once

#include <algorithm>
#include <cmath>

namespace mone::actors {

constexpr float kPi = 3.14159265f;

struct Vec3 {
  float x = 0, y = 0, z = 0;
};
inline Vec3 operator+(Vec3 a, Vec3 b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
inline Vec3 operator-(Vec3 a, Vec3 b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
inline Vec3 operator*(Vec3 a, float s) { return {a.x * s, a.y * s, a.z * s}; }
inline float dot(Vec3 a, Vec3 b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
inline float length(Vec3 a) { return std::sqrt(dot(a, a)); }
inline Vec3 normalised(Vec3 a) {
  const float l = length(a);
  return l > 1e-6f ? a * (1 / l) : Vec3{0, 1, 0};
}
inline Vec3 cross(Vec3 a, Vec3 b) {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
inline Vec3 lerp(Vec3 a, Vec3 b, float w) { return a + (b - a) * w; }

/// Rotation, rows.
struct Mat3 {
  Vec3 rows[3];
  Vec3 operator*(Vec3 v) const { return {dot(rows[0], v), dot(rows[1], v), dot(rows[2], v)}; }
};
inline Mat3 operator*(const Mat3& a, const Mat3& b) {
  Mat3 out;
  for (int i = 0; i < 3; ++i)
    out.rows[i] = b.rows[0] * a.rows[i].x + b.rows[1] * a.rows[i].y + b.rows[2] * a.rows[i].z;
  return out;
}
/// Positive leans forward: up turns towards +z.
inline Mat3 rotate_x(float a) {
  const float c = std::cos(a), s = std::sin(a);
  return {{{1, 0, 0}, {0, c, -s}, {0, s, c}}};
}
/// Positive turns +z towards +x.
inline Mat3 rotate_y(float a) {
  const float c = std::cos(a), s = std::sin(a);
  return {{{c, 0, s}, {0, 1, 0}, {-s, 0, c}}};
}
/// Positive leans up towards -x.
inline Mat3 rotate_z(float a) {
  const float c = std::cos(a), s = std::sin(a);
  return {{{c, -s, 0}, {s, c, 0}, {0, 0, 1}}};
}
inline Vec3 heading(float yaw) { return {std::sin(yaw), 0, std::cos(yaw)}; }

inline float mix(float a, float b, float w) { return a + (b - a) * w; }
inline float clamp01(float x) { return std::min(1.0f, std::max(0.0f, x)); }
/// 0 before a, 1 after b, smooth between.
inline float ease(float a, float b, float t) {
  const float x = clamp01((t - a) / std::max(1e-5f, b - a));
  return x * x * (3 - 2 * x);
}
/// Rises from a to b, falls from c to d.
inline float bump(float a, float b, float c, float d, float t) { return ease(a, b, t) * (1 - ease(c, d, t)); }
/// Angle in (-pi, pi].
inline float wrap_angle(float a) { return a - 2 * kPi * std::floor((a + kPi) / (2 * kPi)); }

}  // namespace mone::actors
