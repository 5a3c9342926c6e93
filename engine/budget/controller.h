/// Decides what every stream's next tubelet may spend: one controller per engine, all its streams.
///
///     plan:      the largest common level c with  sum rate_i x cost(c_i) <= utilisation,
///                c_i = weight_i x c, within the stream's [budget_min, budget_max], down to a ladder level
///     surrender: lower budgets -> wider hop (predict each 2nd, then 4th tubelet; the window stays whole),
///                where predicting is at least a quarter of a tubelet's cost: elsewhere skipping loses less
///                -> skip whole tubelets, oldest first. A fixed budget stays; it only knows the last two.
///                Regions of a stream take turns in both: nobody in the picture is left out for good
///     dispatch:  a tubelet that would miss its deadline is lowered, alone, until it fits
///     recovery:  in reverse and slowly, unless the cause is plain: a rate that changed, a stream that left
///
/// Streams that are not live run at budget_max, are never skipped and are not planned for: give their
/// tubelets to the engine when no live one waits.
///
/// Pure: every call says what time it is, on any one monotonic clock. No thread, no lock (the owner's lock
/// holds), no allocation per decision once warm; telling a change of plan may. Cost: decide() is O(1), and
/// plans anew, O(streams), when something changed, else every 100 ms.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/budget/cost_model.h"
#include "engine/export.h"
#include "engine/time.h"

namespace mone {

/// What a stream's owner asks for. All of it may change at any time.
struct StreamTerms {
  std::string name;          ///< for the log
  double weight = 1;         ///< budget relative to other streams, > 0
  double budget_min = .125;  ///< of an automatic budget, in (0, 1]
  double budget_max = 1;     ///< and not below budget_min
  bool fixed = false;        ///< every tubelet gets exactly `budget`
  double budget = 1;         ///< where fixed
  bool live = true;          ///< false: budget_max (or the fixed one), never skipped
  Time latency_target{};     ///< from a tubelet's arrival to its scores; 0: until the next one arrives
  double rate_limit = 0;     ///< tubelets per second that are planned for at most; 0: no limit
};

/// Names a stream; never given twice.
using StreamId = std::uint64_t;

/// Which of its tubelets a window has predicted and run while not all are: the controller counts in it,
/// whoever has the window keeps it. All zero for a new one.
struct Rounds {
  bool begun = false;
  std::uint64_t turn = 0;  ///< tubelets that were not skipped: which of them are predicted
  double credit = 0;       ///< tubelets that may run, while some are skipped
};

/// A tubelet that is next in line, at the moment it could be put into a call.
struct Arrival {
  Time arrived{};    ///< when it came; calls for one stream come in this order
  double rate = 0;   ///< tubelets per second by the stream's timestamps, all regions together; 0: not known
  int regions = 1;   ///< regions that the stream has now: each has a tubelet per hop
  int queued = 0;    ///< newer tubelets of the same stream (and region) that wait behind it
  double ahead = 0;  ///< expected seconds of what is in the call already (CostModel::seconds)
  Rounds* rounds = nullptr;  ///< the region's, so that each has its turn; null: the stream has but one
};

enum class Reason : std::uint8_t {
  kPlan,      ///< what the plan gives
  kFixed,     ///< fixed budget, or not live
  kDeadline,  ///< lowered, or not predicted, because it would be late
  kHop,       ///< not predicted: the hop is wide
  kOverload,  ///< skipped: the machine cannot do all tubelets even at the floor
  kFlood,     ///< skipped: more tubelets than the stream's own rate
  kLate,      ///< skipped: too late, and newer ones wait
};
MONE_API const char* to_string(Reason reason);

struct Verdict {
  double budget = 1;    ///< what it may spend
  bool skip = false;    ///< do not run it; Stream::skip() instead
  bool predict = true;  ///< false: spatial work only
  int hop = 1;          ///< tubelets from prediction to prediction, as planned
  Reason reason = Reason::kPlan;
};

/// A tubelet that has been through the engine.
struct Done {
  StreamId stream = 0;
  double budget = 1;
  bool predict = true;
};

/// One change of the plan, and why.
struct Decision {
  enum class Cause : std::uint8_t { kAdded, kRemoved, kTerms, kUtilisation, kRate, kCost, kRecovery, kQos };
  Time at{};
  Cause cause{};
  std::string stream;                  ///< name of the one that caused it, if one did
  int streams = 0;                     ///< live ones
  double level_before = 0, level = 0;  ///< common level c
  double lowest = 0, highest = 0;      ///< budgets that streams get now
  int hop_before = 1, hop = 1;
  double run_before = 1, run = 1;  ///< share of tubelets that are not skipped
  double rate = 0;                 ///< tubelets per second, all streams
  double load_before = 0;          ///< of the machine, had nothing been changed
  double load = 0, utilisation = 0;
  double scale = 1;  ///< machine's slowness against the measured costs
};
/// One line for a person, without a line end.
MONE_API std::string to_string(const Decision& decision);

/// What is known of a stream now.
struct StreamView {
  double rate = 0;    ///< tubelets per second that are planned for
  double budget = 1;  ///< that the next tubelet gets, unless its deadline lowers it
  int hop = 1;
  double run = 1;      ///< share of its tubelets that are not skipped
  double seconds = 0;  ///< engine time per tubelet, expected now
  std::uint64_t processed = 0, skipped = 0;
  std::uint64_t not_predicted = 0;  ///< of those processed
  std::uint64_t lowered = 0;        ///< for their deadline
};

/// What is known of the engine now.
struct ControllerView {
  int streams = 0;
  double level = 1;  ///< common level c
  int hop = 1;
  double load = 0, utilisation = 0;  ///< planned share of the engine's time, and its limit
  double busy = 0;                   ///< share of the last second that the engine worked
  double batch = 1;                  ///< tubelets per call, as the average tubelet sees it
  double scale = 1;                  ///< of the cost model
  std::uint64_t changes = 0;         ///< decisions so far
};

struct ControllerOptions {
  double utilisation = .85;  ///< share of the engine's time to plan for, in (0, 1]
  int lanes = 1;             ///< calls that run at a time, at least 1; all of them together are the engine
};

class MONE_API Controller {
 public:
  explicit Controller(const CostModel& cost, const ControllerOptions& options = {});
  ~Controller();
  Controller(Controller&&) noexcept;

  /// @throws ConfigError if a value is outside its range; names it
  StreamId add(const StreamTerms& terms, Time now);
  void set(StreamId id, const StreamTerms& terms,
           Time now);                                  ///< @throws as add(); an unknown id does nothing
  void remove(StreamId id, Time now);                  ///< an unknown id does nothing
  void set_utilisation(double utilisation, Time now);  ///< @throws ConfigError outside (0, 1]
  /// Downstream says that it gets data `proportion` times too slowly (a QOS event; <= 1: it keeps up). A live
  /// stream with an automatic budget is lowered, once until a tubelet has been decided at the lower budget:
  /// what downstream says before that only makes it last longer.
  void qos(StreamId id, double proportion, Time now);

  /// When a tubelet's scores should be there: latency_target, or the time between tubelets of a region, after
  /// its arrival. Time::max() for a stream that is not live. For ordering the queue.
  Time deadline(StreamId id, const Arrival& arrival) const;

  /// How long a call may take, so that a tubelet which comes just after it began can still be in time at its
  /// stream's lowest level. Calls with company should not be longer. Time::max() without live streams.
  Time longest_call() const;
  /// Factor on an expected time that a call seldom exceeds, by its scatter so far.
  double margin() const;

  /// Called once for each tubelet, when it could go into a call now. An unknown id is skipped.
  Verdict decide(StreamId id, Time now, const Arrival& arrival);
  /// A tubelet that its owner dropped without asking (a full queue): it counts as skipped.
  void dropped(StreamId id, const Arrival& arrival);
  /// A call has returned. Streams that left meanwhile may be among them.
  /// @param one_call  false: they took several, so the time says nothing about what a call costs
  void finished(std::span<const Done> done, Time began, Time ended, bool one_call = true);

  const CostModel& cost() const;
  /// As add() and set() were told. @throws std::out_of_range for an unknown id
  const StreamTerms& terms(StreamId id) const;
  /// What the next tubelet gets, unless its deadline lowers it. @throws std::out_of_range for an unknown id
  double budget(StreamId id) const;
  StreamView view(StreamId id) const;
  ControllerView view() const;

  /// Called within the call that changed the plan, so it must not call back.
  using Listener = std::function<void(const Decision&)>;
  void on_decision(Listener listener);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mone
