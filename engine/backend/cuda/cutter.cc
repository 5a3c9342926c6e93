#include "engine/backend/cuda/cutter.h"

#include <algorithm>
#include <string>

#include "engine/planes.h"

namespace mone::cuda {
namespace {

const TubeletFormat& checked(const TubeletFormat& format) {
  if (auto failure = check(format)) throw ConfigError(failure->text);
  return format;
}

/// Those of PictureStore: as many as LumaHistory or Stage remember on the CPU.
PictureStore make_store(Runtime& runtime, const TubeletFormat& format) {
  const bool rgb = format.planes == Planes::kRgb;
  if (format.crop == CropMode::kFull) return {runtime, format, rgb ? 1 : kLookBack + 1, false};
  return {runtime, stage_format(format), pictures_looked_at(format) + rgb, format.crop == CropMode::kMotion};
}

class CudaTubelet : public TubeletMemory {
 public:
  CudaTubelet(std::shared_ptr<Runtime> runtime, int bytes)
      : runtime_(std::move(runtime)),
        memory_(*runtime_, static_cast<std::size_t>(bytes), {"a tubelet", bytes}) {}
  std::span<std::uint8_t> bytes() const override { return {memory_.as<std::uint8_t>(), memory_.bytes()}; }
  int gpu() const override { return runtime_->device().index; }
  void read(std::span<std::uint8_t> to) const override {
    runtime_->read(to.data(), memory_.as<>(), to.size(), {"a tubelet", static_cast<int>(to.size())});
  }

 private:
  std::shared_ptr<Runtime> runtime_;  // before what it owns
  DeviceMemory memory_;
};

}  // namespace

CudaCutter::CudaCutter(std::shared_ptr<Runtime> runtime, const TubeletFormat& format)
    : runtime_(std::move(runtime)),
      format_(checked(format)),
      pictures_(make_store(*runtime_, format)),
      crop_(*runtime_, channel_format(format)) {
  if (format.crop == CropMode::kFull) return;
  const std::size_t picture = static_cast<std::size_t>(format.width) * format.height * pictures_.channels();
  const What what{"crops", format.width, format.height};
  cut_ = DeviceMemory(*runtime_, picture * pictures_looked_at(format), what);
  if (format.crop != CropMode::kMotion) return;
  motion_ = new_box();
  const std::size_t cells =
      static_cast<std::size_t>(motion_->rows()) * motion_->columns() * sizeof(std::uint32_t);
  cells_ = DeviceMemory(*runtime_, cells, what);
  cells_host_ = PinnedMemory(*runtime_, cells, what);
}

MotionBox CudaCutter::new_box() const {
  return {format_.width, format_.height, pictures_.width(), pictures_.height()};
}

void CudaCutter::load(const Frame& frame) {
  pictures_.load(frame);
  runtime_->wait({"load", frame.width, frame.height});
  if (format_.crop == CropMode::kFull)
    shown_ = frame.visible();
  else
    map_ = {fit_image(stage_format(format_), field_of(frame)), frame.visible()};
}

void CudaCutter::reset() {
  pictures_.reset();
  if (motion_) motion_->reset();
  regions_.clear();
}

void CudaCutter::cut(int t, std::span<std::uint8_t> tubelet) {
  const TubeletFormat& f = format_;
  if (t < 0 || t >= f.pt || (!tubelet.empty() && tubelet.size() != static_cast<std::size_t>(f.bytes())))
    throw ShapeError("time step " + std::to_string(t) + " of a tubelet of " + std::to_string(tubelet.size()) +
                     " bytes; the format has " + std::to_string(f.pt) + " steps in " +
                     std::to_string(f.bytes()));
  pictures_.push();
  if (f.crop == CropMode::kFull) {
    if (tubelet.empty()) return;
    write_step(
        t, [this](int back) { return pictures_.at(back); }, tubelet);
    runtime_->wait({"cut", f.width, f.height});
  } else if (motion_) {
    follow_motion();
    if (t + 1 == f.pt) show(motion_->update(), tubelet);
  }
}

template <class At>
void CudaCutter::write_step(int t, const At& at, std::span<std::uint8_t> tubelet) {
  const TubeletFormat& f = format_;
  const int pixels = f.width * f.height;
  WriteStep write{{}, tubelet.data(), pictures_.channels() == 1, f.width, f.height, f.pt, f.ph, f.pw, t};
  write.pictures[0] = at(0);
  write.pictures[1] = write.motion ? at(1) : at(0) + pixels;
  write.pictures[2] = write.motion ? at(kLookBack) : at(0) + 2 * pixels;
  runtime_->launch(kernel_of<WriteStep>(), grid_of_pixels(pixels), 0, &write, {"cut", f.width, f.height, t});
}

/// A few KB of sums come to the host, which draws the box as for the CPU.
void CudaCutter::follow_motion() {
  const Box content = map_.content();
  const int rows = motion_->rows(), columns = motion_->columns();
  const What what{"motion", columns, rows};
  const MotionOfCells cells{pictures_.luma_at(0),
                            pictures_.luma_at(1),
                            cells_.as<std::uint32_t>(),
                            pictures_.width(),
                            rows,
                            columns,
                            content.y,
                            content.y + content.height};
  runtime_->launch(kernel_of<MotionOfCells>(), grid_of_pixels(rows * columns), 0, &cells, what);
  runtime_->copy_out(cells_host_.get(), cells_.as<>(), cells_.bytes(), what);
  runtime_->wait(what);
  motion_->add(
      {reinterpret_cast<const std::uint32_t*>(cells_host_.get()), cells_.bytes() / sizeof(std::uint32_t)},
      content);
}

void CudaCutter::show(const Box& box, std::span<std::uint8_t> tubelet) {
  const double width = pictures_.width(), height = pictures_.height();
  shown_ = map_.to_source(box);
  share_ = {box.x / width, box.y / height, box.width / width, box.height / height};
  if (!tubelet.empty()) cut_through(box, tubelet);
}

/// All that the tubelet looks at, cut anew through its box; see CropView.
void CudaCutter::cut_through(const Box& box, std::span<std::uint8_t> tubelet) {
  const int channels = pictures_.channels(), plane = format_.width * format_.height;
  const int depth = pictures_looked_at(format_);
  const auto at = [&](int back) {
    return cut_.as<std::uint8_t>() + static_cast<std::ptrdiff_t>(depth - 1 - back) * channels * plane;
  };
  Frame frame = channel_frame(pictures_.width(), pictures_.height(), box);
  for (int back = 0; back < depth; ++back)
    for (int c = 0; c < channels; ++c) {
      frame.planes[0] = pictures_.at(back) + static_cast<std::ptrdiff_t>(c) * pictures_.pixels();
      crop_.resize(frame, at(back) + static_cast<std::ptrdiff_t>(c) * plane);
    }
  for (int t = 0; t < format_.pt; ++t)
    write_step(
        t, [&](int back) { return at(format_.pt - 1 - t + back); }, tubelet);
  runtime_->wait({"cut through a box", box.width, box.height});
}

void CudaCutter::cut_region(const Region& region, std::span<std::uint8_t> tubelet) {
  MotionBox& box = regions_.try_emplace(region.id, new_box()).first->second;
  show(box.follow(map_.from_source(region.box)), tubelet);
}

void CudaCutter::keep_regions(std::span<const Region> regions) {
  std::erase_if(regions_, [regions](const auto& entry) {
    return std::none_of(regions.begin(), regions.end(), [&](const Region& r) { return r.id == entry.first; });
  });
}

std::shared_ptr<TubeletMemory> CudaCutter::new_tubelet() {
  return std::make_shared<CudaTubelet>(runtime_, format_.bytes());
}

}  // namespace mone::cuda
