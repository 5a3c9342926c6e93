/// One moving crop of the stage on its way to tubelets: the motion crop of a stream, or one region.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/frame_resizer.h"
#include "engine/motion_box.h"
#include "engine/planes.h"
#include "engine/stage.h"

namespace mone {

class CropView {
 public:
  CropView(const TubeletFormat& format, const Stage& stage);

  /// Motion decides the box. add() once a sampled step, then cut() once a tubelet.
  MotionBox& box() { return box_; }
  const MotionBox& box() const { return box_; }
  void reset();

  /// Writes the tubelet of the last pt sampled steps, u8 [tokens, pt, ph, pw, 3], through the present box.
  void cut(const Stage& stage, std::span<std::uint8_t> tubelet);

 private:
  TubeletFormat format_;  // of the model
  FrameResizer resizer_;  // of one channel of the stage
  MotionBox box_;
  std::vector<std::uint8_t>
      pictures_;              // [depth][channels, height, width], oldest first, cut for this tubelet
  Box cut_box_;               // through this box
  std::int64_t cut_at_ = -1;  // when the stage had seen as many steps
  std::vector<std::uint8_t> row_;
};

}  // namespace mone
