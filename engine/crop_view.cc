#include "engine/crop_view.h"

#include "engine/write_step.h"

namespace mone {

CropView::CropView(const TubeletFormat& format, const Stage& stage)
    : format_(format),
      resizer_(channel_format(format)),
      box_(format.width, format.height, stage.width(), stage.height()),
      pictures_(static_cast<std::size_t>(format.width) * format.height * stage.channels() *
                pictures_looked_at(format)),
      row_(static_cast<std::size_t>(format.width) * 3) {}

void CropView::reset() {
  box_.reset();
  cut_at_ = -1;
}

void CropView::cut(const Stage& stage, std::span<std::uint8_t> tubelet) {
  const std::size_t plane = static_cast<std::size_t>(format_.width) * format_.height;
  const std::size_t stage_plane = static_cast<std::size_t>(stage.width()) * stage.height();
  const int depth = pictures_looked_at(format_);
  Frame frame = channel_frame(stage.width(), stage.height(), box_.box());
  const std::size_t picture = plane * static_cast<std::size_t>(stage.channels());
  std::uint8_t* out = pictures_.data();
  // Where the box stands, what the tubelet before looked at is still there.
  const bool stands = cut_at_ >= depth && cut_at_ + format_.pt == stage.count() && cut_box_ == frame.crop;
  const int kept = stands ? depth - format_.pt : 0;
  std::copy_n(out + picture * static_cast<std::size_t>(format_.pt), picture * static_cast<std::size_t>(kept),
              out);
  out += picture * static_cast<std::size_t>(kept);
  for (int back = depth - 1 - kept; back >= 0; --back) {
    for (int c = 0; c < stage.channels(); ++c, out += plane) {
      frame.planes[0] = stage.at(back) + static_cast<std::size_t>(c) * stage_plane;
      resizer_.resize(frame, {out, plane});
    }
  }
  cut_box_ = frame.crop;
  cut_at_ = stage.count();
  const auto at = [&](int back) {
    return pictures_.data() + static_cast<std::size_t>(depth - 1 - back) * stage.channels() * plane;
  };
  for (int t = 0; t < format_.pt; ++t) {
    const int back = format_.pt - 1 - t;
    if (stage.channels() > 1)
      write_step(format_, t, {at(back), at(back) + plane, at(back) + 2 * plane}, row_, tubelet);
    else
      write_step(format_, t, {at(back), at(back + 1), at(back + kLookBack)}, row_, tubelet);
  }
}

}  // namespace mone
