#include "engine/tubelet.h"

#include <algorithm>
#include <cstring>

#include "engine/crop_view.h"
#include "engine/error.h"
#include "engine/frame_resizer.h"
#include "engine/stage.h"
#include "engine/write_step.h"

namespace mone {
namespace {

const TubeletFormat& checked(const TubeletFormat& format) {
  if (auto failure = check(format)) throw ConfigError(failure->text);
  return format;
}

class HostTubelet : public TubeletMemory {
 public:
  explicit HostTubelet(int bytes) : bytes_(static_cast<std::size_t>(bytes)) {}
  std::span<std::uint8_t> bytes() const override { return bytes_; }
  int gpu() const override { return -1; }
  void read(std::span<std::uint8_t> to) const override { std::copy_n(bytes_.begin(), to.size(), to.begin()); }

 private:
  mutable std::vector<std::uint8_t> bytes_;
};

}  // namespace

void write_step(const TubeletFormat& f, int t, std::array<const std::uint8_t*, 3> pictures,
                std::span<std::uint8_t> row, std::span<std::uint8_t> tubelet) {
  const std::size_t chunk = static_cast<std::size_t>(f.pw) * 3;  // a token's part of a row
  const std::size_t token = chunk * f.ph * f.pt;                 // bytes from token to token
  const auto make_row = f.planes == Planes::kRgb ? interleave_row : luma_motion_row;
  for (int y = 0; y < f.height; ++y) {
    const std::size_t at = static_cast<std::size_t>(y) * f.width;
    make_row(pictures[0] + at, pictures[1] + at, pictures[2] + at, f.width, row.data());
    const int in_token = t * f.ph + y % f.ph;  // row inside [pt, ph]
    std::uint8_t* out = tubelet.data() + static_cast<std::size_t>(y / f.ph) * (f.width / f.pw) * token +
                        static_cast<std::size_t>(in_token) * chunk;
    for (int w = 0; w < f.width / f.pw; ++w) std::memcpy(out + w * token, &row[w * chunk], chunk);
  }
}

TubeletCutter::TubeletCutter(const TubeletFormat& format)
    : format_(checked(format)),
      row_(static_cast<std::size_t>(format.width) * 3),
      history_(format.planes == Planes::kRgb || format.crop != CropMode::kFull
                   ? 0
                   : format.width * format.height) {
  if (format.crop == CropMode::kFull) {
    picture_.resize(static_cast<std::size_t>(format.width) * format.height *
                    (format.planes == Planes::kRgb ? 3 : 1));
    resizer_ = std::make_unique<FrameResizer>(format);
    return;
  }
  stage_ = std::make_unique<Stage>(format);
  if (format.crop == CropMode::kMotion) motion_ = std::make_unique<CropView>(format, *stage_);
}

TubeletCutter::~TubeletCutter() = default;
TubeletCutter::TubeletCutter(TubeletCutter&&) noexcept = default;

void TubeletCutter::load(const Frame& frame) {
  if (stage_) return stage_->load(frame);
  resizer_->resize(frame, picture_);
  shown_ = frame.visible();
}

void TubeletCutter::reset() {
  history_.reset();
  if (stage_) stage_->reset();
  if (motion_) motion_->reset();
  regions_.clear();
}

void TubeletCutter::cut(int t, std::span<std::uint8_t> tubelet) {
  const TubeletFormat& f = format_;
  if (t < 0 || t >= f.pt || (!tubelet.empty() && tubelet.size() != static_cast<std::size_t>(f.bytes())))
    throw ShapeError("time step " + std::to_string(t) + " of a tubelet of " + std::to_string(tubelet.size()) +
                     " bytes; the format has " + std::to_string(f.pt) + " steps in " +
                     std::to_string(f.bytes()));
  if (f.crop == CropMode::kFull) return cut_full(t, tubelet);
  stage_->push();
  if (motion_) cut_motion(t, tubelet);
}

void TubeletCutter::cut_full(int t, std::span<std::uint8_t> tubelet) {
  if (format_.planes == Planes::kRgb) {
    if (tubelet.empty()) return;
    const std::size_t plane = static_cast<std::size_t>(format_.width) * format_.height;
    const std::uint8_t* red = picture_.data();
    return write_step(format_, t, {red, red + plane, red + 2 * plane}, row_, tubelet);
  }
  history_.push(picture_);
  if (tubelet.empty()) return;
  write_step(format_, t, {history_.at(0), history_.at(1), history_.at(kLookBack)}, row_, tubelet);
}

void TubeletCutter::cut_motion(int t, std::span<std::uint8_t> tubelet) {
  motion_->box().add(stage_->luma_at(0), stage_->luma_at(1), stage_->map().content());
  if (t + 1 < format_.pt) return;
  motion_->box().update();
  show(*motion_, tubelet);
}

/// Cuts the tubelet through the view's box.
void TubeletCutter::show(CropView& view, std::span<std::uint8_t> tubelet) {
  const Box& box = view.box().box();
  const double width = stage_->width(), height = stage_->height();
  shown_ = stage_->map().to_source(box);
  share_ = {box.x / width, box.y / height, box.width / width, box.height / height};
  if (!tubelet.empty()) view.cut(*stage_, tubelet);
}

void TubeletCutter::cut_region(const Region& region, std::span<std::uint8_t> tubelet) {
  auto& view = regions_[region.id];
  if (!view) view = std::make_unique<CropView>(format_, *stage_);
  view->box().follow(stage_->map().from_source(region.box));
  show(*view, tubelet);
}

std::shared_ptr<TubeletMemory> TubeletCutter::new_tubelet() {
  return std::make_shared<HostTubelet>(format_.bytes());
}

void TubeletCutter::keep_regions(std::span<const Region> regions) {
  std::erase_if(regions_, [regions](const auto& entry) {
    return std::none_of(regions.begin(), regions.end(), [&](const Region& r) { return r.id == entry.first; });
  });
}

}  // namespace mone
