/// Puts tubelets of several streams into one call of the engine, when that is faster and none is late for it.
///
/// A thread for each of the engine's lanes ("mone-batcher") waits for work, chooses who goes next, asks the
/// controller what each may spend, runs the call and hands the answers out.
///
///     who goes:  live feeds before others; among those, who has had least for its weight (start-time fair
///                queueing), so that a feed that floods waits behind its own tubelets only
///     together:  as long as a call with one more is faster than two, and ends before the earliest deadline
///                in it; for one that is expected soon the call waits, at most as long as company saves.
///                Where there are several lanes nobody waits, and those in line are shared out among the idle
///                ones
///     failing:   a call that fails is tried again tubelet by tubelet; who fails alone is told
///
/// The lock holds the queue, the controller and every Job; it is not held during a call. While a job runs,
/// its stream belongs to the thread that runs it. Nothing is allocated per tubelet once warm; a change of
/// plan may, as it is logged.
#pragma once

#include <condition_variable>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "engine/feed.h"

namespace mone {

class EngineImpl;
class FeedImpl;
class Lane;
class StreamImpl;

class Batcher;

/// A stream's tubelet on its way; it lives in the stream.
struct Job {
  enum class State { kNone, kWaiting, kRunning, kAnswered };
  State state = State::kNone;
  Batcher* batcher = nullptr;  ///< of its last submission
  FeedImpl* feed = nullptr;
  Tubelet tubelet;
  Arrival arrival;
  Time deadline{};
  bool live = true;
  Rounds rounds;      ///< of this window, over all its tubelets
  double turn = 0;    ///< fair queueing: the smallest goes first
  double charge = 0;  ///< by how much it moved its feed's turn
  Answer answer;
  std::string error;
  std::condition_variable answered;
};

class Batcher {
 public:
  Batcher(EngineImpl& engine, const CostModel& costs, double utilisation);
  /// No feed may be left.
  ~Batcher();

  /// Gives the feed its id.
  void add(FeedImpl& feed, const StreamTerms& terms);
  void set(FeedImpl& feed, const StreamTerms& terms);
  void qos(StreamId id, double proportion);
  void set_utilisation(double utilisation);
  StreamView view(StreamId id) const;
  ControllerView view() const;

  void submit(FeedImpl& feed, StreamImpl& stream, const Submission& submission);
  Answer wait(StreamImpl& stream);
  /// Ends what the feed has in line and forgets it.
  void remove(FeedImpl& feed);
  /// Ends what the stream has in line, before it is destroyed.
  void remove(StreamImpl& stream);

 private:
  using Lock = std::unique_lock<std::mutex>;

  /// The next or current call of one thread.
  struct Call {
    int lane = 0;
    bool runs = false;
    std::vector<StreamImpl*> picked, running;
    std::vector<CostItem> items;
    std::vector<Done> done;
    Time earliest{};  // deadline among those picked that can be met
  };

  void stop();
  void work(Call& call);
  /// Fills call.picked with the streams of the next call, as planned budgets have it.
  void pick(Call& call, Time now);
  StreamImpl* next_in_turn(const Call& call) const;
  bool joins(Call& call, const Job& job, Time now);
  /// Until when the call should wait for one more stream; 0: not at all.
  Time company_by(Call& call, Time now);
  /// Asks the controller about those picked; fills call.running, answers those that are skipped.
  void decide(Call& call, Time now);
  void run(Call& call, Lock& lock);
  int lanes_that_run() const;
  /// Whether a call is better off with the team's threads than on a lane: a file that is alone.
  bool wants_team(const Call& call) const;
  static bool run_together(Call& call, Lane& lane);
  static void run_each(Call& call, Lane& lane);
  void hand_out(Call& call, Time began, Time ended, bool as_measured);
  void skip(StreamImpl& stream, const Verdict& verdict, Time now);
  void answer(Job& job);

  EngineImpl& engine_;
  mutable std::mutex mutex_;
  std::condition_variable work_, idle_;
  Controller controller_;
  std::vector<FeedImpl*> feeds_;
  std::vector<StreamImpl*> waiting_;
  double turn_ = 0;  // of the tubelet served last
  bool stopping_ = false;

  std::vector<Call> calls_;  // one a thread; its size never changes
  long changes_ = 0;         // of waiting_ and feeds_
  std::vector<std::thread> threads_;
};

/// A feed as the batcher knows it.
class FeedImpl : public Feed {
 public:
  FeedImpl(std::shared_ptr<EngineImpl> engine, Batcher& batcher, const StreamTerms& terms);
  ~FeedImpl() override;
  void set(const StreamTerms& terms) override;
  void qos(double proportion) override { batcher_.qos(id_, proportion); }
  StreamView view() const override { return batcher_.view(id_); }
  void submit(Stream& stream, const Submission& submission) override;
  Answer wait(Stream& stream) override;

 private:
  friend class Batcher;
  std::shared_ptr<EngineImpl> engine_;
  Batcher& batcher_;

  // The batcher's, under its lock.
  double turn_ = 0;      // fair queueing: when its next tubelet begins
  Time last_arrived_{};  // of its newest tubelet
  Time interval_{};      // from one tubelet of a window to the next; 0: not known

  StreamId id_ = 0;  // given once, by Batcher::add()
};

}  // namespace mone
