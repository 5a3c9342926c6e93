#include "engine/fit.h"

#include <algorithm>
#include <cmath>

namespace mone {
namespace {

constexpr double kRounding = 1e-9;  // of ratios of whole numbers

/// `full` pixels of picture in `image` pixels of room: centred, with black on both sides or cut on both.
AxisFit centre(int full, int image) {
  if (full <= image) return {(image - full) / 2, full, full, 0};
  return {0, image, full, static_cast<int>(std::nearbyint((full - image) / 2.0))};
}

}  // namespace

ImageFit fit_image(const TubeletFormat& format, const Frame& frame) {
  const Box box = frame.visible();
  const double width = box.width * frame.pixel_aspect, height = box.height;
  if (format.fit == Fit::kPad) {
    const double scale = std::min(format.width / width, format.height / height);
    const auto fit = [scale](double source, int image) {
      return centre(std::clamp(static_cast<int>(std::lround(source * scale)), 1, image), image);
    };
    return {fit(width, format.width), fit(height, format.height)};
  }
  const double scale = format.resize_short / std::min(width, height);
  const auto fit = [scale](double source, int image) {
    return centre(std::max(1, static_cast<int>(std::floor(source * scale + kRounding))), image);
  };
  return {fit(width, format.width), fit(height, format.height)};
}

}  // namespace mone
