/// An engine and its streams on paper: arrivals, a queue in deadline order, calls that take what a true cost
/// table says times what the machine does to it. Virtual time; nothing is computed, nothing waits.
#pragma once

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <queue>
#include <random>
#include <set>
#include <vector>

#include "engine/budget/controller.h"

namespace mone::test {

inline Time at(double seconds) { return Time(static_cast<Time::rep>(seconds * 1e9)); }

struct SimulatedStream {
  StreamTerms terms;
  double rate = 7.5;                           ///< tubelets per second, as its timestamps say
  double jitter = 0;                           ///< of an interval, each way
  bool says_rate = true;                       ///< else the controller has to count
  double begin = 0, end = HUGE_VAL;            ///< seconds
  std::function<double(double)> rate_at = {};  ///< instead of `rate`, by time
};

struct SimulatedMachine {
  CostTable measured;                        ///< what the controller is told
  CostTable truth;                           ///< what calls take ...
  std::function<double(double)> drift = {};  ///< ... times this, by time
  double noise = 0;                          ///< ... times exp(normal of this deviation)
  double outliers = 0;                       ///< share of calls that take 8 times as long
  double utilisation = .85;
  int lanes = 1;       ///< calls at a time
  bool joint = false;  ///< tubelets without a prediction take no time, whatever the tables say
};

class Simulation {
 public:
  struct Stream {
    SimulatedStream is;
    StreamId id = 0;
    bool live = false, running = false;
    double next = 0, last_rate = 0;
    std::deque<Arrival> waiting;
    std::pair<Time, int> head;  // of the oldest one that waits, as the queue has it
    long arrived = 0, ran = 0, skipped = 0, on_time = 0, predicted = 0, changes = 0, longest_wait = 0,
         since_run = 0;
    double budget = -1, last_change = -HUGE_VAL;  ///< planned
    double spent = 0;                             ///< sum of budgets that ran
  };

  Simulation(const SimulatedMachine& machine, const std::vector<SimulatedStream>& cast, unsigned seed)
      : machine_(machine),
        truth_(machine.truth),
        controller(CostModel(machine.measured), {machine.utilisation, machine.lanes}),
        random_(seed),
        calls_(static_cast<std::size_t>(machine.lanes)) {
    for (const SimulatedStream& s : cast) {
      streams.push_back({s});
      arrivals_.push({s.begin, static_cast<int>(streams.size()) - 1});
    }
  }

  /// Plays until `end`.
  void play(double end) {
    for (;;) {
      const double arrival = arrivals_.empty() ? HUGE_VAL : arrivals_.top().first;
      const auto first = std::min_element(calls_.begin(), calls_.end(),
                                          [](const Call& a, const Call& b) { return a.until < b.until; });
      now = std::min(arrival, first->until);
      if (now > end) break;
      if (first->until <= arrival)
        finish(*first);
      else
        arrive();
      for (Call& call : calls_)
        if (call.until == HUGE_VAL) start(call);
    }
    now = end;
  }

  /// Engine seconds per second that the plan would truly cost now.
  double true_load() const {
    const ControllerView view = controller.view();
    double sum = 0;
    for (const Stream& s : streams) {
      if (!s.live || !s.is.terms.live) continue;
      const StreamView v = controller.view(s.id);
      const double whole = truth_.per_tubelet(v.budget, view.batch);
      const double spatial = machine_.joint ? 0 : truth_.per_tubelet(v.budget, view.batch, false);
      sum += v.run * s.last_rate * (spatial + (whole - spatial) / v.hop);
    }
    return sum * drift() / machine_.lanes;
  }
  /// The same for the lowest budgets, hop 1, nothing skipped.
  double floor_load() const {
    double sum = 0;
    const double batch = controller.view().batch;
    for (const Stream& s : streams) {
      if (!s.live) continue;
      const double budget = s.is.terms.fixed ? s.is.terms.budget : s.is.terms.budget_min;
      sum += s.last_rate * truth_.per_tubelet(budget, batch);
    }
    return sum * drift() / machine_.lanes;
  }
  double drift() const { return machine_.drift ? machine_.drift(now) : 1; }

  std::function<void()> after_call;  ///< the plan may have changed
  std::function<void(const Stream&, const Verdict&)> on_verdict;

  std::vector<Stream> streams;
  double now = 0, busy = 0;

 private:
  SimulatedMachine machine_;
  CostModel truth_;

 public:
  Controller controller;

 private:
  static constexpr std::size_t kQueue = 4;

  struct Call {
    std::vector<CostItem> items;
    std::vector<Done> done;
    std::vector<Time> deadlines;  // of those
    std::vector<int> running;
    double began = 0, until = HUGE_VAL;  // seconds; idle where never
  };

  void arrive() {
    const int index = arrivals_.top().second;
    arrivals_.pop();
    Stream& s = streams[index];
    if (!s.live) {
      s.live = true;
      s.id = controller.add(s.is.terms, at(now));
      // Streams start at a random point of their interval.
      s.next = now + std::uniform_real_distribution<>(0, 1)(random_) / rate(s);
      arrivals_.push({s.next, index});
      return;
    }
    if (now >= s.is.end) {
      controller.remove(s.id, at(now));
      forget(index);
      s.waiting.clear();
      s.live = false;
      return;
    }
    s.last_rate = rate(s);
    Arrival arrival;
    arrival.arrived = at(now);
    arrival.rate = s.is.says_rate ? s.last_rate : 0;
    forget(index);
    if (s.waiting.size() == kQueue) {
      controller.dropped(s.id, s.waiting.front());
      s.waiting.pop_front();
      ++s.skipped;
    }
    s.waiting.push_back(arrival);
    offer(index);
    ++s.arrived;
    s.next += 1 / s.last_rate;
    const double jitter = s.is.jitter / s.last_rate * std::uniform_real_distribution<>(-1, 1)(random_);
    arrivals_.push({std::max(now, s.next + jitter), index});
  }

  void start(Call& call) {
    call.items.clear(), call.done.clear(), call.deadlines.clear();
    call.running.clear();
    double ahead = 0;
    Time earliest = Time::max();
    const auto idle = static_cast<std::size_t>(
        std::count_if(calls_.begin(), calls_.end(), [](const Call& c) { return c.until == HUGE_VAL; }));
    const std::size_t most =
        std::min((heads_.size() + idle - 1) / idle, static_cast<std::size_t>(machine_.measured.max_batch));
    while (!heads_.empty() && call.items.size() < most) {
      const int index = heads_.begin()->second;
      Stream& s = streams[index];
      // Whoever is first in line is not made late by company.
      const double more =
          controller.margin() * (ahead + controller.cost().further(controller.view(s.id).budget));
      if (!call.items.empty() && (at(now + more) > earliest || at(more) > controller.longest_call())) break;
      heads_.erase(heads_.begin());
      Arrival arrival = s.waiting.front();
      s.waiting.pop_front();
      arrival.queued = static_cast<int>(s.waiting.size());
      arrival.ahead = ahead;
      const Verdict verdict = controller.decide(s.id, at(now), arrival);
      if (on_verdict) on_verdict(s, verdict);
      ++s.since_run;
      s.longest_wait = std::max(s.longest_wait, s.since_run);
      note(s);
      if (verdict.skip) {
        ++s.skipped;
        offer(index);
        continue;
      }
      s.since_run = 0;
      s.spent += verdict.budget;
      call.items.push_back({verdict.budget, verdict.predict});
      call.done.push_back({s.id, verdict.budget, verdict.predict});
      call.deadlines.push_back(controller.deadline(s.id, arrival));
      earliest = std::min(earliest, call.deadlines.back());
      call.running.push_back(index);
      s.running = true;  // its next one waits for this one's answer
      ahead = controller.cost().seconds(call.items);
    }
    if (call.items.empty()) return;
    double taken = truth_.seconds(call.items) * drift();
    const auto predicts = [](const CostItem& item) { return item.predict; };
    if (machine_.joint && std::none_of(call.items.begin(), call.items.end(), predicts)) taken = 1e-4;
    if (machine_.noise > 0) taken *= std::exp(std::normal_distribution<>(0, machine_.noise)(random_));
    if (machine_.outliers > 0 && std::bernoulli_distribution(machine_.outliers)(random_)) taken *= 8;
    call.began = now;
    call.until = now + taken;
  }

  void finish(Call& call) {
    for (std::size_t i = 0; i < call.done.size(); ++i) {
      Stream& s = streams[call.running[i]];
      s.running = false;
      offer(call.running[i]);
      if (s.id != call.done[i].stream) continue;
      ++s.ran;
      s.predicted += call.done[i].predict;
      s.on_time += call.done[i].predict && at(now) <= call.deadlines[i];
    }
    busy += now - call.began;
    controller.finished(call.done, at(call.began), at(now));
    call.until = HUGE_VAL;
    if (after_call) after_call();
  }

  /// Counts changes of the planned budget.
  void note(Stream& s) {
    const double budget = controller.view(s.id).budget;
    if (s.budget >= 0 && budget != s.budget) {
      ++s.changes;
      s.last_change = now;
    }
    s.budget = budget;
  }

  double rate(const Stream& s) const { return s.is.rate_at ? s.is.rate_at(now) : s.is.rate; }
  void offer(int index) {
    Stream& s = streams[index];
    if (!s.live || s.running || s.waiting.empty()) return;
    s.head = {controller.deadline(s.id, s.waiting.front()), index};
    heads_.insert(s.head);
  }
  void forget(int index) {
    if (!streams[index].waiting.empty()) heads_.erase(streams[index].head);
  }

  std::mt19937 random_;
  using Coming = std::pair<double, int>;
  std::priority_queue<Coming, std::vector<Coming>, std::greater<>> arrivals_;
  std::set<std::pair<Time, int>> heads_;  // next tubelet of each stream by deadline
  std::vector<Call> calls_;               // one a lane
};

}  // namespace mone::test
