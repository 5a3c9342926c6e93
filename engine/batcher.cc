#include "engine/batcher.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "engine/engine_impl.h"
#include "engine/log.h"

namespace mone {
namespace {

constexpr int kLongestQueue = 100;  // that a tubelet's age may tell of

Time steady_now() { return std::chrono::steady_clock::now().time_since_epoch(); }
Time from_seconds(double s) { return std::chrono::duration_cast<Time>(std::chrono::duration<double>(s)); }
double to_seconds(Time t) { return std::chrono::duration<double>(t).count(); }

std::chrono::steady_clock::time_point time_point(Time t) {
  return std::chrono::steady_clock::time_point(
      std::chrono::duration_cast<std::chrono::steady_clock::duration>(t));
}

bool holds(const std::vector<StreamImpl*>& streams, const FeedImpl& feed) {
  return std::any_of(streams.begin(), streams.end(), [&](StreamImpl* s) { return s->job().feed == &feed; });
}

}  // namespace

Batcher::Batcher(EngineImpl& engine, const CostModel& costs, double utilisation)
    : engine_(engine), controller_(costs, {utilisation, engine.lanes()}), calls_(engine.lanes()) {
  const auto most = static_cast<std::size_t>(costs.max_batch());
  for (std::size_t i = 0; i < calls_.size(); ++i) {
    Call& call = calls_[i];
    call.lane = static_cast<int>(i);
    call.picked.reserve(most), call.running.reserve(most), call.items.reserve(most + 1);
    call.done.reserve(most);
  }
  controller_.on_decision(log_decision);
  try {
    for (Call& call : calls_) {
      threads_.emplace_back([this, &call] { work(call); });
      pthread_setname_np(threads_.back().native_handle(), "mone-batcher");
    }
  } catch (...) {
    stop();
    throw;
  }
}

Batcher::~Batcher() { stop(); }

void Batcher::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Batcher::add(FeedImpl& feed, const StreamTerms& terms) {
  const std::lock_guard lock(mutex_);
  feed.id_ = controller_.add(terms, steady_now());
  feeds_.push_back(&feed);
}

void Batcher::set(FeedImpl& feed, const StreamTerms& terms) {
  const std::lock_guard lock(mutex_);
  controller_.set(feed.id_, terms, steady_now());
}

void Batcher::qos(StreamId id, double proportion) {
  const std::lock_guard lock(mutex_);
  controller_.qos(id, proportion, steady_now());
}

void Batcher::set_utilisation(double utilisation) {
  const std::lock_guard lock(mutex_);
  controller_.set_utilisation(utilisation, steady_now());
}

StreamView Batcher::view(StreamId id) const {
  const std::lock_guard lock(mutex_);
  return controller_.view(id);
}

ControllerView Batcher::view() const {
  const std::lock_guard lock(mutex_);
  return controller_.view();
}

void Batcher::submit(FeedImpl& feed, StreamImpl& stream, const Submission& in) {
  stream.check(in.tubelet, 1);
  {
    const std::lock_guard lock(mutex_);
    Job& job = stream.job();
    if (job.state != Job::State::kNone)
      throw ConfigError("this stream has a tubelet in line already; wait() for its answer first");
    job.state = Job::State::kWaiting;
    job.batcher = this;
    job.feed = &feed;
    job.tubelet = in.tubelet;
    job.arrival = {in.arrived > Time(0) ? in.arrived : steady_now(), in.tubelet.rate * in.regions,
                   in.regions};
    job.deadline = controller_.deadline(feed.id_, job.arrival);
    const StreamTerms& terms = controller_.terms(feed.id_);
    job.live = terms.live;
    job.answer = {};
    job.error.clear();

    feed.interval_ = in.tubelet.rate > 0 ? from_seconds(1 / in.tubelet.rate) : Time(0);
    feed.last_arrived_ = job.arrival.arrived;
    job.turn = std::max(turn_, feed.turn_);
    job.charge = controller_.cost().seconds(controller_.budget(feed.id_), 1) / terms.weight;
    feed.turn_ = job.turn + job.charge;
    waiting_.push_back(&stream);
    ++changes_;
  }
  work_.notify_one();
}

Answer Batcher::wait(StreamImpl& stream) {
  Lock lock(mutex_);
  Job& job = stream.job();
  if (job.state == Job::State::kNone)
    throw ConfigError("this stream has no tubelet in line; submit() one first");
  job.answered.wait(lock, [&] { return job.state == Job::State::kAnswered; });
  job.state = Job::State::kNone;
  if (!job.error.empty()) throw DeviceError(job.error);
  return job.answer;
}

void Batcher::remove(FeedImpl& feed) {
  Lock lock(mutex_);
  const Time now = steady_now();
  for (std::size_t i = waiting_.size(); i-- > 0;)
    if (waiting_[i]->job().feed == &feed) skip(*waiting_[i], {.skip = true, .reason = Reason::kLate}, now);
  idle_.wait(lock, [&] {
    return std::none_of(calls_.begin(), calls_.end(), [&](const Call& c) { return holds(c.running, feed); });
  });
  std::erase(feeds_, &feed);
  controller_.remove(feed.id_, now);
  ++changes_;
  work_.notify_one();  // a call may be waiting for it
}

void Batcher::remove(StreamImpl& stream) {
  Lock lock(mutex_);
  if (stream.job().state == Job::State::kWaiting)
    skip(stream, {.skip = true, .reason = Reason::kLate}, steady_now());
  work_.notify_one();
  idle_.wait(lock, [&] { return stream.job().state != Job::State::kRunning; });
}

void Batcher::work(Call& call) {
  Lock lock(mutex_);
  while (true) {
    work_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    pick(call, steady_now());
    const Time until = company_by(call, steady_now());
    if (until > Time(0)) {
      const long before = changes_;
      if (work_.wait_until(lock, time_point(until), [&] { return stopping_ || changes_ != before; }))
        continue;  // somebody came or left: look again
    }
    decide(call, steady_now());
    if (!call.running.empty()) run(call, lock);
  }
}

StreamImpl* Batcher::next_in_turn(const Call& call) const {
  const auto before = [](const StreamImpl* a, const StreamImpl* b) {
    const Job &x = a->job(), &y = b->job();
    if (x.live != y.live) return x.live;
    return x.turn != y.turn ? x.turn < y.turn : x.deadline < y.deadline;
  };
  StreamImpl* first = nullptr;
  for (StreamImpl* stream : waiting_) {
    if (first && !before(stream, first)) continue;
    if (std::find(call.picked.begin(), call.picked.end(), stream) == call.picked.end()) first = stream;
  }
  return first;
}

int Batcher::lanes_that_run() const {
  return static_cast<int>(
      std::count_if(calls_.begin(), calls_.end(), [](const Call& call) { return call.runs; }));
}

void Batcher::pick(Call& call, Time now) {
  call.picked.clear(), call.items.clear();
  call.earliest = Time::max();
  const auto idle = std::ssize(calls_) - lanes_that_run();
  const auto share = (std::ssize(waiting_) + idle - 1) / idle;  // a call with more would leave a lane idle
  while (std::ssize(call.picked) < std::min<std::ptrdiff_t>(share, controller_.cost().max_batch())) {
    StreamImpl* next = next_in_turn(call);
    if (!next || !joins(call, next->job(), now)) return;
    call.picked.push_back(next);
  }
}

/// Adds it to call.items if a call with it is faster than two, and ends in time for all who would be in time
/// without it, also for those that come just after it began.
bool Batcher::joins(Call& call, const Job& job, Time now) {
  const CostModel& cost = controller_.cost();
  const CostItem item{controller_.budget(job.feed->id_)};
  const double before = call.items.empty() ? 0 : cost.seconds(call.items), alone = cost.seconds({&item, 1});
  call.items.push_back(item);
  const double together = cost.seconds(call.items);
  const Time at_most = from_seconds(controller_.margin() * together);
  const bool in_time = now + at_most <= call.earliest && at_most <= controller_.longest_call();
  const bool worthwhile = call.items.size() == 1 || (together < before + alone && in_time);
  if (!worthwhile)
    call.items.pop_back();
  else if (now + at_most <= job.deadline)
    call.earliest = std::min(call.earliest, job.deadline);
  return worthwhile;
}

/// 0: go now. Who is in the call already waits for its answer before it submits again.
Time Batcher::company_by(Call& call, Time now) {
  const CostModel& cost = controller_.cost();
  if (calls_.size() > 1 || call.picked.empty() || call.picked.size() < waiting_.size() ||
      std::ssize(call.picked) >= cost.max_batch())
    return {};
  Time soonest = Time::max();
  const FeedImpl* comes = nullptr;
  for (const FeedImpl* feed : feeds_) {
    const Time next = feed->last_arrived_ + feed->interval_;
    if (feed->interval_ <= Time(0) || next <= now || next >= soonest) continue;
    if (!controller_.terms(feed->id_).live || holds(call.picked, *feed)) continue;
    soonest = next;
    comes = feed;
  }
  if (!comes) return {};
  const CostItem item{controller_.budget(comes->id_)};
  const double before = cost.seconds(call.items), alone = cost.seconds({&item, 1});
  call.items.push_back(item);
  const double together = cost.seconds(call.items);
  call.items.pop_back();
  // A machine that waits longer than it saves has lost.
  const Time limit = now + from_seconds(before + alone - together);
  if (soonest > limit) return {};
  const Time ends = limit + from_seconds(controller_.margin() * together);
  return call.earliest == Time::max() || ends <= call.earliest ? limit : Time(0);
}

void Batcher::decide(Call& call, Time now) {
  call.running.clear(), call.items.clear();
  const int queue = static_cast<int>(waiting_.size());
  for (StreamImpl* stream : call.picked) {
    Job& job = stream->job();
    job.answer.queue = queue;
    Arrival arrival = job.arrival;
    arrival.rounds = &job.rounds;
    arrival.ahead = call.items.empty() ? 0 : controller_.cost().seconds(call.items);
    // What waits upstream of a thread that waits for its answer shows in the answer's age.
    const Time age = now - arrival.arrived;
    if (job.live && job.feed->interval_ > Time(0) && age > job.feed->interval_)
      arrival.queued = static_cast<int>(std::min<Time::rep>(age / job.feed->interval_, kLongestQueue));
    const Verdict verdict = controller_.decide(job.feed->id_, now, arrival);
    if (verdict.skip) {
      skip(*stream, verdict, now);
      continue;
    }
    job.answer.verdict = verdict;
    job.state = Job::State::kRunning;
    turn_ = std::max(turn_, job.turn);
    std::erase(waiting_, stream);
    call.items.push_back({verdict.budget, verdict.predict});
    call.running.push_back(stream);
  }
}

void Batcher::skip(StreamImpl& stream, const Verdict& verdict, Time now) {
  Job& job = stream.job();
  stream.skip(job.tubelet.begin, job.tubelet.end);
  job.feed->turn_ = std::max(0.0, job.feed->turn_ - job.charge);
  job.answer.verdict = verdict;
  job.answer.waited = now - job.arrival.arrived;
  std::erase(waiting_, &stream);
  ++changes_;
  answer(job);
}

void Batcher::answer(Job& job) {
  job.state = Job::State::kAnswered;
  job.answered.notify_one();
}

bool Batcher::wants_team(const Call& call) const {
  return calls_.size() > 1 && feeds_.size() == 1 && call.running.size() == 1 && waiting_.empty() &&
         !call.running[0]->job().live;
}

void Batcher::run(Call& call, Lock& lock) {
  const bool team = wants_team(call);
  Lane& lane = team ? engine_.team() : engine_.lane(call.lane);
  call.runs = true;
  lock.unlock();
  const Time began = steady_now();
  const bool together = run_together(call, lane);
  if (!together) run_each(call, lane);
  const Time ended = steady_now();
  lock.lock();
  call.runs = false;
  hand_out(call, began, ended, together && !team);
}

bool Batcher::run_together(Call& call, Lane& lane) {
  std::size_t begun = 0;
  try {
    for (StreamImpl* stream : call.running) {
      const Job& job = stream->job();
      stream->begin(job.tubelet, job.answer.verdict.budget, job.answer.verdict.predict);
      ++begun;
    }
  } catch (...) {
    for (std::size_t i = 0; i < begun; ++i) call.running[i]->retract();
    return false;
  }
  try {
    lane.step(call.running);
    return true;
  } catch (...) {
    return false;  // step() has taken the tubelets back
  }
}

/// Each alone, so that one which fails takes nobody with it.
void Batcher::run_each(Call& call, Lane& lane) {
  for (StreamImpl*& stream : call.running) {
    Job& job = stream->job();
    try {
      stream->begin(job.tubelet, job.answer.verdict.budget, job.answer.verdict.predict);
      lane.step({&stream, 1});
    } catch (const std::exception& error) {
      job.error = std::string("the engine failed on a tubelet: ") + error.what();
    } catch (...) {
      job.error = "the engine failed on a tubelet, with an unknown exception";
    }
  }
}

void Batcher::hand_out(Call& call, Time began, Time ended, bool as_measured) {
  double sum = 0;
  for (const CostItem& item : call.items) sum += controller_.cost().seconds({&item, 1});
  call.done.clear();
  for (std::size_t i = 0; i < call.running.size(); ++i) {
    StreamImpl& stream = *call.running[i];
    Job& job = stream.job();
    const Verdict& verdict = job.answer.verdict;
    if (job.error.empty()) {
      call.done.push_back({job.feed->id_, verdict.budget, verdict.predict});
      if (verdict.predict) job.answer.prediction = &stream.finish();
      job.answer.realised = stream.realised();
      job.answer.batch = static_cast<int>(call.running.size());
      job.answer.seconds =
          to_seconds(ended - began) * controller_.cost().seconds({&call.items[i], 1}) / std::max(sum, 1e-12);
      job.answer.waited = ended - job.arrival.arrived;
      job.answer.late = ended > job.deadline;
    }
    answer(job);
  }
  controller_.finished(call.done, began, ended, as_measured);
  call.running.clear();
  idle_.notify_all();
}

}  // namespace mone
