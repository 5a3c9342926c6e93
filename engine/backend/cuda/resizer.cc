#include "engine/backend/cuda/resizer.h"

#include <cstring>
#include <vector>

#include "engine/colour.h"

namespace mone::cuda {
namespace {

/// Where an axis lies in the piece of memory that holds all of them.
struct AxisPlace {
  std::size_t first, count, weights;
  int taps;
};

template <class T>
std::size_t append(const std::vector<T>& values, std::vector<std::byte>& bytes) {
  constexpr std::size_t kAlign = 16;
  const std::size_t at = (bytes.size() + kAlign - 1) / kAlign * kAlign;
  bytes.resize(at + values.size() * sizeof(T));
  std::memcpy(bytes.data() + at, values.data(), values.size() * sizeof(T));
  return at;
}

AxisPlace append(const Axis& axis, std::vector<std::byte>& bytes) {
  return {append(axis.first, bytes), append(axis.count, bytes), append(axis.weights, bytes), axis.taps};
}

AxisTable table_at(const std::byte* base, const AxisPlace& place) {
  return {reinterpret_cast<const int*>(base + place.first), reinterpret_cast<const int*>(base + place.count),
          reinterpret_cast<const std::int16_t*>(base + place.weights), place.taps};
}

}  // namespace

void CudaResizer::resize(const Frame& whole, std::uint8_t* picture) {
  const Frame frame = field_of(whole);
  prepare(frame);
  for (int c = 0; c < plan_.components; ++c) {
    const Component& k = plan_.layout->component[c];
    kernel_.component[c].samples = frame.planes[k.plane] + k.offset;
    kernel_.component[c].stride = frame.strides[k.plane];
  }
  kernel_.colours = yuv_to_rgb(frame.matrix, frame.range);
  kernel_.out = picture;
  const int pixels = format_.width * format_.height;
  runtime_.launch(kernel_of<ResizePicture>(), grid_of_pixels(pixels), 0, &kernel_,
                  {"resize", frame.width, frame.height, pixels});
}

/// Axes are the same for all frames of a stream: made, and sent, once.
void CudaResizer::prepare(const Frame& frame) {
  check_frame(frame);
  const ResizeKey key = key_of(frame);
  if (key == key_) return;
  key_ = {};
  plan_ = plan_resize(format_, frame);
  kernel_ = {};
  kernel_.colouring = plan_.colouring;
  kernel_.width = format_.width;
  kernel_.height = format_.height;
  kernel_.begin_x = plan_.fit.x.begin;
  kernel_.size_x = plan_.fit.x.size;
  kernel_.begin_y = plan_.fit.y.begin;
  kernel_.size_y = plan_.fit.y.size;
  std::vector<std::byte> bytes;
  std::array<AxisPlace, 3> across{}, down{};
  for (int c = 0; c < plan_.components; ++c) {
    across[c] = append(plan_.across[c], bytes);
    down[c] = append(plan_.down[c], bytes);
  }
  const What what{"axes of a frame", frame.width, frame.height};
  if (tables_.bytes() < bytes.size()) tables_ = DeviceMemory(runtime_, bytes.size(), what);
  runtime_.upload(tables_.as<>(), bytes.data(), bytes.size(), what);
  for (int c = 0; c < plan_.components; ++c) {
    kernel_.component[c].step = plan_.layout->component[c].step;
    kernel_.component[c].across = table_at(tables_.as<const std::byte>(), across[c]);
    kernel_.component[c].down = table_at(tables_.as<const std::byte>(), down[c]);
  }
  key_ = key;
}

}  // namespace mone::cuda
