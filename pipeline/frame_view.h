/// FFmpeg's frames as the engine's.
#pragma once

#include "engine/frame.h"
#include "pipeline/av_ptr.h"

namespace mone {

/// A view of `picture`, whose format cutter_takes(). What the file does not say is filled in as GStreamer
/// does, so that both read the same pixels: BT.601 up to 576 lines, BT.709 above.
Frame frame_view(const AVFrame* picture);

}  // namespace mone
