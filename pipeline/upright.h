/// Decoded pictures as the cutter takes them: in one of its pixel formats and the right way up.
#pragma once

#include <cstdint>

#include "pipeline/av_ptr.h"

namespace mone {

/// How a picture must be turned to stand upright: transpose first, then mirror.
struct Orientation {
  bool transpose = false;
  bool flip_x = false, flip_y = false;

  bool upright() const { return !transpose && !flip_x && !flip_y; }
};

/// From a container's 3x3 display matrix (16.16 fixed point, as FFmpeg has it). Angles between the quarter
/// turns go to the nearest one.
Orientation orientation_of(const std::int32_t matrix[9]);

/// Converts formats that the cutter does not take (through swscale) and turns pictures upright.
class Upright {
 public:
  /// @return  `picture` itself when there is nothing to do, else a picture of this object's own, valid until
  /// the next
  ///          call
  /// @throws  DeviceError when FFmpeg cannot convert the format
  const AVFrame* apply(const AVFrame* picture, const Orientation& orientation);

 private:
  const AVFrame* convert(const AVFrame* picture, AVPixelFormat format);
  const AVFrame* turn(const AVFrame* picture, const Orientation& orientation);

  AvPtr<SwsContext> scaler_;
  AvPtr<AVFrame> converted_, turned_;
};

/// Whether mone::Frame has this format.
bool cutter_takes(AVPixelFormat format);
/// Full-range YUV: by flag, or by one of the old yuvj formats.
bool is_full_range(const AVFrame* picture);

}  // namespace mone
