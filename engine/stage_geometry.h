/// Sizes and places on the stage (engine/stage.h): where the frame is on it, and how a crop is cut from it.
#pragma once

#include "engine/fit.h"
#include "engine/frame.h"
#include "engine/tubelet_format.h"

namespace mone {

constexpr int kStageScale = 2;

/// The contract of the stage itself: `crop=full`, every size kStageScale times the model's.
TubeletFormat stage_format(const TubeletFormat& format);

/// Sampled pictures that a tubelet looks at: its own steps', and those before that its planes look back to.
int pictures_looked_at(const TubeletFormat& format);

/// How a crop of the stage becomes a picture of the model: the stage's pictures are finished, one channel of
/// full-range bytes each, whose box has the image's shape.
TubeletFormat channel_format(const TubeletFormat& format);
/// One channel of the stage, seen through `box`; its plane is the caller's to name.
Frame channel_frame(int width, int height, const Box& box);

struct StageMap {
  ImageFit fit;  ///< of the frame on the stage
  Box visible;   ///< of the frame

  /// What shows the frame, stage pixels; the rest is black.
  Box content() const;
  /// From stage pixels to pixels of the frame. Black borders lie outside the frame, and so may the box.
  Box to_source(const Box& stage) const;
  /// And back, cut to what shows the frame.
  Box from_source(const Box& source) const;
};

}  // namespace mone
