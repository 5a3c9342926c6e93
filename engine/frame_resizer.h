/// From a frame in its pixel format to the model's picture in one go: the planes are resized as they are
/// (half-size chroma included) and colours are made only of the few pixels that remain.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/frame.h"
#include "engine/resample.h"
#include "engine/resize_plan.h"
#include "engine/tubelet_format.h"

namespace mone {

class FrameResizer {
 public:
  explicit FrameResizer(const TubeletFormat& format, const ResampleKernels& kernels = best_kernels());

  /// Writes the picture, u8 [channels, height, width]: R, G, B, or full-range luma for `luma-motion`. What
  /// the frame does not reach is black.
  /// @throws ShapeError if the frame is empty, lacks a plane, or its crop leaves it
  void resize(const Frame& frame, std::span<std::uint8_t> picture);

 private:
  void prepare(const Frame& frame);
  void resample_row(const Frame& frame, int row);
  void colour_row(const Frame& frame, int row, std::uint8_t* picture) const;

  TubeletFormat format_;
  const ResampleKernels& kernels_;
  ResizeKey key_;  // of the plan
  ResizePlan plan_;
  std::vector<const std::uint8_t*> rows_;              // of one output row
  std::vector<std::int16_t> blended_, line_;           // one row of bytes; one component of it
  std::array<std::vector<std::uint16_t>, 3> samples_;  // [plan_.fit.x.size] per component
};

}  // namespace mone
