#include "engine/sampling.h"

#include <algorithm>
#include <climits>
#include <cmath>
#include <numeric>
#include <utility>

namespace mone {
namespace {

constexpr double kSlack = 1.02;              // a rate this close to a bound of the trained range is inside
constexpr double kSameAsDeclared = 0.01;     // measured rates this close to the declared one are that one
constexpr std::size_t kFewestIntervals = 4;  // looked at however long they are: slow sources
constexpr double kGridPull = 0.5;            // share of a frame's deviation that moves the grid of positions
constexpr double kMissingFrom = 1.5;         // expected intervals; longer ones hide missing frames
constexpr double kFastestDeclared = 300;  // frames a second; containers that declare more declare their clock
constexpr std::size_t kRun = 3;           // equal long intervals, and seconds, that lost frames hardly make
constexpr double kRunSeconds = 0.3, kSameInterval = 0.2;
constexpr double kStall = 4;            // expected intervals: what comes after a longer one, ...
constexpr double kInBurst = 0.5;        // ... in shorter ones than this, was owed ...
constexpr double kLongestBurst = 0.2;   // ... for so many seconds; then the source has become faster
constexpr double kGapFrames = 2.5;      // a gap is never shorter than this many frames
constexpr double kClearlyBetter = 0.1;  // log of ratio: a stride this much nearer to nominal wins soon
constexpr Time kHoldShort = std::chrono::milliseconds(200);
constexpr Time kHoldLong = std::chrono::seconds(2);
constexpr Time kSameInstant = std::chrono::microseconds(1);  // timestamps are rounded
constexpr Time kJitterUnknownRate = std::chrono::milliseconds(100);

double seconds(Time t) { return std::chrono::duration<double>(t).count(); }
Time to_time(double s) { return Time(std::llround(s * 1e9)); }

double tubelet_rate(const TubeletFormat& f, double frame_rate, int stride) {
  return frame_rate / (stride * f.pt);
}

bool in_range(const TubeletFormat& f, double rate) {
  return rate >= f.rate_min / kSlack && rate <= f.rate_max * kSlack;
}

/// Distance from the nominal rate as the log of the ratio.
double distance(const TubeletFormat& f, double rate) { return std::abs(std::log(rate / f.rate_nominal)); }

}  // namespace

bool RateMeter::add(Time interval) {
  const double length = seconds(interval);
  seen_ += length;
  if (period_ > 0 && length > kStall * period_) {
    owed_ = length / period_ + 1;  // and one more, since periods are not that exact
    burst_ = 0;
  } else if (owed_ >= 1 && length < kInBurst * period_ && burst_ + length < kLongestBurst) {
    if (burst_ == 0) forget_newest();  // the stall, of which the burst is the other half
    owed_ -= 1;
    burst_ += length;
    return false;
  } else {
    owed_ = 0;
  }
  intervals_[next_] = length;
  next_ = (next_ + 1) % intervals_.size();
  count_ = std::min(count_ + 1, intervals_.size());
  const bool slower = slower_at_a_stroke();
  if (slower) count_ = kRun;
  update();
  return slower;
}

void RateMeter::forget_newest() {
  if (count_ == 0) return;
  next_ = (next_ + intervals_.size() - 1) % intervals_.size();
  --count_;
  update();
}

bool RateMeter::slower_at_a_stroke() const {
  if (period_ <= 0 || seen_ < 1) return false;
  double sum = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    if (newest(i) < kMissingFrom * period_ || std::abs(newest(i) / newest(0) - 1) > kSameInterval)
      return false;
    sum += newest(i);
    if (i + 1 >= kRun && sum >= kRunSeconds) return true;
  }
  return false;
}

void RateMeter::declare(double frames_per_second) {
  declared_ = frames_per_second <= kFastestDeclared ? frames_per_second : 0;
  update();
}

void RateMeter::clear() {
  seen_ = owed_ = 0;
  next_ = count_ = 0;
  update();
}

void RateMeter::update() {
  const double declared = declared_ > 0 ? 1 / declared_ : 0;
  if (count_ == 0 || (declared > 0 && seen_ < 1 - declared / 2)) {
    period_ = declared;
    return;
  }
  sorted_.clear();
  double sum = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    const double interval = newest(i);
    sum += interval;
    if (i >= kFewestIntervals && sum > 1) break;
    sorted_.push_back(interval);
  }
  std::sort(sorted_.begin(), sorted_.end());
  const auto cut = static_cast<std::ptrdiff_t>(sorted_.size() / 4);
  const auto middle = static_cast<double>(sorted_.size()) - 2.0 * static_cast<double>(cut);
  period_ = std::accumulate(sorted_.begin() + cut, sorted_.end() - cut, 0.0) / middle;
  if (declared > 0 && std::abs(period_ / declared - 1) < kSameAsDeclared) period_ = declared;
}

int best_stride(const TubeletFormat& format, double frame_rate) {
  // The nearest on either side of the nominal rate: any other is farther from it on its side.
  const double exact = frame_rate / (format.pt * format.rate_nominal);
  if (!(exact < INT_MAX / format.pt - 1)) return 0;
  const int below = std::max(1, static_cast<int>(exact));
  int best = 0;
  for (int stride = below; stride <= below + 1; ++stride) {
    const double rate = tubelet_rate(format, frame_rate, stride);
    if (!in_range(format, rate)) continue;
    if (best == 0 || distance(format, rate) < distance(format, tubelet_rate(format, frame_rate, best)) - 1e-9)
      best = stride;
  }
  return best;
}

Sampler::Sampler(const TubeletFormat& format, const SamplingOptions& options)
    : format_(format), options_(options) {}

void Sampler::set_options(const SamplingOptions& options) {
  if (options.mode != options_.mode) running_ = false;
  options_ = options;
}

void Sampler::declare_frame_rate(double frames_per_second) { meter_.declare(frames_per_second); }

void Sampler::reset() {
  running_ = false;
  meter_.clear();
}

Time Sampler::longest_gap() const {
  return std::max(options_.max_gap, to_time(kGapFrames * meter_.period()));
}

std::int64_t Sampler::most_missing() const {
  return static_cast<std::int64_t>(seconds(longest_gap()) * kFastestDeclared);
}

std::span<const SampleStep> Sampler::push(Time time) {
  steps_.clear();
  ++counters_.frames;
  if (!running_) {
    start(time);
    return steps_;
  }
  const Time interval = time - last_;
  if (interval <= Time::zero()) {
    const Time jitter = meter_.period() > 0 ? to_time(kMissingFrom * meter_.period()) : kJitterUnknownRate;
    if (-interval <= jitter) {
      ++counters_.late;
      return steps_;
    }
    ++counters_.restarts;
    start(time);
    return steps_;
  }
  const bool gap = interval > longest_gap();
  const double expected = meter_.period();
  const bool slower = meter_.add(interval);
  hurry_ |= slower;
  if (gap) {
    ++counters_.restarts;
    start(time);
  } else if (options_.mode == Sampling::kFollow) {
    follow(time, expected > 0 && !slower ? expected : meter_.period());
  } else {
    nominal(time);
  }
  last_ = time;
  return steps_;
}

std::span<const SampleStep> Sampler::gap(Time end) {
  steps_.clear();
  if (!running_ || end - last_ > longest_gap()) return steps_;
  if (options_.mode == Sampling::kNominal) {
    nominal_until(end);
  } else if (const double period = meter_.period(); period > 0) {
    // Positions whose frames would have come by then.
    const double passed = (seconds(end - origin_) - grid_) / period - 0.5;
    const auto absent = std::max<std::int64_t>(0, static_cast<std::int64_t>(std::ceil(passed)) - 1);
    if (absent > most_missing()) return steps_;  // the next frame starts again
    repeat_until(grid_ + (static_cast<double>(absent) + 0.5) * period, period);
    position_ += absent;
    grid_ += static_cast<double>(absent) * period;
    counters_.missing += static_cast<std::uint64_t>(absent);
  }
  return steps_;
}

std::span<const SampleStep> Sampler::finish(Time end) {
  steps_.clear();
  // A last picture that stands for an hour is not an hour of video.
  if (running_ && options_.mode == Sampling::kNominal) nominal_until(std::min(end, last_ + longest_gap()));
  return steps_;
}

void Sampler::start(Time time) {
  running_ = true;
  last_ = origin_ = time;
  step_ = 0;
  position_ = next_ = 0;
  grid_ = 0;
  tick_ = 0;
  fresh_ = false;
  candidate_ = 0;
  chosen_ = hurry_ = false;
  emit(SampleStep::Kind::kRestart, time);
  if (options_.mode == Sampling::kFollow) {
    emit(SampleStep::Kind::kLoad, time);
    emit_step(SampleStep::Kind::kTake, time);
  } else {
    nominal(time);
  }
}

void Sampler::follow(Time time, double period) {
  if (!chosen_) {  // the first interval says what the first step had to guess
    next_ -= state_.stride;
    choose_stride(time);
    next_ += state_.stride;
  }
  // A rate that turned out far too fast must not leave the next step seconds away.
  if (options_.stride == 0 && next_ - position_ > 2) {
    const int best = std::max(1, best_stride(format_, 1 / meter_.period()));
    if (next_ - position_ > 2 * best) next_ = position_ + best;
  }
  const double now = seconds(time - origin_);
  auto advance = static_cast<std::int64_t>(std::floor((now - grid_) / period + 0.5));
  // A frame after a late one comes early: only a long interval means that one is missing.
  if (advance > 1 && seconds(time - last_) <= kMissingFrom * period) advance = 1;
  if (advance < 1) {
    ++counters_.late;
    return;
  }
  if (advance - 1 > most_missing()) {  // timestamps in a burst made a rate that no camera has
    ++counters_.restarts;
    start(time);
    return;
  }
  counters_.missing += static_cast<std::uint64_t>(advance - 1);
  repeat_until(grid_ + (static_cast<double>(advance) - 0.5) * period, period);
  position_ += advance;
  grid_ += static_cast<double>(advance) * period;
  grid_ += kGridPull * (now - grid_);
  if (next_ > position_) return;
  emit(SampleStep::Kind::kLoad, time);
  emit_step(SampleStep::Kind::kTake, time);
}

/// Steps whose position on the grid lies before `until` (seconds after origin_) have no frame.
void Sampler::repeat_until(double until, double period) {
  for (;;) {
    const double due = grid_ + static_cast<double>(next_ - position_) * period;
    if (due >= until) return;
    emit_step(SampleStep::Kind::kRepeat, origin_ + to_time(due));
  }
}

void Sampler::nominal(Time time) {
  nominal_until(time - kSameInstant);
  emit(SampleStep::Kind::kLoad, time);
  fresh_ = true;
  last_ = time;
  if (tick_time() <= time + kSameInstant) nominal_until(tick_time() + Time(1));
}

/// Steps at grid points before `time` show the newest picture.
void Sampler::nominal_until(Time time) {
  while (tick_time() < time) {
    const bool fresh = std::exchange(fresh_, false);
    if (!fresh) ++counters_.missing;
    const Time when = fresh ? last_ : tick_time();
    ++tick_;
    emit_step(fresh ? SampleStep::Kind::kTake : SampleStep::Kind::kRepeat, when);
  }
}

Time Sampler::tick_time() const {
  return origin_ + to_time(static_cast<double>(tick_) / (format_.rate_nominal * format_.pt));
}

void Sampler::emit(SampleStep::Kind kind, Time time) { steps_.push_back({kind, time, state_}); }

void Sampler::emit_step(SampleStep::Kind kind, Time time) {
  // What was asked since the last tubelet ended; after a change at a stroke its frames are uneven anyway.
  if (step_ == 0 || hurry_) choose_stride(time);
  update_rate();
  emit(kind, time);
  step_ = (step_ + 1) % format_.pt;
  if (step_ == 0) choose_stride(time);  // the way to the next one
  next_ += state_.stride;
}

void Sampler::update_rate() {
  if (options_.mode == Sampling::kNominal) {
    state_.rate = format_.rate_nominal;
    return;
  }
  const double period = meter_.period();
  state_.rate = period > 0 ? 1 / (period * state_.stride * format_.pt) : 0;
  state_.rate_out_of_range = period > 0 && !in_range(format_, state_.rate);
}

void Sampler::choose_stride(Time time) {
  if (options_.mode == Sampling::kNominal) {
    state_ = {0, format_.rate_nominal, false};
    return;
  }
  if (options_.stride > 0) {
    state_.stride = options_.stride;
    chosen_ = true;
    return;
  }
  const double period = meter_.period();
  if (period <= 0) {
    state_.stride = 1;
    return;
  }
  const double frame_rate = 1 / period;
  const int best = std::max(1, best_stride(format_, frame_rate));
  if (!chosen_ || hurry_ || best == state_.stride) {
    state_.stride = best;
    chosen_ = true;
    hurry_ = false;
    candidate_ = 0;
    return;
  }
  if (candidate_ != best) {
    candidate_ = best;
    candidate_since_ = time;
  }
  const double now = tubelet_rate(format_, frame_rate, state_.stride);
  const bool clearly =
      !in_range(format_, now) ||
      distance(format_, now) - distance(format_, tubelet_rate(format_, frame_rate, best)) > kClearlyBetter;
  if (time - candidate_since_ >= (clearly ? kHoldShort : kHoldLong)) {
    state_.stride = best;
    candidate_ = 0;
  }
}

}  // namespace mone
