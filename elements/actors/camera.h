/// From the world to the picture.
#pragma once

#include "elements/actors/math.h"
#include "elements/actors/raster.h"

namespace mone::actors {

struct Camera {
  float focal = 1.6f;  ///< in picture heights
  float pitch = 0.1f;  ///< looking down, radians
  float roll = 0;
  float distance = 4;                ///< to the point looked at, metres
  float squash = 1;                  ///< horizontal stretch, from anamorphic or wrongly flagged video
  float offset_x = 0, offset_y = 0;  ///< of that point from the middle, in picture heights
  Vec3 target{0, 0.85f, 0};
};

/// A camera with its axes worked out for a picture of a given size.
class View {
 public:
  View(const Camera& camera, int width, int height, float pixel_aspect)
      : scale_(static_cast<float>(height) * camera.focal),
        stretch_(camera.squash / pixel_aspect),
        centre_x_(static_cast<float>(width) / 2 +
                  static_cast<float>(height) * camera.offset_x / pixel_aspect),
        centre_y_(static_cast<float>(height) * (0.5f + camera.offset_y)) {
    const Vec3 back{0, std::sin(camera.pitch), std::cos(camera.pitch)};
    eye_ = camera.target + back * camera.distance;
    forward_ = back * -1.0f;
    const Vec3 right = normalised(cross(forward_, {0, 1, 0})), up = cross(right, forward_);
    const float c = std::cos(camera.roll), s = std::sin(camera.roll);
    right_ = right * c + up * s;
    up_ = up * c - right * s;
  }

  float depth(Vec3 point) const { return dot(point - eye_, forward_); }
  /// A ball in the world as a disc, `shake` in pixels.
  Disc project(Vec3 point, float radius) const {
    const Vec3 d = point - eye_;
    const float k = scale_ / std::max(0.15f, dot(d, forward_));
    return {centre_x_ + k * stretch_ * dot(d, right_), centre_y_ - k * dot(d, up_), radius * k};
  }
  void move(float dx, float dy) {
    centre_x_ += dx;
    centre_y_ += dy;
  }

 private:
  float scale_, stretch_, centre_x_, centre_y_;
  Vec3 eye_, forward_, right_, up_;
};

}  // namespace mone::actors
