#include "engine/ring.h"

#include <algorithm>

namespace mone {
namespace {

// Neighbouring strides in the usable range differ by 8 % or more; measured rates of one stride by far less.
constexpr double kSameRate = 1.05;

}  // namespace

int Ring::free_slot() const {
  for (int slot = 0;; ++slot)
    if (std::none_of(entries_.begin(), entries_.end(), [&](const RingEntry& e) { return e.slot == slot; }))
      return slot;
}

void Ring::push(const RingEntry& entry) {
  if (std::ssize(entries_) > nt_) entries_.erase(entries_.begin());
  entries_.push_back(entry);
}

bool Ring::repeat(Time begin, Time end) {
  if (entries_.empty()) return false;
  RingEntry copy = entries_.back();
  copy.begin = begin;
  copy.end = end;
  copy.missing_frames = 0;
  copy.missing = true;
  push(copy);
  return true;
}

const RingEntry& Ring::at(int i) const { return window()[std::max(0, i - (nt_ - size()))]; }

bool Ring::mixed_rate() const {
  double slowest = 0, fastest = 0;
  for (const RingEntry& e : window()) {
    if (e.rate <= 0) continue;
    slowest = slowest > 0 ? std::min(slowest, e.rate) : e.rate;
    fastest = std::max(fastest, e.rate);
  }
  return fastest > slowest * kSameRate;
}

int Ring::tubelets_missing() const {
  int tubelets = 0;
  for (const RingEntry& e : window()) tubelets += e.missing;
  return tubelets;
}

int Ring::frames_missing() const {
  int frames = 0;
  for (const RingEntry& e : window()) frames += e.missing_frames;
  return frames;
}

}  // namespace mone
