#include "engine/backend/cuda/picture_store.h"

namespace mone::cuda {

PictureStore::PictureStore(Runtime& runtime, const TubeletFormat& format, int depth, bool luma)
    : runtime_(runtime),
      format_(format),
      channels_(format.planes == Planes::kRgb ? 3 : 1),
      resizer_(runtime, format),
      slots_(depth) {
  const std::size_t plane = slots_.slots() * static_cast<std::size_t>(pixels());
  const What what{"pictures", format.width, format.height};
  pictures_ = DeviceMemory(runtime, plane * static_cast<std::size_t>(channels_), what);
  if (luma && channels_ > 1) luma_ = DeviceMemory(runtime, plane, what);
}

std::uint8_t* PictureStore::picture(int slot) const {
  return pictures_.as<std::uint8_t>() + static_cast<std::ptrdiff_t>(slot) * pixels() * channels_;
}

const std::uint8_t* PictureStore::luma_at(int back) const {
  if (channels_ == 1) return at(back);
  return luma_.as<std::uint8_t>() + static_cast<std::ptrdiff_t>(slots_.at(back)) * pixels();
}

void PictureStore::load(const Frame& frame) {
  const int slot = slots_.load();
  resizer_.resize(frame, picture(slot));
  if (!luma_.bytes()) return;
  const LumaOfPicture luma{picture(slot),
                           luma_.as<std::uint8_t>() + static_cast<std::ptrdiff_t>(slot) * pixels(), pixels()};
  runtime_.launch(kernel_of<LumaOfPicture>(), grid_of_pixels(pixels()), 0, &luma,
                  {"luma", format_.width, format_.height});
}

}  // namespace mone::cuda
