/// Geometry: from a video frame to one time step of a tubelet.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/export.h"
#include "engine/fit.h"
#include "engine/frame.h"
#include "engine/planes.h"
#include "engine/tubelet_format.h"

namespace mone {

class FrameResizer;

/// Resizes sampled frames straight from their pixel format and writes them in tubelet order. Keeps the
/// present picture and the few before it that the planes look back to.
class MONE_API TubeletCutter {
 public:
  /// @throws ConfigError if the format cannot be kept (see check())
  explicit TubeletCutter(const TubeletFormat& format);
  ~TubeletCutter();
  TubeletCutter(TubeletCutter&&) noexcept;

  /// Makes `frame` the present picture. @throws ShapeError if it is empty or its crop leaves it
  void load(const Frame& frame);
  /// Writes the present picture as time step `t` of `tubelet`, u8 [tokens, pt, ph, pw, 3], tokens in rows of
  /// the image. Called again without a load, the picture stands for another sampled time.
  void cut(int t, std::span<std::uint8_t> tubelet);
  /// Forgets the pictures before: planes that look back start again.
  void reset();

  const TubeletFormat& format() const { return format_; }
  /// The present picture before planes are made: u8 [channels, height, width], channels 3 (R, G, B) or 1
  /// (full-range luma).
  std::span<const std::uint8_t> picture() const { return picture_; }

 private:
  TubeletFormat format_;
  std::vector<std::uint8_t> picture_, row_;
  LumaHistory history_;
  std::unique_ptr<FrameResizer> resizer_;
};

}  // namespace mone
