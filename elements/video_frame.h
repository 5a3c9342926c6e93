/// A GStreamer video buffer as the engine sees it.
#pragma once

#include <gst/video/video.h>

#include <optional>

#include "engine/frame.h"

namespace mone {

/// The pixel formats that can be cut into tubelets, for pad templates.
#define MONE_VIDEO_FORMATS "{ NV12, I420, YUY2, RGB, BGR, RGBA, BGRA, RGBx, BGRx, GRAY8 }"

/// What of a frame is said by caps (`info` is theirs): format, size, matrix, range, chroma site, pixel
/// aspect, field order. Nothing if the engine has no such pixel format.
std::optional<Frame> frame_of(const GstVideoInfo& info, const GstCaps* caps);

/// A buffer's pixels, mapped for reading while this lives: strides and offsets of its video meta, the
/// rectangle of its crop meta, its own interlacing. In the coordinates of the caps' picture: where the video
/// meta's is larger, that is the crop.
class MappedFrame {
 public:
  /// @param layout  frame_of(info, caps)
  /// @param where   0: in the host's memory; kMapCuda: where a frame on a GPU lies
  MappedFrame(const GstVideoInfo& info, const Frame& layout, GstBuffer* buffer, guint where = 0);
  MappedFrame(const MappedFrame&) = delete;
  MappedFrame& operator=(const MappedFrame&) = delete;
  ~MappedFrame();

  /// False if the buffer is too small for its caps or cannot be mapped.
  explicit operator bool() const { return mapped_; }
  const Frame& frame() const { return frame_; }

 private:
  bool shift_to_crop(GstBuffer* buffer);

  GstVideoFrame video_;
  Frame frame_;
  bool mapped_ = false;
};

}  // namespace mone
