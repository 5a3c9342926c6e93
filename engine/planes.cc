#include "engine/planes.h"

#include <algorithm>

#include "engine/samples.h"

namespace mone {

void LumaHistory::push(std::span<const std::uint8_t> y) {
  const auto slot = static_cast<std::size_t>(count_ % (kLookBack + 1));
  std::copy_n(y.data(), pixels_, ring_.data() + slot * static_cast<std::size_t>(pixels_));
  ++count_;
}

const std::uint8_t* LumaHistory::at(int back) const {
  const std::int64_t oldest = std::max<std::int64_t>(0, count_ - 1 - kLookBack);
  const std::int64_t index = std::max(count_ - 1 - back, oldest);
  return ring_.data() + static_cast<std::size_t>(index % (kLookBack + 1)) * static_cast<std::size_t>(pixels_);
}

void interleave_row(const std::uint8_t* c0, const std::uint8_t* c1, const std::uint8_t* c2, int width,
                    std::uint8_t* out) {
  for (int x = 0; x < width; ++x) {
    out[3 * x] = c0[x];
    out[3 * x + 1] = c1[x];
    out[3 * x + 2] = c2[x];
  }
}

void luma_motion_row(const std::uint8_t* y, const std::uint8_t* y1, const std::uint8_t* y4, int width,
                     std::uint8_t* out) {
  for (int x = 0; x < width; ++x) {
    out[3 * x] = y[x];
    out[3 * x + 1] = motion_of_one(y[x], y1[x]);
    out[3 * x + 2] = motion_of_four(y[x], y4[x]);
  }
}

}  // namespace mone
