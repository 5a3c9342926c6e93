#include "engine/stage.h"

#include <algorithm>

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

Stage::Stage(const TubeletFormat& format)
    : format_(stage_format(format)),
      channels_(format.planes == Planes::kRgb ? 3 : 1),
      depth_((format.planes == Planes::kRgb ? 1 : kLookBack) + format.pt),
      resizer_(format_),
      picture_(pixels() * channels_),
      luma_(channels_ > 1 && format.crop == CropMode::kMotion ? pixels() : 0),
      ring_(picture_.size() * depth_),
      luma_ring_(luma_.size() * depth_) {}

void Stage::load(const Frame& frame) {
  resizer_.resize(frame, picture_);
  fit_ = fit_image(format_, field_of(frame));
  visible_ = frame.visible();
  for (std::size_t i = 0; i < luma_.size(); ++i)
    luma_[i] = static_cast<std::uint8_t>(
        (picture_[i] + 2 * picture_[i + pixels()] + picture_[i + 2 * pixels()]) / 4);
}

void Stage::push() {
  ++count_;
  const std::size_t at = slot(0);
  std::copy(picture_.begin(), picture_.end(),
            ring_.begin() + static_cast<std::ptrdiff_t>(at * picture_.size()));
  std::copy(luma_.begin(), luma_.end(), luma_ring_.begin() + static_cast<std::ptrdiff_t>(at * luma_.size()));
}

std::size_t Stage::slot(int back) const {
  const std::int64_t oldest = std::max<std::int64_t>(0, count_ - depth_);
  return static_cast<std::size_t>(std::max(count_ - 1 - back, oldest) % depth_);
}

const std::uint8_t* Stage::at(int back) const { return ring_.data() + slot(back) * picture_.size(); }

const std::uint8_t* Stage::luma_at(int back) const {
  return channels_ == 1 ? at(back) : luma_ring_.data() + slot(back) * luma_.size();
}

Box Stage::content() const { return {fit_.x.begin, fit_.y.begin, fit_.x.size, fit_.y.size}; }

Box Stage::to_source(const Box& stage) const {
  const auto axis = [](const AxisFit& fit, int begin, int size, int first, int room, int* at, int* length) {
    *at = first + nearest(begin - fit.begin + fit.skip, room, fit.full);
    *length = std::max(1, nearest(size, room, fit.full));
  };
  Box out;
  axis(fit_.x, stage.x, stage.width, visible_.x, visible_.width, &out.x, &out.width);
  axis(fit_.y, stage.y, stage.height, visible_.y, visible_.height, &out.y, &out.height);
  return out;
}

Box Stage::from_source(const Box& source) const {
  const auto axis = [](const AxisFit& fit, int begin, int size, int first, int room, int* at, int* length) {
    const auto place = [&](int pixel) {
      const int in = scaled(std::clamp(pixel - first, 0, room), fit.full, room);
      return fit.begin + std::clamp(in - fit.skip, 0, fit.size);
    };
    *at = place(begin);
    *length = std::max(1, place(begin + size) - *at);
  };
  Box out;
  axis(fit_.x, source.x, source.width, visible_.x, visible_.width, &out.x, &out.width);
  axis(fit_.y, source.y, source.height, visible_.y, visible_.height, &out.y, &out.height);
  return out;
}

}  // namespace mone
