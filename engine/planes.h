/// The three u8 planes of a model's image, made from the present picture and those before it.
///
/// `rgb`: R, G, B.
/// `luma-motion`: plane 0 is the full-range luma y; plane 1 is clamp(128 + 2 (y - y[-1])), y[-1] the sampled
/// picture before; plane 2 is clamp(128 + (y - y[-4])), four sampled pictures back. Where there is no such
/// picture yet the oldest one stands in, so the first gives 128. Integers, exact, as in training.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/export.h"
#include "engine/model_config.h"

namespace mone {

/// Sampled pictures that a plane can look back.
constexpr int kLookBack = 4;

/// u8 [height, width] pictures of the last kLookBack sampled times and now.
class MONE_API LumaHistory {
 public:
  explicit LumaHistory(int pixels)
      : pixels_(pixels), ring_((kLookBack + 1) * static_cast<std::size_t>(pixels)) {}
  void reset() { count_ = 0; }
  /// `y` is the present picture from now on.
  void push(std::span<const std::uint8_t> y);
  /// The picture `back` sampled times ago, or the oldest there is. push() comes first.
  const std::uint8_t* at(int back) const;

 private:
  int pixels_;
  std::vector<std::uint8_t> ring_;
  std::int64_t count_ = 0;
};

/// Interleaves three planes of a row: out[3 x + c] = plane c at x.
MONE_API void interleave_row(const std::uint8_t* c0, const std::uint8_t* c1, const std::uint8_t* c2,
                             int width, std::uint8_t* out);

/// One row of `luma-motion`, interleaved.
/// @param y, y1, y4  luma now, one and four sampled pictures ago, [width]
MONE_API void luma_motion_row(const std::uint8_t* y, const std::uint8_t* y1, const std::uint8_t* y4,
                              int width, std::uint8_t* out);

}  // namespace mone
