/// A few threads that stay: they share out the items of a loop, and sleep when there is nothing to do.
///
/// Items are claimed one at a time, so a core that is slower or taken by someone else does less of them; the
/// caller works too and waits only for items that somebody has begun. Threads are named mone-cpu-1,
/// mone-cpu-2, ... and inherit the affinity of the thread that makes the team.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/backend/backend.h"

namespace mone::cpu {

/// Cores this process may use: its affinity mask, and the CPU limit of its control group (whole cores, at
/// least 1).
int usable_cores();

class ThreadTeam {
 public:
  /// @param threads  how many work, the caller included; < 1: usable_cores()
  explicit ThreadTeam(int threads);
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  /// Whether jobs are timed; between jobs.
  void watch(bool on) { watched_ = on; }
  Activity activity() const;

  /// Calls body(item, worker) once for every item in [0, items), items < 2^20, worker in [0, threads()), in
  /// any order and on any thread; returns when all are done. The body must not throw. One caller at a time.
  template <class Body>
  void run(int items, const Body& body) {
    run(
        items,
        [](const void* context, int item, int worker) { (*static_cast<const Body*>(context))(item, worker); },
        &body);
  }

 private:
  using Call = void (*)(const void* context, int item, int worker);

  void run(int items, Call call, const void* context);
  void share_out(int items, Call call, const void* context);
  void work(std::uint32_t job, int worker);
  void serve(int worker);

  // What to do. Written by the caller between jobs only; a worker that read a stale value fails to claim an
  // item.
  std::atomic<Call> call_{nullptr};
  std::atomic<const void*> context_{nullptr};
  // Job number, its items, and the next unclaimed one, in one word: nobody can mix the items of two jobs.
  alignas(64) std::atomic<std::uint64_t> next_{0};
  alignas(64) std::atomic<int> unfinished_{0};
  alignas(64) std::atomic<int> sleepers_{0};
  std::atomic<bool> stop_{false};
  std::atomic<bool> watched_{false};
  // Of the caller, between jobs; busy_ns_ by whoever works.
  std::int64_t jobs_ = 0;
  double job_s_ = 0;
  std::atomic<std::int64_t> busy_ns_{0};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::thread> workers_;
};

}  // namespace mone::cpu
