#include "engine/budget/controller.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "engine/budget/controller_impl.h"
#include "engine/error.h"

namespace mone {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr double kUnknownInterval = 1;  // seconds to the next tubelet, while nothing is known of the rate
constexpr double kScatters = 2.5;       // mean deviations: two standard deviations of a normal
constexpr double kMargin = .25;         // of an expected time, at most, is kept for its scatter
constexpr double kBatchMemory = 64;     // tubelets
constexpr int kTooMany = 2;             // newer tubelets behind a late one: it is not worth running
constexpr double kQosHold = 2;          // seconds until downstream's complaint is half forgotten

Time from_seconds(double seconds) { return std::chrono::duration_cast<Time>(Seconds(seconds)); }

void check(bool fine, const char* what, double value, const char* wanted) {
  if (!fine) throw ConfigError(std::string(what) + " is " + std::to_string(value) + "; " + wanted);
}

void check_share(const char* what, double value) {
  check(value > 0 && value <= 1, what, value, "it must lie in (0, 1]");
}

void check(const StreamTerms& terms) {
  check(terms.weight > 0 && std::isfinite(terms.weight), "weight", terms.weight, "it must be positive");
  check_share("budget-min", terms.budget_min);
  check_share("budget-max", terms.budget_max);
  check_share("budget", terms.budget);
  check(terms.budget_min <= terms.budget_max, "budget-min", terms.budget_min,
        "it must not exceed budget-max");
  check(terms.latency_target >= Time::zero(), "latency-target", Seconds(terms.latency_target).count(),
        "it must not be negative");
  check(terms.rate_limit >= 0, "rate limit", terms.rate_limit, "it must not be negative");
}

StreamId make_id(std::size_t place, std::uint32_t generation) {
  return StreamId{generation} << 32 | static_cast<StreamId>(place);
}

}  // namespace

Controller::Impl::Impl(const CostModel& model, const ControllerOptions& options)
    : cost(model), utilisation_(options.utilisation), lanes_(options.lanes), hold_(2) {
  check_share("utilisation", utilisation_);
  check(lanes_ >= 1, "lanes", lanes_, "it must be at least 1");
}

Planned* Controller::Impl::find(StreamId id) {
  const std::size_t place = id & 0xffffffff;
  if (place >= streams_.size()) return nullptr;
  Planned& stream = streams_[place];
  return stream.used && stream.generation == id >> 32 ? &stream : nullptr;
}

const Planned& Controller::Impl::at(StreamId id) {
  if (const Planned* stream = find(id)) return *stream;
  throw std::out_of_range("the controller has no stream " + std::to_string(id));
}

StreamId Controller::Impl::add(const StreamTerms& terms, Time now) {
  check(terms);
  auto place = std::find_if(streams_.begin(), streams_.end(), [](const Planned& s) { return !s.used; });
  if (place == streams_.end()) {
    streams_.emplace_back();
    demands_.reserve(streams_.size());
    places_.reserve(streams_.size());
    place = streams_.end() - 1;
  }
  const std::uint32_t generation = place->generation + 1;
  *place = Planned{};
  place->used = true;
  place->generation = generation;
  place->terms = terms;
  introduce(*place, now);
  return make_id(static_cast<std::size_t>(place - streams_.begin()), generation);
}

void Controller::Impl::set(Planned& stream, const StreamTerms& terms, Time now) {
  check(terms);
  stream.terms = terms;
  plan(now, Cause::kTerms, &stream);
}

void Controller::Impl::remove(Planned& stream, Time now) {
  stream.used = false;
  plan(now, Cause::kRemoved, &stream);
}

void Controller::Impl::set_utilisation(double utilisation, Time now) {
  check_share("utilisation", utilisation);
  utilisation_ = utilisation;
  plan(now, Cause::kUtilisation);
}

void Controller::Impl::qos(Planned& stream, double proportion, Time now) {
  if (!(proportion > 1) || stream.terms.fixed || !stream.terms.live) return;
  const Time until = now + from_seconds(kQosHold);
  if (stream.ceiling >= 0 && stream.complained_at == stream.turn) {
    stream.ceiling_until = until;  // nothing has run at the lower budget yet
    return;
  }
  stream.complained_at = stream.turn;
  const Ladder& ladder = cost.ladder();
  const double affordable = cost.seconds(stream.budget, 1) / proportion;
  int level = ladder.at_most(stream.budget);
  while (level > 0 && cost.seconds(ladder.budget(level), 1) > affordable) --level;
  stream.ceiling = level;
  stream.ceiling_until = until;
  plan(now, Cause::kQos, &stream);
}

double Controller::Impl::budget(const Planned& stream) const {
  if (stream.terms.live) return stream.budget;
  return stream.terms.fixed ? stream.terms.budget : stream.terms.budget_max;
}

double Controller::Impl::margin() const { return 1 + std::min(kScatters * cost.noise(), kMargin); }

Time Controller::Impl::allowed(const Planned& stream, const Arrival& arrival) const {
  if (stream.terms.latency_target > Time::zero()) return stream.terms.latency_target;
  const double rate = arrival.rate > 0 ? arrival.rate : stream.meter.rate();
  return from_seconds(rate > 0 ? std::max(arrival.regions, 1) / rate : kUnknownInterval);
}

Verdict Controller::Impl::decide(Planned& stream, Time now, const Arrival& arrival) {
  const StreamTerms& terms = stream.terms;
  Verdict verdict;
  if (!terms.live) {
    verdict.budget = budget(stream);
    verdict.reason = Reason::kFixed;
    return verdict;
  }
  const bool rate_changed = stream.meter.add(arrival.arrived, arrival.rate, terms.rate_limit);
  stream.allowed = allowed(stream, arrival);
  const Cause cause = std::exchange(stream.counted, true) ? Cause::kRate : Cause::kAdded;
  plan(now, rate_changed ? std::optional(cause) : std::nullopt, &stream);

  verdict.budget = budget(stream);
  verdict.hop = plan_.hop;
  verdict.reason = terms.fixed ? Reason::kFixed : Reason::kPlan;
  const double left = Seconds(arrival.arrived + stream.allowed - now).count() - margin() * arrival.ahead;
  const auto skip = [&](Reason reason) {
    ++stream.skipped;
    verdict.skip = true;
    verdict.predict = false;
    verdict.reason = reason;
    return verdict;
  };
  if (!stream.meter.admit(now, arrival.queued, arrival.regions)) return skip(Reason::kFlood);
  Rounds& rounds = arrival.rounds ? *arrival.rounds : stream.rounds;
  // New windows begin where the others are, so that neither all predict nor all run on the same tubelet.
  if (!rounds.begun) rounds = {true, stream.turn, stream.turn % 2 ? 0.5 : 1};
  if (plan_.skipping && !runs(stream, rounds, arrival.queued)) return skip(Reason::kOverload);
  if (!fit(stream, arrival, left, verdict) && arrival.queued >= kTooMany) return skip(Reason::kLate);
  stream.lowered += verdict.budget < stream.budget;
  // Streams take turns, so that not all of them predict on the same tubelet.
  const auto place = static_cast<std::uint64_t>(&stream - streams_.data());
  ++stream.turn;
  if ((rounds.turn++ + place) % static_cast<std::uint64_t>(plan_.hop) != 0) {
    verdict.predict = false;
    verdict.reason = Reason::kHop;
  }
  return verdict;
}

/// Whether this tubelet is among the share that runs. Newer ones behind it take the turn: oldest first.
bool Controller::Impl::runs(const Planned& stream, Rounds& rounds, int queued) {
  rounds.credit = std::min(rounds.credit + stream.demand.run, 2.0);
  if (rounds.credit < 1 || (queued > 0 && stream.demand.run < 1)) return false;
  rounds.credit -= 1;
  return true;
}

/// Lowers the budget until the tubelet is done in time. @return false: it is late even so
bool Controller::Impl::fit(const Planned& stream, const Arrival& arrival, double left,
                           Verdict& verdict) const {
  const auto in_time = [&](double budget) {
    return margin() * (arrival.ahead > 0 ? cost.further(budget) : cost.seconds(budget, 1)) <= left;
  };
  if (in_time(verdict.budget)) return true;
  bool fits = false;
  if (stream.demand.fixed_budget == 0) {
    const Ladder& ladder = cost.ladder();
    int level = ladder.at_most(verdict.budget);
    while (!fits && level > stream.demand.lowest) fits = in_time(ladder.budget(--level));
    if (ladder.budget(level) < verdict.budget) {
      verdict.budget = ladder.budget(level);
      verdict.reason = Reason::kDeadline;
    }
  }
  if (!fits && arrival.queued > 0) {  // its prediction would be stale: keep the window whole, that is all
    verdict.predict = false;
    verdict.reason = Reason::kDeadline;
  }
  return fits;
}

void Controller::Impl::finished(std::span<const Done> done, Time began, Time ended, bool one_call) {
  if (done.empty()) return;
  items_.clear();
  for (const Done& one : done) {
    items_.push_back({one.budget, one.predict});
    Planned* stream = find(one.stream);
    if (!stream) continue;
    ++stream->processed;
    stream->not_predicted += !one.predict;
  }
  const double taken = Seconds(ended - began).count();
  if (one_call) {
    cost.observe(items_, taken);
    const double tubelets = static_cast<double>(done.size());
    batch_ += std::min(1.0, tubelets / kBatchMemory) * (tubelets - batch_);
  }
  const double passed = ended_at_ ? std::max(0.0, Seconds(ended - *ended_at_).count()) : 0;
  busy_ = busy_ * std::exp(-passed) + taken / lanes_;
  ended_at_ = ended;
  plan(ended, std::nullopt);
}

StreamView Controller::Impl::view(const Planned& s) const {
  StreamView v;
  v.rate = s.meter.rate();
  v.budget = budget(s);
  v.hop = s.terms.live ? plan_.hop : 1;
  v.run = plan_.skipping && s.terms.live ? s.demand.run : 1;
  v.seconds = cost.per_tubelet(v.budget, batch_);
  v.processed = s.processed;
  v.skipped = s.skipped;
  v.not_predicted = s.not_predicted;
  v.lowered = s.lowered;
  return v;
}

ControllerView Controller::Impl::view() const {
  ControllerView v;
  for (const Planned& s : streams_) v.streams += s.used;
  v.level = level(plan_);
  v.hop = plan_.hop;
  v.load = load_;
  v.utilisation = utilisation_;
  v.busy = std::min(1.0, busy_);
  v.batch = batch_;
  v.scale = cost.scale();
  v.changes = changes_;
  return v;
}

Controller::Controller(const CostModel& cost, const ControllerOptions& options)
    : impl_(std::make_unique<Impl>(cost, options)) {}
Controller::~Controller() = default;
Controller::Controller(Controller&&) noexcept = default;

StreamId Controller::add(const StreamTerms& terms, Time now) { return impl_->add(terms, now); }
void Controller::set(StreamId id, const StreamTerms& terms, Time now) {
  if (Planned* stream = impl_->find(id)) impl_->set(*stream, terms, now);
}
void Controller::remove(StreamId id, Time now) {
  if (Planned* stream = impl_->find(id)) impl_->remove(*stream, now);
}
void Controller::set_utilisation(double utilisation, Time now) { impl_->set_utilisation(utilisation, now); }
void Controller::qos(StreamId id, double proportion, Time now) {
  if (Planned* stream = impl_->find(id)) impl_->qos(*stream, proportion, now);
}

Time Controller::deadline(StreamId id, const Arrival& arrival) const {
  const Planned* stream = impl_->find(id);
  if (!stream || !stream->terms.live) return Time::max();
  return arrival.arrived + impl_->allowed(*stream, arrival);
}

double Controller::margin() const { return impl_->margin(); }
Time Controller::longest_call() const { return impl_->longest_call; }

Verdict Controller::decide(StreamId id, Time now, const Arrival& arrival) {
  if (Planned* stream = impl_->find(id)) return impl_->decide(*stream, now, arrival);
  Verdict gone;
  gone.skip = true;
  gone.predict = false;
  return gone;
}

void Controller::dropped(StreamId id, const Arrival& arrival) {
  Planned* stream = impl_->find(id);
  if (!stream) return;
  stream->meter.add(arrival.arrived, arrival.rate, stream->terms.rate_limit);
  ++stream->skipped;
}

void Controller::finished(std::span<const Done> done, Time began, Time ended, bool one_call) {
  impl_->finished(done, began, ended, one_call);
}

const CostModel& Controller::cost() const { return impl_->cost; }
const StreamTerms& Controller::terms(StreamId id) const { return impl_->at(id).terms; }
double Controller::budget(StreamId id) const { return impl_->budget(impl_->at(id)); }
ControllerView Controller::view() const { return impl_->view(); }
StreamView Controller::view(StreamId id) const {
  const Planned* stream = impl_->find(id);
  return stream ? impl_->view(*stream) : StreamView{};
}
void Controller::on_decision(Listener listener) { impl_->listener = std::move(listener); }

}  // namespace mone
