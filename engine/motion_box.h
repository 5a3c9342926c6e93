/// Where the action is: a box that follows what moves, for `crop=motion`.
///
/// Works on the stage, the sampled picture at kStageScale times the model's size. Only the past is looked at,
/// in integers, so the same frames give the same boxes live, offline and in training. The box is worked out
/// once a tubelet and stands still inside it.
///
/// Motion is summed in cells of 8x8 pixels and fades by an eighth a sampled step; what the whole picture does
/// (noise, flicker) is taken off: what counts is more than twice the median. The tight box around nearly all
/// of it is what has to be seen. The box grows to it within two tubelets, shrinks slowly, and moves no
/// further than it must, so who walks past walks through the box before it follows. A scene where nothing
/// happens for some seconds is seen in full. So is one that a moving camera shows, as long as it has about
/// the same texture everywhere; where some of it has much stronger edges than most, they draw the box as if
/// they moved by themselves.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/export.h"
#include "engine/frame.h"

namespace mone {

class MONE_API MotionBox {
 public:
  /// @param image_width, image_height  the model's image: the box has its shape, and at least 3/8 of the
  /// stage
  MotionBox(int image_width, int image_height, int stage_width, int stage_height);

  void reset();
  /// One sampled step. @param now, before  luma u8 [stage height, stage width]; content: what is not black
  /// border
  void add(const std::uint8_t* now, const std::uint8_t* before, const Box& content);
  /// The same from sums of moved() that somebody else has made, [rows(), columns()] cells of kMotionCell
  /// pixels, rows of pixels outside the content left out.
  void add(std::span<const std::uint32_t> cells, const Box& content);
  int columns() const { return columns_; }
  int rows() const { return rows_; }
  /// End of a tubelet: the box for it, stage pixels, inside the stage.
  const Box& update();
  const Box& box() const { return box_; }

  /// For a box that somebody else says (regions): steadied in the same way.
  const Box& follow(const Box& wanted);

 private:
  struct Tight {
    int left, top, right, bottom;  // stage pixels
    bool any;
  };
  void fade(const Box& content);
  Tight tight() const;
  void steady(int left, int top, int right, int bottom, int need);
  void relax();
  void settle();

  int unit_width_, unit_height_;  // the box is `side_` times this
  int width_, height_;            // of the stage
  int columns_, rows_;            // of cells
  Box content_;
  std::vector<std::uint32_t> motion_;          // [rows, columns]
  mutable std::vector<std::uint32_t> sorted_;  // scratch: cells
  mutable std::vector<std::uint64_t> sums_;    // scratch: [rows + columns]
  // In 1/16 of a stage pixel.
  std::int64_t centre_x_ = 0, centre_y_ = 0, side_ = 0;  // side: height of the box
  int seen_ = 0;                                         // tubelets with motion since the reset
  int quiet_ = 0;                                        // tubelets without motion
  Box box_;
};

}  // namespace mone
