#include "engine/budget/arrival_meter.h"

#include <algorithm>
#include <cmath>

namespace mone {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr double kMemory = 2.5;          // seconds: older arrivals say nothing about now
constexpr int kEnough = 4;               // arrivals that make a rate
constexpr double kSlowArrivals = .6;     // of the declared rate, for ...
constexpr double kSlowSpan = 1;          // ... so many seconds, is a slower stream and no hiccup
constexpr double kJitter = .05;          // of a declared rate; strides differ by 8 % at least
constexpr double kMeasuredJitter = .25;  // of a rate counted over a second or two
constexpr double kSurplus = 1.25;        // of the own rate that may run
constexpr double kSmallestBurst = 4;

double between(Time from, Time to) { return Seconds(to - from).count(); }

}  // namespace

ArrivalMeter::Seen ArrivalMeter::seen() const {
  const int size = static_cast<int>(times_.size());
  const Time last = times_[(next_ + size - 1) % size];
  int used = 0;
  double span = 0;
  for (; used < count_; ++used) {
    const double age = between(times_[(next_ + size - 1 - used) % size], last);
    if (age > kMemory) break;
    span = age;
  }
  return {used >= kEnough && span > 0 ? (used - 1) / span : 0, span};
}

bool ArrivalMeter::add(Time arrived, double declared, double limit) {
  const int size = static_cast<int>(times_.size());
  if (count_ > 0 && arrived < times_[(next_ + size - 1) % size]) count_ = 0;  // the clock jumped
  times_[next_] = arrived;
  next_ = (next_ + 1) % size;
  count_ = std::min(count_ + 1, size);

  const Seen now = seen();
  double rate = declared, jitter = kJitter;
  const bool slow = now.rate > 0 && now.span >= kSlowSpan && now.rate < kSlowArrivals * declared;
  if (declared <= 0 || slow) {
    rate = now.rate;
    jitter = kMeasuredJitter;
  }
  if (limit > 0) rate = std::min(rate, limit);
  const bool changed = rate > 0 && (stalled_ || std::abs(rate - rate_) > jitter * rate_);
  if (changed) rate_ = rate;
  stalled_ = false;
  return changed;
}

bool ArrivalMeter::stalls(Time now) {
  if (stalled_ || count_ == 0 || rate_ <= 0) return false;
  const int size = static_cast<int>(times_.size());
  const double silence = between(times_[(next_ + size - 1) % size], now);
  if (silence <= std::max(kSlowSpan, 3 / rate_)) return false;
  stalled_ = true;
  rate_ = 0;
  return true;
}

bool ArrivalMeter::admit(Time now, int queued, int regions) {
  if (rate_ <= 0) return true;
  const double burst = std::max({kSmallestBurst, kSurplus * rate_, 2.0 * regions + 2});
  if (!counting_tokens_) tokens_ = burst;
  const double passed = counting_tokens_ ? std::max(0.0, between(tokens_at_, now)) : 0;
  counting_tokens_ = true;
  tokens_at_ = now;
  tokens_ = std::min(burst, tokens_ + passed * kSurplus * rate_);
  if (tokens_ < 1 || queued + 1 > tokens_) return false;
  tokens_ -= 1;
  return true;
}

}  // namespace mone
