/// Geometry: from a video frame to one time step of a tubelet.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "engine/cutter.h"
#include "engine/export.h"
#include "engine/fit.h"
#include "engine/frame.h"
#include "engine/planes.h"
#include "engine/tubelet_format.h"

namespace mone {

class FrameResizer;
class Stage;
class CropView;

/// Resizes sampled frames straight from their pixel format and writes them in tubelet order. Keeps the
/// present picture and the few before it that the planes look back to.
class MONE_API TubeletCutter final : public Cutter {
 public:
  /// @throws ConfigError if the format cannot be kept (see check())
  explicit TubeletCutter(const TubeletFormat& format);
  ~TubeletCutter() override;
  TubeletCutter(TubeletCutter&&) noexcept;

  void load(const Frame& frame) override;
  void cut(int t, std::span<std::uint8_t> tubelet) override;
  void cut_region(const Region& region, std::span<std::uint8_t> tubelet) override;
  void keep_regions(std::span<const Region> regions) override;
  void reset() override;

  const TubeletFormat& format() const override { return format_; }
  Box box() const override { return shown_; }
  ShownShare shown_share() const override { return share_; }
  std::shared_ptr<TubeletMemory> new_tubelet() override;
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
