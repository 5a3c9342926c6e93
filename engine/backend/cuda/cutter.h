/// TubeletCutter on a GPU. It has a runtime, and so a queue, of its own: frames come from another thread than
/// steps of the network, and must not be recorded with them.
#pragma once

#include <memory>

#include "engine/backend/cuda/picture_slots.h"
#include "engine/backend/cuda/resizer.h"
#include "engine/backend/cuda/runtime.h"
#include "engine/cutter.h"

namespace mone::cuda {

class CudaCutter : public Cutter {
 public:
  /// @throws ConfigError if the format cannot be kept, or crops
  CudaCutter(std::shared_ptr<Runtime> runtime, const TubeletFormat& format);

  void load(const Frame& frame) override;
  void cut(int t, std::span<std::uint8_t> tubelet) override;
  void cut_region(const Region& region, std::span<std::uint8_t> tubelet) override;
  void keep_regions(std::span<const Region> regions) override;
  void reset() override { slots_.reset(); }
  const TubeletFormat& format() const override { return format_; }
  Box box() const override { return shown_; }
  ShownShare shown_share() const override { return {}; }
  std::shared_ptr<TubeletMemory> new_tubelet() override;

 private:
  std::uint8_t* picture(int slot) const;

  std::shared_ptr<Runtime> runtime_;  // tubelets that are still somewhere hold it, too
  TubeletFormat format_;
  int pixels_, channels_;
  CudaResizer resizer_;
  PictureSlots slots_;
  DeviceMemory pictures_;  // u8 [slots][channels, height, width]
  Box shown_;
};

}  // namespace mone::cuda
