#include "engine/backend/cuda/cutter.h"

#include <string>

#include "engine/planes.h"

namespace mone::cuda {
namespace {

const TubeletFormat& checked(const TubeletFormat& format) {
  if (auto failure = check(format)) throw ConfigError(failure->text);
  if (format.crop != CropMode::kFull)
    throw ConfigError(std::string("crop ") + to_name(format.crop) + " is cut on the CPU only");
  return format;
}

class CudaTubelet : public TubeletMemory {
 public:
  CudaTubelet(std::shared_ptr<Runtime> runtime, int bytes)
      : runtime_(std::move(runtime)),
        memory_(*runtime_, static_cast<std::size_t>(bytes), {"a tubelet", bytes}) {}
  std::span<std::uint8_t> bytes() const override { return {memory_.as<std::uint8_t>(), memory_.bytes()}; }
  int gpu() const override { return runtime_->device().index; }
  void read(std::span<std::uint8_t> to) const override {
    runtime_->download(to.data(), memory_.as<>(), to.size(), {"a tubelet", static_cast<int>(to.size())});
  }

 private:
  std::shared_ptr<Runtime> runtime_;  // before what it owns
  DeviceMemory memory_;
};

}  // namespace

CudaCutter::CudaCutter(std::shared_ptr<Runtime> runtime, const TubeletFormat& format)
    : runtime_(std::move(runtime)),
      format_(checked(format)),
      pixels_(format.width * format.height),
      channels_(format.planes == Planes::kRgb ? 3 : 1),
      resizer_(*runtime_, format),
      slots_(format.planes == Planes::kRgb ? 1 : kLookBack + 1),
      pictures_(*runtime_, slots_.slots() * static_cast<std::size_t>(pixels_) * channels_,
                {"pictures", format.width, format.height}) {}

std::uint8_t* CudaCutter::picture(int slot) const {
  return pictures_.as<std::uint8_t>() + static_cast<std::ptrdiff_t>(slot) * pixels_ * channels_;
}

void CudaCutter::load(const Frame& frame) {
  resizer_.resize(frame, picture(slots_.load()));
  runtime_->wait({"resize", frame.width, frame.height});
  shown_ = frame.visible();
}

void CudaCutter::cut(int t, std::span<std::uint8_t> tubelet) {
  const TubeletFormat& f = format_;
  if (t < 0 || t >= f.pt || (!tubelet.empty() && tubelet.size() != static_cast<std::size_t>(f.bytes())))
    throw ShapeError("time step " + std::to_string(t) + " of a tubelet of " + std::to_string(tubelet.size()) +
                     " bytes; the format has " + std::to_string(f.pt) + " steps in " +
                     std::to_string(f.bytes()));
  slots_.push();
  if (tubelet.empty()) return;
  WriteStep write{{}, tubelet.data(), channels_ == 1, f.width, f.height, f.pt, f.ph, f.pw, t};
  const std::uint8_t* now = picture(slots_.at(0));
  write.pictures[0] = now;
  write.pictures[1] = write.motion ? picture(slots_.at(1)) : now + pixels_;
  write.pictures[2] = write.motion ? picture(slots_.at(kLookBack)) : now + 2 * pixels_;
  const What what{"write a tubelet's step", f.width, f.height};
  runtime_->launch(kernel_of<WriteStep>(), grid_of_pixels(pixels_), 0, &write, what);
  runtime_->wait(what);
}

void CudaCutter::cut_region(const Region&, std::span<std::uint8_t>) {
  throw ConfigError("crop region is cut on the CPU only");
}

void CudaCutter::keep_regions(std::span<const Region>) {}

std::shared_ptr<TubeletMemory> CudaCutter::new_tubelet() {
  return std::make_shared<CudaTubelet>(runtime_, format_.bytes());
}

}  // namespace mone::cuda
