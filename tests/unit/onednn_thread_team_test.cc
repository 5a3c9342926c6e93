#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <fstream>
#include <set>

#include "engine/backend/onednn/thread_team.h"

namespace mone::cpu {
namespace {

TEST(ThreadTeam, EveryItemRunsExactlyOnce) {
  for (const int threads : {1, 2, 3, 5}) {
    ThreadTeam team(threads);
    EXPECT_EQ(team.threads(), threads);
    for (int round = 0; round < 300; ++round) {
      const int items = round % 17;
      std::array<std::atomic<int>, 17> runs{};
      team.run(items, [&](int item, int worker) {
        ++runs[item];
        EXPECT_TRUE(worker >= 0 && worker < threads);
      });
      for (int i = 0; i < 17; ++i) ASSERT_EQ(runs[i], i < items) << "item " << i << " of " << items;
    }
  }
}

// A worker that lost its core at the end of a short job used to take an item of the longer one after it.
TEST(ThreadTeam, AWorkerLateFromOneJobTakesNothingOfTheNext) {
  ThreadTeam team(4);  // more than the cores, so that workers lose theirs at every point
  for (int round = 0; round < 800; ++round) {
    const int items = 2 + round % 2 * 30;
    std::array<std::atomic<int>, 32> runs{};
    team.run(items, [&](int item, int) {
      if (item % 2) std::this_thread::yield();
      ++runs[item];
    });
    for (int i = 0; i < items; ++i) ASSERT_EQ(runs[i], 1) << "round " << round << ", item " << i;
  }
}

TEST(ThreadTeam, WakesUpAfterSleeping) {
  ThreadTeam team(2);
  for (int i = 0; i < 5; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::atomic<int> done = 0;
    team.run(64, [&](int, int) { ++done; });
    EXPECT_EQ(done, 64);
  }
}

TEST(ThreadTeam, BurnsNothingWhenIdle) {
  ThreadTeam team(3);
  team.run(8, [](int, int) {});
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const std::clock_t before = std::clock();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_LT(std::clock() - before, CLOCKS_PER_SEC / 20);
}

TEST(ThreadTeam, ThreadsHaveNames) {
  ThreadTeam team(2);
  std::atomic<bool> seen = false;
  // The caller holds its item until the worker has told its name.
  team.run(2, [&](int, int worker) {
    if (worker == 0) {
      while (!seen) std::this_thread::yield();
      return;
    }
    char name[16] = {};
    pthread_getname_np(pthread_self(), name, sizeof name);
    EXPECT_STREQ(name, "mone-cpu-1");
    seen = true;
  });
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/// A thread needs room for its stack: a process that may have no more room gets no thread.
TEST(ThreadTeam, GoesOnWithTheThreadsThatCanBeHad) {
  const auto with_little_room = [] {
    long pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    const rlim_t room = static_cast<rlim_t>(pages) * sysconf(_SC_PAGESIZE) + (rlim_t{40} << 20);
    const rlimit limit{room, room};
    setrlimit(RLIMIT_AS, &limit);
    ThreadTeam team(64);
    std::atomic<int> runs = 0;
    team.run(100, [&](int, int worker) { runs += worker < team.threads(); });
    _exit(team.threads() < 64 && runs == 100 ? 0 : 1);
  };
  EXPECT_EXIT(with_little_room(), testing::ExitedWithCode(0), "");
}
#endif

TEST(UsableCores, FollowsTheAffinityMask) {
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  EXPECT_LE(usable_cores(), CPU_COUNT(&before));
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu)
    if (CPU_ISSET(cpu, &before)) CPU_SET(cpu, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(usable_cores(), 1);
  sched_setaffinity(0, sizeof before, &before);
}

}  // namespace
}  // namespace mone::cpu
