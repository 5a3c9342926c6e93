#include "engine/stage_geometry.h"

#include <algorithm>

#include "engine/planes.h"

namespace mone {
namespace {

int scaled(std::int64_t value, int by, int over) { return static_cast<int>(value * by / over); }

/// `value * by / over` to the nearest whole number, also below 0.
int nearest(std::int64_t value, int by, int over) {
  const std::int64_t twice = 2 * value * by + over, whole = twice / (2 * over);
  return static_cast<int>(twice < whole * 2 * over ? whole - 1 : whole);
}

}  // namespace

TubeletFormat stage_format(const TubeletFormat& format) {
  TubeletFormat stage = format;
  stage.width *= kStageScale;
  stage.height *= kStageScale;
  stage.resize_short *= kStageScale;
  stage.crop = CropMode::kFull;
  return stage;
}

int pictures_looked_at(const TubeletFormat& format) {
  return format.pt + (format.planes == Planes::kRgb ? 0 : kLookBack);
}

TubeletFormat channel_format(const TubeletFormat& format) {
  TubeletFormat channel = format;
  channel.planes = Planes::kLumaMotion;
  channel.fit = Fit::kPad;
  channel.crop = CropMode::kFull;
  return channel;
}

Frame channel_frame(int width, int height, const Box& box) {
  Frame frame;
  frame.format = PixelFormat::kGray8;
  frame.range = ColourRange::kFull;
  frame.width = width;
  frame.height = height;
  frame.strides[0] = width;
  frame.crop = box;
  return frame;
}

Box StageMap::content() const { return {fit.x.begin, fit.y.begin, fit.x.size, fit.y.size}; }

Box StageMap::to_source(const Box& stage) const {
  const auto axis = [](const AxisFit& on, int begin, int size, int first, int room, int* at, int* length) {
    *at = first + nearest(begin - on.begin + on.skip, room, on.full);
    *length = std::max(1, nearest(size, room, on.full));
  };
  Box out;
  axis(fit.x, stage.x, stage.width, visible.x, visible.width, &out.x, &out.width);
  axis(fit.y, stage.y, stage.height, visible.y, visible.height, &out.y, &out.height);
  return out;
}

Box StageMap::from_source(const Box& source) const {
  const auto axis = [](const AxisFit& on, int begin, int size, int first, int room, int* at, int* length) {
    const auto place = [&](int pixel) {
      const int in = scaled(std::clamp(pixel - first, 0, room), on.full, room);
      return on.begin + std::clamp(in - on.skip, 0, on.size);
    };
    *at = place(begin);
    *length = std::max(1, place(begin + size) - *at);
  };
  Box out;
  axis(fit.x, source.x, source.width, visible.x, visible.width, &out.x, &out.width);
  axis(fit.y, source.y, source.height, visible.y, visible.height, &out.y, &out.height);
  return out;
}

}  // namespace mone
