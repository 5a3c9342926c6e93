/// The controller's state: streams, the plan that holds, and when it may change.
#pragma once

#include <optional>
#include <vector>

#include "engine/budget/arrival_meter.h"
#include "engine/budget/controller.h"
#include "engine/budget/water_fill.h"

namespace mone {

/// What holds for all streams.
struct Plan {
  double common = 1;      // level c: gives way first
  int hop = 1;            // 1, 2, 4: gives way next, where it pays
  bool skipping = false;  // gives way last
  double run = 1;         // share of all tubelets that are not skipped
};

/// A stream as the controller keeps it.
struct Planned {
  bool used = false;
  std::uint32_t generation = 0;
  StreamTerms terms;
  ArrivalMeter meter;
  Demand demand;
  Time allowed{};          // from arrival to deadline, of the newest tubelet
  bool counted = false;    // has been planned for
  double budget = 1;       // planned for the next tubelet, while live
  Rounds rounds;           // where nobody brings a region's
  std::uint64_t turn = 0;  // tubelets that were not skipped, of all regions
  int ceiling = -1;        // level that downstream's QOS allows; -1 = any
  Time ceiling_until{};
  std::uint64_t complained_at = 0;  // turn that the ceiling answers
  std::uint64_t processed = 0, skipped = 0, not_predicted = 0, lowered = 0;
};

class Controller::Impl {
 public:
  using Cause = Decision::Cause;

  Impl(const CostModel& cost, const ControllerOptions& options);

  Planned* find(StreamId id);
  const Planned& at(StreamId id);  // @throws std::out_of_range
  StreamId add(const StreamTerms& terms, Time now);
  void set(Planned& stream, const StreamTerms& terms, Time now);
  void remove(Planned& stream, Time now);
  void set_utilisation(double utilisation, Time now);
  void qos(Planned& stream, double proportion, Time now);

  double margin() const;
  /// What the stream's next tubelet gets, unless its deadline lowers it.
  double budget(const Planned& stream) const;
  Time allowed(const Planned& stream, const Arrival& arrival) const;
  Verdict decide(Planned& stream, Time now, const Arrival& arrival);
  void finished(std::span<const Done> done, Time began, Time ended, bool one_call);

  StreamView view(const Planned& stream) const;
  ControllerView view() const;

  CostModel cost;
  Listener listener;
  Time longest_call = Time::max();

 private:
  // Planning, in plan.cc.
  /// Plans anew if there is a cause or if it is time to.
  void plan(Time now, std::optional<Cause> cause, const Planned* by = nullptr);
  void gather(Time now, std::optional<Cause>& cause, const Planned*& by);
  void bound(Planned& stream, Time now);
  /// What a stream gets until its first tubelet says how fast it is.
  void introduce(Planned& stream, Time now);
  Plan best(const WaterFill& fill, double limit);
  bool better(const WaterFill& fill, const Plan& a, const Plan& b) const;
  std::optional<Plan> surrender(const WaterFill& fill, Time now);
  std::optional<Plan> recover(const WaterFill& fill, Time now, bool plain_cause);
  double level(const Plan& plan) const;
  double load_of(const WaterFill& fill, const Plan& plan) const;
  bool apply(const WaterFill& fill, const Plan& plan, double seconds_passed, bool plain_cause);
  void tell(const WaterFill& fill, const Plan& before, double load_before, Cause cause, const Planned* by);

  // Dispatch.
  static bool runs(const Planned& stream, Rounds& rounds, int queued);
  bool fit(const Planned& stream, const Arrival& arrival, double seconds_left, Verdict& verdict) const;

  double utilisation_;
  const int lanes_;
  std::vector<Planned> streams_;
  Plan plan_;
  double load_ = 0, batch_ = 1, busy_ = 0;
  std::uint64_t changes_ = 0;

  std::vector<Demand> demands_;      // live streams with a rate
  std::vector<std::size_t> places_;  // where they stand in streams_
  std::vector<CostItem> items_;      // of the call that has returned
  double planned_scale_ = 1;
  std::optional<Time> planned_at_, changed_at_, raised_at_, dropped_at_, ended_at_, room_since_, short_since_;
  double hold_;  // seconds from a change to a recovery
};

}  // namespace mone
