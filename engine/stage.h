/// The sampled pictures of the last moments at kStageScale times the model's size, from which crops are cut.
///
/// A crop that moves from tubelet to tubelet must not make motion out of its own movement. So planes that
/// look back are not made from earlier crops: all pictures a tubelet looks at are cut anew with that
/// tubelet's box.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/frame.h"
#include "engine/frame_resizer.h"
#include "engine/planes.h"
#include "engine/stage_geometry.h"

namespace mone {

class Stage {
 public:
  explicit Stage(const TubeletFormat& format);

  /// Makes `frame` the picture that comes next. @throws ShapeError
  void load(const Frame& frame);
  /// The loaded picture stands for the next sampled time.
  void push();
  void reset() { count_ = 0; }

  /// Sampled times since the reset.
  std::int64_t count() const { return count_; }
  /// u8 [channels, height, width] `back` sampled times ago; the oldest of the last depth() where there is
  /// none.
  const std::uint8_t* at(int back) const;
  /// Luma of it, u8 [height, width]. With the planes rgb only for `crop=motion`, which looks at nothing else.
  const std::uint8_t* luma_at(int back) const;
  /// Of the loaded picture.
  const StageMap& map() const { return map_; }

  int width() const { return format_.width; }
  int height() const { return format_.height; }
  int channels() const { return channels_; }

 private:
  std::size_t pixels() const { return static_cast<std::size_t>(format_.width) * format_.height; }
  std::size_t slot(int back) const;

  TubeletFormat format_;  // of the stage
  int channels_, depth_;
  FrameResizer resizer_;
  StageMap map_;                              // of the loaded frame
  std::vector<std::uint8_t> picture_, luma_;  // loaded; luma_ of R, G, B to find motion in
  std::vector<std::uint8_t> ring_, luma_ring_;
  std::int64_t count_ = 0;
};

}  // namespace mone
