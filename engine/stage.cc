#include "engine/stage.h"

#include <algorithm>

#include "engine/samples.h"

namespace mone {

Stage::Stage(const TubeletFormat& format)
    : format_(stage_format(format)),
      channels_(format.planes == Planes::kRgb ? 3 : 1),
      // The motion of a step is looked for with R, G, B, too, so one more than such tubelets look at.
      depth_(pictures_looked_at(format) + (format.planes == Planes::kRgb)),
      resizer_(format_),
      picture_(pixels() * channels_),
      luma_(channels_ > 1 && format.crop == CropMode::kMotion ? pixels() : 0),
      ring_(picture_.size() * depth_),
      luma_ring_(luma_.size() * depth_) {}

void Stage::load(const Frame& frame) {
  resizer_.resize(frame, picture_);
  map_ = {fit_image(format_, field_of(frame)), frame.visible()};
  for (std::size_t i = 0; i < luma_.size(); ++i)
    luma_[i] = motion_luma(picture_[i], picture_[i + pixels()], picture_[i + 2 * pixels()]);
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

}  // namespace mone
