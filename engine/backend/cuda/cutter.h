/// TubeletCutter on a GPU. It has a runtime, and so a queue, of its own: frames
/// come from another thread than steps of the network, and must not be recorded
/// with them.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "engine/backend/cuda/picture_store.h"
#include "engine/backend/cuda/resizer.h"
#include "engine/backend/cuda/runtime.h"
#include "engine/cutter.h"
#include "engine/motion_box.h"
#include "engine/stage_geometry.h"

namespace mone::cuda {

class CudaCutter : public Cutter {
 public:
  /// @throws ConfigError if the format cannot be kept
  CudaCutter(std::shared_ptr<Runtime> runtime, const TubeletFormat& format);

  void load(const Frame& frame) override;
  void cut(int t, std::span<std::uint8_t> tubelet) override;
  void cut_region(const Region& region, std::span<std::uint8_t> tubelet) override;
  void keep_regions(std::span<const Region> regions) override;
  void reset() override;
  const TubeletFormat& format() const override { return format_; }
  Box box() const override { return shown_; }
  ShownShare shown_share() const override { return share_; }
  std::shared_ptr<TubeletMemory> new_tubelet() override;

 private:
  void follow_motion();
  MotionBox new_box() const;
  void show(const Box& box, std::span<std::uint8_t> tubelet);
  void cut_through(const Box& box, std::span<std::uint8_t> tubelet);
  /// @param at  where the picture of so many sampled times ago is
  template <class At>
  void write_step(int t, const At& at, std::span<std::uint8_t> tubelet);

  std::shared_ptr<Runtime> runtime_;  // tubelets that are still somewhere hold it, too
  TubeletFormat format_;
  PictureStore pictures_;  // of the image's size, or of the stage
  Box shown_;
  ShownShare share_;

  // With a crop.
  StageMap map_;             // of the loaded frame
  CudaResizer crop_;         // of one channel of the stage
  DeviceMemory cut_;         // u8 [pictures_looked_at][channels, height, width], oldest first
  DeviceMemory cells_;       // u32 [rows, columns]
  PinnedMemory cells_host_;  // the same
  std::optional<MotionBox> motion_;
  std::map<std::uint32_t, MotionBox> regions_;
};

}  // namespace mone::cuda
