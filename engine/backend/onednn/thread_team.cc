#include "engine/backend/onednn/thread_team.h"

#include <pthread.h>

#include <chrono>
#include <string>
#include <system_error>

namespace mone::cpu {
namespace {

using Clock = std::chrono::steady_clock;

// How long an idle worker watches for the next job before it sleeps. Waking costs some 10 us, the serial
// parts between the products of a layer a few; a stream that is idle between tubelets (130 ms) burns nothing
// to speak of.
constexpr auto kWatch = std::chrono::microseconds(50);

void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

// A word: 24 bits of job number, 20 of items, 20 of the next item.
constexpr int kItemBits = 20;
constexpr std::uint64_t kItemMask = (1u << kItemBits) - 1;
std::uint32_t job_of(std::uint64_t next) { return static_cast<std::uint32_t>(next >> (2 * kItemBits)); }
int items_of(std::uint64_t next) { return static_cast<int>(next >> kItemBits & kItemMask); }
int item_of(std::uint64_t next) { return static_cast<int>(next & kItemMask); }

std::int64_t nanoseconds_since(Clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start).count();
}

}  // namespace

ThreadTeam::ThreadTeam(int threads) {
  if (threads < 1) threads = usable_cores();
  workers_.reserve(threads - 1);
  for (int worker = 1; worker < threads; ++worker) {
    try {
      workers_.emplace_back([this, worker] { serve(worker); });
    } catch (const std::system_error&) {
      return;  // so many may not be had here; those that are there do the work
    }
    pthread_setname_np(workers_.back().native_handle(), ("mone-cpu-" + std::to_string(worker)).c_str());
  }
}

ThreadTeam::~ThreadTeam() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadTeam::run(int items, Call call, const void* context) {
  if (workers_.empty() || items <= 1) {
    for (int item = 0; item < items; ++item) call(context, item, 0);
    return;
  }
  if (!watched_) return share_out(items, call, context);
  const auto start = Clock::now();
  share_out(items, call, context);
  job_s_ += static_cast<double>(nanoseconds_since(start)) * 1e-9;
  ++jobs_;
}

Activity ThreadTeam::activity() const { return {jobs_, job_s_, static_cast<double>(busy_ns_.load()) * 1e-9}; }

void ThreadTeam::share_out(int items, Call call, const void* context) {
  call_.store(call, std::memory_order_relaxed);
  context_.store(context, std::memory_order_relaxed);
  unfinished_.store(items, std::memory_order_relaxed);
  const std::uint32_t job = (job_of(next_.load(std::memory_order_relaxed)) + 1) & 0xffffff;
  // Together with the sleeper's order (count itself, then look for a job) no wake-up is lost: sequentially
  // consistent.
  next_.store(std::uint64_t{job} << (2 * kItemBits) | static_cast<std::uint64_t>(items) << kItemBits);
  if (sleepers_.load() > 0) {
    std::lock_guard lock(mutex_);
    wake_.notify_all();
  }
  work(job, 0);
  for (int spins = 0; unfinished_.load(std::memory_order_acquire) > 0; ++spins) {
    pause();
    if (spins > 10000) std::this_thread::yield();  // whoever holds the last item was taken off its core
  }
}

void ThreadTeam::work(std::uint32_t job, int worker) {
  std::uint64_t next = next_.load(std::memory_order_acquire);
  while (job_of(next) == job && item_of(next) < items_of(next)) {
    const Call call = call_.load(std::memory_order_relaxed);
    const void* context = context_.load(std::memory_order_relaxed);
    if (!next_.compare_exchange_weak(next, next + 1, std::memory_order_acq_rel, std::memory_order_acquire))
      continue;
    if (watched_.load(std::memory_order_relaxed)) {
      const auto start = Clock::now();
      call(context, item_of(next), worker);
      busy_ns_.fetch_add(nanoseconds_since(start), std::memory_order_relaxed);
    } else {
      call(context, item_of(next), worker);
    }
    unfinished_.fetch_sub(1, std::memory_order_acq_rel);
    next = next_.load(std::memory_order_acquire);
  }
}

void ThreadTeam::serve(int worker) {
  std::uint32_t seen = 0;
  while (true) {
    const auto until = Clock::now() + kWatch;
    std::uint32_t job = seen;
    while ((job = job_of(next_.load(std::memory_order_acquire))) == seen && !stop_) {
      for (int i = 0; i < 32; ++i) pause();
      if (Clock::now() > until) {
        std::unique_lock lock(mutex_);
        ++sleepers_;
        wake_.wait(lock, [&] { return stop_ || job_of(next_.load()) != seen; });
        --sleepers_;
      }
    }
    if (stop_) return;
    seen = job;
    work(job, worker);
  }
}

}  // namespace mone::cpu
