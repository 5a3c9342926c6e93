/// Which frames a test source sends and when: a steady rate, or one that jitters, drops or swings, with gaps.
#pragma once

#include <cstdint>

namespace mone {

enum class VfrMode {
  kNone,    ///< steady
  kJitter,  ///< every timestamp moves by up to 0.4 of the interval
  kDrop,    ///< a quarter of the frames are missing, drawn from the seed
  kSwing,   ///< every 8 s the rate goes from full to a third and back
};

/// A pure function of the frame's number, so that seeking lands on the same frames.
struct FrameSchedule {
  int fps_n = 30, fps_d = 1;
  VfrMode vfr = VfrMode::kNone;
  double gap_every = 0;   ///< seconds from gap to gap; 0 = none
  double gap_length = 0;  ///< seconds at the end of each `gap_every`, less than it
  uint64_t seed = 0;

  /// Nanoseconds of frame `n` on the steady grid.
  uint64_t grid_time(int64_t n) const;
  /// Nanoseconds of frame `n`, jitter included; grows strictly with n.
  uint64_t time(int64_t n) const;
  /// The last frame on the grid at or before `time`.
  int64_t frame_at(uint64_t time) const;
  bool in_gap(int64_t n) const;
  /// Whether frame `n` is sent.
  bool sent(int64_t n) const;
};

}  // namespace mone
