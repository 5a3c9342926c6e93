#include "engine/tubelet.h"

#include <cstring>

#include "engine/error.h"
#include "engine/frame_resizer.h"

namespace mone {
namespace {

const TubeletFormat& checked(const TubeletFormat& format) {
  if (auto failure = check(format)) throw ConfigError(failure->text);
  return format;
}

}  // namespace

TubeletCutter::TubeletCutter(const TubeletFormat& format)
    : format_(checked(format)),
      picture_(static_cast<std::size_t>(format.width) * format.height *
               (format.planes == Planes::kRgb ? 3 : 1)),
      row_(static_cast<std::size_t>(format.width) * 3),
      history_(format.planes == Planes::kRgb ? 0 : format.width * format.height),
      resizer_(std::make_unique<FrameResizer>(format)) {}

TubeletCutter::~TubeletCutter() = default;
TubeletCutter::TubeletCutter(TubeletCutter&&) noexcept = default;

void TubeletCutter::load(const Frame& frame) { resizer_->resize(frame, picture_); }

void TubeletCutter::reset() { history_.reset(); }

void TubeletCutter::cut(int t, std::span<std::uint8_t> tubelet) {
  const TubeletFormat& f = format_;
  if (t < 0 || t >= f.pt || tubelet.size() != static_cast<std::size_t>(f.bytes()))
    throw ShapeError("time step " + std::to_string(t) + " of a tubelet of " + std::to_string(tubelet.size()) +
                     " bytes; the format has " + std::to_string(f.pt) + " steps in " +
                     std::to_string(f.bytes()));
  const bool rgb = f.planes == Planes::kRgb;
  if (!rgb) history_.push(picture_);
  const std::size_t plane = static_cast<std::size_t>(f.width) * f.height;
  const std::size_t chunk = static_cast<std::size_t>(f.pw) * 3;  // a token's part of a row
  const std::size_t token = chunk * f.ph * f.pt;                 // bytes from token to token
  for (int y = 0; y < f.height; ++y) {
    const std::size_t at = static_cast<std::size_t>(y) * f.width;
    if (rgb)
      interleave_row(&picture_[at], &picture_[at + plane], &picture_[at + 2 * plane], f.width, row_.data());
    else
      luma_motion_row(history_.at(0) + at, history_.at(1) + at, history_.at(kLookBack) + at, f.width,
                      row_.data());
    const int in_token = t * f.ph + y % f.ph;  // row inside [pt, ph]
    std::uint8_t* out = tubelet.data() + static_cast<std::size_t>(y / f.ph) * (f.width / f.pw) * token +
                        static_cast<std::size_t>(in_token) * chunk;
    for (int w = 0; w < f.width / f.pw; ++w) std::memcpy(out + w * token, &row_[w * chunk], chunk);
  }
}

}  // namespace mone
