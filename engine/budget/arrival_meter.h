/// How fast a stream's tubelets come, and whether they come faster than they may.
#pragma once

#include <array>

#include "engine/time.h"

namespace mone {

/// The rate to plan for: what the stream's timestamps say, unless its tubelets arrive clearly more slowly for
/// a second; where the timestamps say nothing, how they arrive. A second without one (or three intervals)
/// means that the stream stalls: rate 0 until the next.
class ArrivalMeter {
 public:
  /// A tubelet came. @param declared  tubelets per second by timestamps; 0 = not known
  /// @return whether rate() changed by more than jitter does
  bool add(Time arrived, double declared, double limit);
  /// @return whether the stream has stalled since the last call
  bool stalls(Time now);

  double rate() const { return rate_; }
  /// Takes a token for the tubelet, with `queued` newer ones behind it: a stream may run a quarter faster
  /// than its own rate and a second ahead. @return false: too fast; the older ones give way to the newer
  bool admit(Time now, int queued, int regions);

 private:
  struct Seen {
    double rate;  // tubelets per second over the last arrivals; 0 = too few
    double span;  // seconds they cover
  };
  Seen seen() const;

  std::array<Time, 32> times_{};  // ring
  int next_ = 0, count_ = 0;
  double rate_ = 0;
  bool stalled_ = false;
  double tokens_ = 0;
  Time tokens_at_{};
  bool counting_tokens_ = false;
};

}  // namespace mone
