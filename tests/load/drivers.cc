#include "tests/load/drivers.h"

#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

namespace mone::load {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

Clock::duration ticks(double seconds) {
  return std::chrono::duration_cast<Clock::duration>(Seconds(seconds));
}
Time since_epoch(Clock::time_point t) { return t.time_since_epoch(); }

constexpr double kQueue = 3;  // tubelets that may wait before a stream's thread, as before monevivit

/// One stream's thread.
class Player {
 public:
  Player(const std::shared_ptr<Engine>& engine, const Script& script, const DriveOptions& options, int index)
      : options_(options), script_(script), nt_(engine->model().config().nt()) {
    next_ = (index * 37) % script.size();
    rate_ = script.steps[script.size() / 2].rate;
    phase_ = static_cast<double>(index) / options.streams;
    StreamTerms terms = options.terms;
    terms.name = "stream " + std::to_string(index);
    if (options.adaptive) feed_ = engine->new_feed(terms);
    stream_ = engine->new_stream();
  }

  void play(Clock::time_point start) {
    const auto counted = start + ticks(options_.warm_up), end = start + ticks(options_.seconds);
    for (long k = 0;; ++k, ++next_) {
      const auto due = start + ticks((static_cast<double>(k) + phase_) / rate_);
      if (due >= end) return;
      std::this_thread::sleep_until(due);
      if (next_ == script_.size()) {
        next_ = 0;
        seen_ = 0;
        stream_->reset();
      }
      const Tubelet tubelet{script_.tubelet(next_), Time(k * 133333333), Time(k * 133333333 + 66666666),
                            rate_};
      const Tally one = options_.adaptive ? adaptive(tubelet, due) : naive(tubelet, due);
      ++seen_;
      if (due >= counted) tally_.add(one);
    }
  }
  const Tally& tally() const { return tally_; }

 private:
  Tally adaptive(const Tubelet& tubelet, Clock::time_point due) {
    Tally t;
    t.arrived = 1;
    if (Clock::now() > due + ticks(kQueue / rate_)) return dropped(tubelet, t);
    const Answer answer = feed_->run(*stream_, {tubelet, since_epoch(due)});
    t.hop = answer.verdict.hop;
    if (answer.verdict.skip) return blind(t, true);
    t.ran = 1;
    t.budget = answer.verdict.budget;
    t.realised = answer.realised;
    if (const CostModel* c = options_.costs)
      t.full_seconds = answer.seconds * c->seconds(1, 1) /
                       c->per_tubelet(answer.verdict.budget, answer.batch, answer.verdict.predict);
    if (!answer.prediction) return blind(t, false);
    return predicted(t, *answer.prediction, due);
  }

  Tally naive(const Tubelet& tubelet, Clock::time_point due) {
    Tally t;
    t.arrived = 1;
    t.hop = 1;
    if (Clock::now() > due + ticks(1 / rate_)) return dropped(tubelet, t);
    const Prediction& prediction = stream_->push(tubelet, 1);
    t.ran = 1;
    t.budget = t.realised = 1;
    return predicted(t, prediction, due);
  }

  Tally dropped(const Tubelet& tubelet, Tally& t) {
    stream_->skip(tubelet.begin, tubelet.end);
    return blind(t, true);
  }
  Tally blind(Tally& t, bool skipped) {
    t.skipped = skipped;
    t.missed_truth = clear();
    return t;
  }
  Tally predicted(Tally& t, const Prediction& p, Clock::time_point due) {
    const double latency = Seconds(Clock::now() - due).count();
    t.predicted = 1;
    t.latency.push_back(latency);
    t.on_time = latency <= 1 / rate_;
    if (!clear()) return t;
    const auto best = std::max_element(p.logits.begin(), p.logits.end()) - p.logits.begin();
    t.scored = 1;
    t.right = best == script_.steps[next_].label;
    t.missed_truth = !t.on_time;
    return t;
  }
  bool clear() const { return script_.steps[next_].clear && seen_ >= nt_; }

  const DriveOptions& options_;
  const Script& script_;
  const int nt_;
  int next_, seen_ = 0;
  double rate_, phase_;
  std::unique_ptr<Feed> feed_;
  std::unique_ptr<Stream> stream_;
  Tally tally_;
};

}  // namespace

void Tally::add(const Tally& o) {
  arrived += o.arrived;
  ran += o.ran;
  predicted += o.predicted;
  on_time += o.on_time;
  skipped += o.skipped;
  scored += o.scored;
  right += o.right;
  missed_truth += o.missed_truth;
  budget += o.budget;
  realised += o.realised;
  hop += o.hop;
  full_seconds += o.full_seconds;
  latency.insert(latency.end(), o.latency.begin(), o.latency.end());
}

Tally drive(const std::shared_ptr<Engine>& engine, const std::vector<Script>& scripts,
            const DriveOptions& options) {
  std::vector<std::unique_ptr<Player>> players;
  for (int i = 0; i < options.streams; ++i)
    players.push_back(std::make_unique<Player>(engine, scripts[i % scripts.size()], options, i));
  const auto start = Clock::now() + ticks(.1);
  std::vector<std::thread> threads;
  for (auto& player : players) threads.emplace_back([&player, start] { player->play(start); });
  for (double t = 0; options.every_100ms && t < options.seconds; t += .1) {
    std::this_thread::sleep_until(start + ticks(t));
    options.every_100ms(t);
  }
  for (std::thread& thread : threads) thread.join();
  Tally sum;
  for (const auto& player : players) sum.add(player->tally());
  return sum;
}

double processor_seconds() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

}  // namespace mone::load
