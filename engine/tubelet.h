/// Geometry: from a video frame to one time step of a tubelet.
#pragma once

#include <array>
#include <cstdint>
#include <map>
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
class Stage;
class CropView;

/// Writes time step `t` of a tubelet, u8 [tokens, pt, ph, pw, 3], tokens in rows of the image.
/// @param pictures  u8 [height, width] each: R, G, B; or luma now, one and kLookBack sampled pictures ago
/// @param row       scratch, 3 * width bytes
void write_step(const TubeletFormat& format, int t, std::array<const std::uint8_t*, 3> pictures,
                std::span<std::uint8_t> row, std::span<std::uint8_t> tubelet);

/// What a tubelet shows, as shares of the frame fitted to the model's image: 0, 0, 1, 1 without a crop.
struct ShownShare {
  double left = 0, top = 0, width = 1, height = 1;
};

/// Somebody or something upstream wants to be looked at by itself, with `crop=region`.
struct Region {
  std::uint32_t id = 0;  ///< the same from frame to frame
  Box box;               ///< source pixels
};

/// Resizes sampled frames straight from their pixel format and writes them in tubelet order. Keeps the
/// present picture and the few before it that the planes look back to.
///
/// With `crop=motion` and `crop=region` the box is known, and stands, when the tubelet's last step is in:
/// cut() of the last step writes all of them.
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
  /// Steps come in order, 0 to pt - 1. An empty `tubelet` is not written: the step is history.
  void cut(int t, std::span<std::uint8_t> tubelet);
  /// `crop=region`, after the last step: writes what one region shows. The first call for an id starts its
  /// box at the region, later ones steady it.
  void cut_region(const Region& region, std::span<std::uint8_t> tubelet);
  /// Regions that are not in the list are forgotten.
  void keep_regions(std::span<const Region> regions);
  /// Forgets the pictures before: planes that look back start again, and so does the box.
  void reset();

  const TubeletFormat& format() const { return format_; }
  /// What the last tubelet shows, in pixels of the frame loaded last. A crop that reaches into a black border
  /// leaves the frame there, to coordinates below 0 or beyond its size.
  Box box() const { return shown_; }
  ShownShare shown_share() const { return share_; }
  /// The present picture before planes are made: u8 [channels, height, width], channels 3 (R, G, B) or 1
  /// (full-range luma). With a crop: empty.
  std::span<const std::uint8_t> picture() const { return picture_; }

 private:
  void cut_full(int t, std::span<std::uint8_t> tubelet);
  void cut_motion(int t, std::span<std::uint8_t> tubelet);
  void show(CropView& view, std::span<std::uint8_t> tubelet);

  TubeletFormat format_;
  std::vector<std::uint8_t> picture_, row_;
  LumaHistory history_;
  std::unique_ptr<FrameResizer> resizer_;  // crop=full
  std::unique_ptr<Stage> stage_;           // else
  std::unique_ptr<CropView> motion_;
  std::map<std::uint32_t, std::unique_ptr<CropView>> regions_;
  Box shown_;
  ShownShare share_;
};

}  // namespace mone
