/// Which frames of a stream become time steps of tubelets. Pure arithmetic on timestamps: no clock is read,
/// the same timestamps give the same answer.
///
/// `follow`: every stride-th frame as it arrives. The stride is chosen so that the tubelet rate lies in the
/// trained range and nearest in ratio to the nominal rate (ties to the faster); where none fits it is 1 and
/// `rate_out_of_range` says so. The frame rate is measured over the last second of timestamps; the declared
/// one counts only until then. An interval over 1.5 x the expected one means missing frames: a step whose
/// frame is missing repeats the step before and is counted. A new stride acts from the next tubelet on, and
/// only once it has been the better one for a while, so that jitter does not flap it; a source that becomes
/// slower at a stroke (day to night) is believed after 3 frames and 0.3 s.
///
/// `nominal`: step k at first + k / (nominal rate x pt) shows the newest frame at or before that time (spec
/// section 1.3), whatever the source's rate. A step that has no newer frame than the step before repeats it
/// and is counted.
///
/// In both, a gap longer than `max_gap` (and than 2.5 frames) or time that goes back starts again.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/export.h"
#include "engine/time.h"
#include "engine/tubelet_format.h"

namespace mone {

enum class Sampling { kFollow, kNominal };

struct SamplingOptions {
  Sampling mode = Sampling::kFollow;
  int stride = 0;                          ///< `follow`: frames from step to step; 0 = choose
  Time max_gap = std::chrono::seconds(1);  ///< a longer gap starts again

  bool operator==(const SamplingOptions&) const = default;
};

/// What holds for a step and the tubelet it belongs to.
struct SamplingState {
  int stride = 1;                  ///< frames from step to step; 0 in `nominal`
  double rate = 0;                 ///< tubelets per second; 0 = not known yet
  bool rate_out_of_range = false;  ///< the tubelet rate is outside the trained range
};

/// What to do, in order.
struct SampleStep {
  enum class Kind {
    kRestart,  ///< forget everything seen so far, the unfinished tubelet too
    kLoad,     ///< this frame is now the newest picture
    kTake,     ///< the newest picture is the next time step
    kRepeat,   ///< so is the same picture once more, for want of another
  };
  Kind kind{};
  Time time{};  ///< kTake: time of its frame; kRepeat: time the step should have had
  SamplingState state;
};

struct SamplingCounters {
  std::uint64_t frames = 0;   ///< offered
  std::uint64_t missing = 0;  ///< that the source should have sent and did not
  std::uint64_t late = 0;  ///< not used: their step had been given up, or their time was not after the last
  std::uint64_t restarts = 0;  ///< because of gaps or time going back

  SamplingCounters& operator+=(const SamplingCounters& o) {
    frames += o.frames;
    missing += o.missing;
    late += o.late;
    restarts += o.restarts;
    return *this;
  }
};

/// Frame rate from the timestamps of the last second: the mean of the middle half of the intervals, so that
/// neither lost frames nor jitter move it, but two periods that alternate (telecine) count both. Frames that
/// come in a burst after a stall, where they are stamped on arrival, say nothing of the rate.
class MONE_API RateMeter {
 public:
  void declare(double frames_per_second);
  /// @return whether the source has just become slower at a stroke: a run of equal intervals, all long, is no
  ///         loss, and the faster ones before it say nothing any more
  bool add(Time interval);
  void clear();
  /// Expected time from frame to frame, seconds; 0 = not known yet. The declared one for the first second,
  /// and wherever the measured one is within 1 % of it.
  double period() const { return period_; }

 private:
  void update();
  void forget_newest();
  bool slower_at_a_stroke() const;
  double newest(std::size_t i) const {
    return intervals_[(next_ + intervals_.size() - 1 - i) % intervals_.size()];
  }

  double declared_ = 0, period_ = 0, seen_ = 0;  // seconds of timestamps seen since clear()
  double owed_ = 0, burst_ = 0;                  // frames that a stall has held back; seconds of their burst
  std::array<double, 256> intervals_{};          // ring; more than 256 frames a second: the last 256
  std::size_t next_ = 0, count_ = 0;
  std::vector<double> sorted_;
};

/// The stride whose tubelet rate lies in the trained range and nearest in ratio to the nominal rate; 0 if
/// none does. Bounds count as inside within 2 %.
/// @param frame_rate  frames per second
MONE_API int best_stride(const TubeletFormat& format, double frame_rate);

class MONE_API Sampler {
 public:
  Sampler(const TubeletFormat& format, const SamplingOptions& options);

  /// Acts on the next tubelet; another mode starts again at the next frame.
  void set_options(const SamplingOptions& options);
  /// Frames per second as the container or the caps have it; 0 = not said.
  void declare_frame_rate(double frames_per_second);

  /// A frame at `time`. @return valid until the next call
  std::span<const SampleStep> push(Time time);
  /// The source says that nothing comes before `end`.
  std::span<const SampleStep> gap(Time end);
  /// The stream ends at `end` (time of its last frame plus that frame's duration).
  std::span<const SampleStep> finish(Time end);
  /// Starts again at the next frame; what is known of the frame rate stays.
  void restart() { running_ = false; }
  /// Another stream: nothing is known.
  void reset();

  const SamplingCounters& counters() const { return counters_; }
  /// Longest interval that does not start again, now.
  Time longest_gap() const;

 private:
  void start(Time time);
  void follow(Time time, double period);
  void repeat_until(double until, double period);
  void nominal(Time time);
  void nominal_until(Time time);
  Time tick_time() const;
  /// Frames that may be missing in one gap; more, and it starts again.
  std::int64_t most_missing() const;
  void emit(SampleStep::Kind kind, Time time);
  void emit_step(SampleStep::Kind kind, Time time);
  void choose_stride(Time time);
  void update_rate();

  TubeletFormat format_;
  SamplingOptions options_;
  RateMeter meter_;
  SamplingState state_;
  SamplingCounters counters_;
  std::vector<SampleStep> steps_;

  bool running_ = false;
  Time last_{};   // time of the newest frame
  int step_ = 0;  // steps of the current tubelet that are done
  // follow: frames have positions on a grid that is pulled towards their timestamps
  std::int64_t position_ = 0, next_ = 0;  // of the newest frame; of the next step
  double grid_ = 0;                       // time of position_, seconds after origin_
  Time origin_{};
  bool chosen_ = false;  // a stride has been chosen from a known rate
  bool hurry_ = false;   // the rate has become another one at a stroke: the next choice waits for nothing
  int candidate_ = 0;    // a better stride, and since when
  Time candidate_since_{};
  // nominal
  std::int64_t tick_ = 0;  // next grid point
  bool fresh_ = false;     // the newest picture has not been a step yet
};

}  // namespace mone
