/// From a frame in its pixel format to the model's picture in one go: the planes are resized as they are
/// (half-size chroma included) and colours are made only of the few pixels that remain.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/fit.h"
#include "engine/frame.h"
#include "engine/resample.h"
#include "engine/tubelet_format.h"

namespace mone {

/// Where the samples of one component lie in memory.
struct Component {
  int plane, offset, step;  ///< of which plane, at which byte, how many bytes apart
  int sub_x, sub_y;         ///< image pixels per sample
};
/// A pixel format's components: Y (Cb Cr), or R G B.
struct FormatLayout {
  bool yuv;
  int components;
  std::array<Component, 3> component;
};
const FormatLayout& format_layout(PixelFormat format);

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

  /// What the axes below were made for.
  struct Key {
    PixelFormat format{};
    int width = 0, height = 0;
    Box box;
    ChromaSite site{};
    double pixel_aspect = 0;
    bool operator==(const Key&) const = default;
  };

  TubeletFormat format_;
  const ResampleKernels& kernels_;
  Key key_;
  ImageFit fit_;
  const FormatLayout* layout_ = nullptr;
  int components_ = 0;                                 // of the layout, that this picture needs
  std::array<Axis, 3> across_, down_;                  // per component
  std::vector<const std::uint8_t*> rows_;              // of one output row
  std::vector<std::int16_t> blended_, line_;           // one row of bytes; one component of it
  std::array<std::vector<std::uint16_t>, 3> samples_;  // [fit_.x.size] per component
};

}  // namespace mone
