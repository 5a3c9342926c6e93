// When the plan changes, and to what. The arithmetic is water_fill.*; this file is about order and patience.
#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/budget/controller_impl.h"

namespace mone {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr double kPlanEvery = .1;    // seconds, where nothing else asks for it
constexpr double kScaleMoved = .02;  // of the costs, upwards: do not wait for the next plan
constexpr double kPersist = 1;       // seconds that room must last before it is used
constexpr double kSkipAfter = .5;    // seconds that even the widest hop is too little before skipping
constexpr double kFirstHold = 2;     // seconds from a change to a recovery ...
constexpr double kLongestHold = 8;   // ... doubled each time a recovery had to be taken back
constexpr double kPlenty = 1.5;      // times the floor that budgets could have: the hop may widen no longer
constexpr double kCalm = 30;         // seconds without that, after which it is forgotten
constexpr long kCalibration = 24;    // calls after which the table has been put right: until then,
                                     // that it was wrong is as plain a cause as any
constexpr double kRunRecovery = .2;  // share of tubelets per second that skipping gives back
constexpr double kSmallestRoom = .02, kLargestRoom = .08;     // of the limit: what a recovery leaves free
constexpr double kSmallestSlack = .005, kLargestSlack = .04;  // of the limit: scatter of the costs, not load
constexpr double kQosStep = 2;  // seconds per level that downstream's complaint is forgotten
constexpr Time kClockJump = std::chrono::seconds(1);  // back by so much is no race but another clock
constexpr int kWideHops[] = {2, 4};
// A hop that loses every 2nd prediction saves half of what predicting costs. Where that is less than a
// quarter of a tubelet, skipping a few tubelets saves as much and loses fewer predictions. Joint models,
// whose prediction is nearly all of the work, widen the hop; factorised ones, where it is an eighth, skip.
constexpr double kHopWorth = .25, kHopKept = .2;
constexpr double kNoDearer = 1.02;  // times the lowest level's cost: costs as little

double since(const std::optional<Time>& then, Time now) {
  return then ? Seconds(now - *then).count() : HUGE_VAL;
}

/// 0 = as good as it gets; then wider hops; then skipping.
int rank(const Plan& plan) { return plan.skipping ? 3 : plan.hop / 2; }

/// Of all tubelets that come, how many run.
double run_share(std::span<const Demand> demands) {
  double asked = 0, run = 0;
  for (const Demand& demand : demands) asked += demand.rate, run += demand.rate * demand.run;
  return asked > 0 ? run / asked : 1;
}

}  // namespace

void Controller::Impl::plan(Time now, std::optional<Cause> cause, const Planned* by) {
  if (planned_at_ && now < *planned_at_ - kClockJump) {  // it went back: what was timed is timed anew
    planned_at_ = changed_at_ = raised_at_ = dropped_at_ = now;
    room_since_.reset(), short_since_.reset();
  }
  if (planned_at_) now = std::max(now, *planned_at_);  // callers read the clock before they hold the lock
  const double passed = since(planned_at_, now);
  if (!cause && passed < kPlanEvery && cost.scale() < planned_scale_ * (1 + kScaleMoved)) return;
  planned_at_ = now;
  planned_scale_ = cost.scale();

  gather(now, cause, by);
  const WaterFill fill(cost, batch_, lanes_);
  const Plan before = plan_;
  const double load_before = load_of(fill, before);
  const bool calibrating = cost.observations() < kCalibration;
  Cause why = cause.value_or(Cause::kCost);
  std::optional<Plan> next = surrender(fill, now);
  const bool less = next.has_value();
  if (less) {
    room_since_.reset();
  } else {
    next = recover(fill, now, cause.has_value() || calibrating);
    if (!cause && !calibrating) why = Cause::kRecovery;
  }
  if (!apply(fill, next.value_or(plan_), std::min(passed, kPersist), cause.has_value())) return;

  ++changes_;
  changed_at_ = now;
  if (why == Cause::kRecovery) {
    if (since(dropped_at_, now) > kCalm) hold_ = kFirstHold;
    raised_at_ = now;
  } else if (why == Cause::kCost && less) {
    if (raised_at_ && since(raised_at_, now) < 1.5 * hold_) hold_ = std::min(2 * hold_, kLongestHold);
    dropped_at_ = now;
    raised_at_.reset();
  }
  tell(fill, before, load_before, why, by);
}

/// Levels that the stream's terms, and downstream, allow.
void Controller::Impl::bound(Planned& stream, Time now) {
  const StreamTerms& terms = stream.terms;
  const Ladder& ladder = cost.ladder();
  Demand& demand = stream.demand;
  demand.rate = stream.meter.rate();
  demand.weight = terms.weight;
  demand.lowest = ladder.at_least(terms.budget_min);
  demand.highest = ladder.at_most(terms.budget_max);
  demand.fixed_budget = 0;
  if (terms.fixed) demand.fixed_budget = terms.budget;
  const bool none = demand.lowest > demand.highest || ladder.budget(demand.highest) > terms.budget_max ||
                    ladder.budget(demand.lowest) < terms.budget_min;
  if (!terms.fixed && none) demand.fixed_budget = terms.budget_max;  // no level in between: then exactly that
  // A level that costs as much as a higher one would only answer worse: so it is with small models where
  // multiply-adds are nearly free (matrix tiles).
  const double least = cost.per_tubelet(ladder.budget(demand.lowest), batch_);
  while (demand.lowest < demand.highest &&
         cost.per_tubelet(ladder.budget(demand.lowest + 1), batch_) < kNoDearer * least)
    ++demand.lowest;

  if (stream.ceiling < 0) return;
  if (now >= stream.ceiling_until) {
    ++stream.ceiling;
    stream.ceiling_until = now + std::chrono::duration_cast<Time>(Seconds(kQosStep));
  }
  if (stream.ceiling >= demand.highest)
    stream.ceiling = -1;
  else
    demand.highest = std::max(demand.lowest, stream.ceiling);
}

void Controller::Impl::introduce(Planned& stream, Time now) {
  bound(stream, now);
  stream.budget = WaterFill(cost, batch_, lanes_).budget(stream.demand, plan_.common);
}

/// Who is live and how fast. A stream that has stalled is a cause to plan anew.
void Controller::Impl::gather(Time now, std::optional<Cause>& cause, const Planned*& by) {
  demands_.clear();
  places_.clear();
  longest_call = Time::max();
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    Planned& stream = streams_[i];
    if (!stream.used || !stream.terms.live) continue;
    if (stream.meter.stalls(now) && !cause) {
      cause = Cause::kRate;
      by = &stream;
    }
    bound(stream, now);
    if (stream.demand.rate <= 0) continue;
    const double own = cost.seconds(cost.ladder().budget(stream.demand.lowest), 1);
    const auto spare = stream.allowed - std::chrono::duration_cast<Time>(Seconds(margin() * own));
    if (spare > Time::zero()) longest_call = std::min(spare, longest_call);  // else nothing would help it
    demands_.push_back(stream.demand);
    places_.push_back(i);
  }
}

/// What a stream of weight 1 without bounds would get.
double Controller::Impl::level(const Plan& plan) const {
  return cost.ladder().budget(cost.ladder().at_most(plan.common));
}

double Controller::Impl::load_of(const WaterFill& fill, const Plan& plan) const {
  if (!plan.skipping) return fill.load(demands_, plan.common, plan.hop);
  double sum = 0;
  for (const Demand& demand : demands_)
    sum += demand.run * demand.rate * fill.seconds(demand, plan.common, plan.hop);
  return sum;
}

/// What the streams can have within `limit`, in the order of surrender.
Plan Controller::Impl::best(const WaterFill& fill, double limit) {
  Plan plan;
  plan.common = WaterFill::floor(demands_, cost.ladder());
  if (fill.load(demands_, plan.common, 1) <= limit) {
    plan.common = fill.highest_within(demands_, limit, 1);
    return plan;
  }
  const double worth = plan_.hop > 1 ? kHopKept : kHopWorth;
  if (fill.read_out_share(demands_, plan.common) >= worth)
    for (const int hop : kWideHops) {
      plan.hop = hop;
      if (fill.load(demands_, plan.common, hop) <= limit) return plan;
    }
  plan.skipping = true;
  return plan;
}

bool Controller::Impl::better(const WaterFill& fill, const Plan& a, const Plan& b) const {
  if (rank(a) != rank(b)) return rank(a) < rank(b);
  return a.common > b.common && std::any_of(demands_.begin(), demands_.end(), [&](const Demand& d) {
           return fill.budget(d, a.common) > fill.budget(d, b.common);
         });
}

/// A plan with less, if the one that holds is too much.
std::optional<Plan> Controller::Impl::surrender(const WaterFill& fill, Time now) {
  const double slack = std::clamp(cost.noise() / 2, kSmallestSlack, kLargestSlack);
  const bool fits = fill.load(demands_, plan_.common, plan_.hop) <= utilisation_ * (1 + slack);
  if (fits || plan_.skipping) {
    short_since_.reset();
    const double floor = WaterFill::floor(demands_, cost.ladder());
    if (fits || plan_.common <= floor || !best(fill, utilisation_).skipping) return std::nullopt;
    Plan lower = plan_;  // terms or streams have changed since: budgets first, tubelets last
    lower.common = floor;
    return lower;
  }
  Plan plan = best(fill, utilisation_);
  if (!plan.skipping) {
    short_since_.reset();
    return plan;
  }
  if (!short_since_) short_since_ = now;
  plan.skipping = since(short_since_, now) >= kSkipAfter;
  return plan;
}

/// A plan with more, if there has been room for it for long enough. Where the cause is plain (a rate changed,
/// a stream left) the room is taken at once and in full; else with some to spare, and one step at a time.
std::optional<Plan> Controller::Impl::recover(const WaterFill& fill, Time now, bool plain_cause) {
  const bool at_top = rank(plan_) == 0 && plan_.common >= WaterFill::ceiling(demands_, cost.ladder());
  if (demands_.empty() || at_top) {
    room_since_.reset();
    return std::nullopt;
  }
  const double room = plain_cause ? 0 : std::clamp(cost.noise(), kSmallestRoom, kLargestRoom);
  Plan plan = best(fill, utilisation_ * (1 - room));
  if (!better(fill, plan, plan_)) {
    room_since_.reset();
    return std::nullopt;
  }
  if (plain_cause) return plan;
  if (!room_since_) room_since_ = now;
  // With room for more than the next step nothing needs to be tried carefully.
  const bool plenty = rank(plan_) > rank(plan) + 1 ||
                      (rank(plan_) == 1 && rank(plan) == 0 && plan.common > plan_.common * kPlenty);
  const double hold = plenty ? kFirstHold : hold_;
  if (since(room_since_, now) < kPersist || since(changed_at_, now) < hold) return std::nullopt;
  room_since_.reset();
  if (rank(plan_) == 0) return plan;
  plan = plan_;
  if (plan.skipping)
    plan.skipping = false;
  else
    plan.hop /= 2;
  return plan;
}

/// Makes `plan` the one that holds. @return whether anyone notices
bool Controller::Impl::apply(const WaterFill& fill, const Plan& plan, double passed, bool plain_cause) {
  bool changed = plan.hop != plan_.hop || plan.skipping != plan_.skipping;
  plan_ = plan;
  plan_.run = 1;
  if (plan_.skipping) fill.share_out(demands_, utilisation_, plan_.common, plan_.hop);
  for (std::size_t i = 0; i < demands_.size(); ++i) {
    Planned& stream = streams_[places_[i]];
    Demand& demand = demands_[i];
    if (!plan_.skipping)
      demand.run = 1;  // what an earlier overload left is not where a later one begins
    else if (!plain_cause)
      demand.run = std::min(demand.run, stream.demand.run + kRunRecovery * passed);
    stream.demand = demand;
  }
  if (plan_.skipping) plan_.run = run_share(demands_);
  for (Planned& stream : streams_) {
    if (!stream.used || !stream.terms.live) continue;
    const double budget = fill.budget(stream.demand, plan_.common);
    changed |= budget != std::exchange(stream.budget, budget);
  }
  load_ = load_of(fill, plan_);
  return changed;
}

void Controller::Impl::tell(const WaterFill& fill, const Plan& before, double load_before, Cause cause,
                            const Planned* by) {
  if (!listener || demands_.empty()) return;
  Decision d;
  d.at = *planned_at_;
  d.cause = cause;
  const bool one = cause != Cause::kCost && cause != Cause::kRecovery;
  if (one && by) d.stream = by->terms.name;
  d.streams = static_cast<int>(demands_.size());
  d.level_before = level(before);
  d.level = level(plan_);
  d.lowest = HUGE_VAL;
  for (const Demand& demand : demands_) {
    const double budget = fill.budget(demand, plan_.common);
    d.lowest = std::min(d.lowest, budget);
    d.highest = std::max(d.highest, budget);
    d.rate += demand.rate;
  }
  d.hop_before = before.hop;
  d.hop = plan_.hop;
  d.run_before = before.run;
  d.run = plan_.run;
  d.load_before = load_before;
  d.load = load_;
  d.utilisation = utilisation_;
  d.scale = cost.scale();
  listener(d);
}

}  // namespace mone
