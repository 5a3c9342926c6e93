/// How one frame becomes the model's picture: which samples, with which weights, coloured how. The CPU and
/// GPUs follow the same plan.
#pragma once

#include <array>

#include "engine/fit.h"
#include "engine/frame.h"
#include "engine/resample.h"
#include "engine/samples.h"
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

struct ResizePlan {
  ImageFit fit;
  const FormatLayout* layout = nullptr;
  int components = 0;  ///< of the layout, that the picture needs
  Colouring colouring{};
  std::array<Axis, 3> across, down;  ///< per component
};

/// What of a frame and its format decides the plan.
struct ResizeKey {
  PixelFormat format{};
  int width = 0, height = 0;
  Box box;
  ChromaSite site{};
  double pixel_aspect = 0;
  bool operator==(const ResizeKey&) const = default;
};
ResizeKey key_of(const Frame& field);

/// @throws ShapeError if the frame is empty, lacks a plane, or its crop leaves it
void check_frame(const Frame& field);

/// @param field  a checked frame as field_of() gives it
ResizePlan plan_resize(const TubeletFormat& format, const Frame& field);

}  // namespace mone
