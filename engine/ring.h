/// The last nt tubelets of a stream: where their spatial outputs lie and what is known about them (spec
/// section 6).
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "engine/time.h"

namespace mone {

struct RingEntry {
  int slot = 0;  ///< which of the ring's slots() memory slots holds the tubelet's output
  Time begin{}, end{};
  double rate = 0;
  double budget = 1, realised = 1;
  int missing_frames = 0;
  bool missing = false;  ///< a copy of the entry before it
};

/// Entries in time order; copies share a slot, so nothing is moved in memory.
class Ring {
 public:
  explicit Ring(int nt) : nt_(nt) { entries_.reserve(nt + 2); }

  /// A slot that no entry in the ring uses: write the next output there, then push(). There is always one.
  int free_slot() const;
  /// Appends; the oldest entry leaves the window once nt are in.
  void push(const RingEntry& entry);
  /// Takes the last push back, for a step that failed: the entry that left the window returns.
  void retract() { entries_.pop_back(); }
  /// Appends a copy of the newest entry, marked missing. @return false if the ring is empty
  bool repeat(Time begin, Time end);
  void clear() { entries_.clear(); }

  int slots() const { return nt_ + 2; }  // the window, the entry that just left, and the one being written
  /// Entries inside the window, at most nt.
  int size() const { return std::min(static_cast<int>(entries_.size()), nt_); }
  /// Entry at window position `i` of 0..nt-1, oldest first; positions before the first entry repeat it.
  const RingEntry& at(int i) const;

  bool warming() const { return size() < nt_; }
  /// Whether rates differ by more than a source's jitter: strides give at least 8 %.
  bool mixed_rate() const;
  int tubelets_missing() const;
  int frames_missing() const;

 private:
  std::span<const RingEntry> window() const { return std::span(entries_).last(size()); }

  int nt_;
  std::vector<RingEntry> entries_;  // the window, and before it the entry that left last
};

}  // namespace mone
