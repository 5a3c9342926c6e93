/// One window (engine Stream) per region, kept in step with the timestamps: lost tubelets are skipped, gaps
/// and restarts clear. Tubelets go through the engine's batcher. No GStreamer inside; one thread at a time.
#pragma once

#include <map>
#include <memory>

#include "engine/engine.h"
#include "engine/feed.h"

namespace mone {

/// A tubelet and where it stands in its stream.
struct RegionTubelet {
  Tubelet tubelet;
  unsigned region = 0;
  unsigned epoch = 0;    ///< no window holds tubelets of two epochs (TubeletMeta)
  bool discont = false;  ///< the buffer says that it does not follow the one before, and nothing else does
  Time hop{0};           ///< expected time to the next tubelet; 0 = unknown
  int source_width = 0, source_height = 0;
  Time arrived{0};  ///< Submission::arrived
};

class RegionWindows {
 public:
  /// @param feed    of that engine
  /// @param max_gap a longer one clears the region's window; 0 = the length of one window (nt hops)
  RegionWindows(std::shared_ptr<Engine> engine, std::shared_ptr<Feed> feed, Time max_gap)
      : engine_(std::move(engine)), feed_(std::move(feed)), max_gap_(max_gap) {}

  struct Outcome {
    Answer answer;           ///< its prediction is valid until the region's next push, or reset
    int lost = 0;            ///< tubelets that the timestamps say are missing before it
    bool restarted = false;  ///< the window begins with this tubelet
    Time max_gap{0};         ///< the one in effect
  };
  /// Puts a tubelet in line, at the budget that the feed's terms and the machine will give it; the answer
  /// follows from wait(). Its pixels stay where they are until then. A hole of at least half a hop more than
  /// one hop is a loss. A DISCONT without a hole is another picture, with one it is only the loss. Tubelets
  /// of several regions may be in line, one of each.
  Outcome submit(const RegionTubelet& in);
  /// Waits for the answer to the region's submit(). Regions are asked in the order in which they were
  /// submitted.
  /// @throws DeviceError if the engine failed on this tubelet; the next one of the region starts afresh
  void wait(unsigned region, Outcome& outcome);
  Outcome push(const RegionTubelet& in) {
    Outcome outcome = submit(in);
    wait(in.region, outcome);
    return outcome;
  }

  /// Forgets the regions that have had no tubelet for max_gap before `now`.
  void expire(Time now);
  void reset() { regions_.clear(); }
  std::size_t size() const { return regions_.size(); }

 private:
  struct Region {
    std::unique_ptr<Stream> stream;
    Time end{0}, hop{0}, max_gap{0};
    unsigned epoch = 0;
    int source_width = 0, source_height = 0;
    bool empty = true;
  };
  Time max_gap(Time hop) const;
  static bool follows(const Region& region, const RegionTubelet& in);
  static int skip_lost(Region& region, const RegionTubelet& in, int window);

  std::shared_ptr<Engine> engine_;
  std::shared_ptr<Feed> feed_;
  Time max_gap_;
  std::map<unsigned, Region> regions_;
};

}  // namespace mone
