/// FrameResizer on a GPU: from a frame in device memory to the model's picture there, the same bytes.
#pragma once

#include "engine/backend/cuda/kernels/pictures.h"
#include "engine/backend/cuda/runtime.h"
#include "engine/resize_plan.h"

namespace mone::cuda {

class CudaResizer {
 public:
  /// @param runtime  outlives this
  CudaResizer(Runtime& runtime, const TubeletFormat& format) : runtime_(runtime), format_(format) {}

  /// Queues the making of `picture`, u8 [channels, height, width]. All that was queued before with another
  /// kind of frame must be done: the tables of its axes are overwritten.
  /// @param frame  its planes are addresses of the device
  /// @throws ShapeError as FrameResizer
  void resize(const Frame& frame, std::uint8_t* picture);

 private:
  void prepare(const Frame& field);

  Runtime& runtime_;
  TubeletFormat format_;
  ResizeKey key_;  // of the plan
  ResizePlan plan_;
  DeviceMemory tables_;
  ResizePicture kernel_{};  // all but addresses of frame and picture, and colours
};

}  // namespace mone::cuda
