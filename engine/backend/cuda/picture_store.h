/// The sampled pictures of the last moments in device memory: what a cutter
/// looks at, whole or through a box.
#pragma once

#include "engine/backend/cuda/picture_slots.h"
#include "engine/backend/cuda/resizer.h"
#include "engine/backend/cuda/runtime.h"

namespace mone::cuda {

class PictureStore {
 public:
  /// @param format  of the pictures
  /// @param depth   sampled times that are remembered
  /// @param luma    also keep luma of R, G, B, to look for motion in
  PictureStore(Runtime& runtime, const TubeletFormat& format, int depth, bool luma);

  /// Queues the making of the picture that comes next. @throws ShapeError
  void load(const Frame& frame);
  /// The loaded picture stands for the next sampled time.
  void push() { slots_.push(); }
  void reset() { slots_.reset(); }

  /// u8 [channels, height, width] `back` sampled times ago; the oldest where
  /// there is none. Push() comes first.
  const std::uint8_t* at(int back) const { return picture(slots_.at(back)); }
  /// Its luma, u8 [height, width].
  const std::uint8_t* luma_at(int back) const;

  int width() const { return format_.width; }
  int height() const { return format_.height; }
  int pixels() const { return format_.width * format_.height; }
  int channels() const { return channels_; }

 private:
  std::uint8_t* picture(int slot) const;

  Runtime& runtime_;
  TubeletFormat format_;
  int channels_;
  CudaResizer resizer_;
  PictureSlots slots_;
  DeviceMemory pictures_;  // u8 [slots][channels, height, width]
  DeviceMemory luma_;      // u8 [slots][height, width], or nothing
};

}  // namespace mone::cuda
