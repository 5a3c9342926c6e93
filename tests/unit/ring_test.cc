#include "engine/ring.h"

#include <gtest/gtest.h>

namespace mone {
namespace {

/// Pushes an entry as a stream does, with `i` as its time.
void push(Ring& ring, int i, double rate = 0) {
  RingEntry entry;
  entry.slot = ring.free_slot();
  entry.begin = entry.end = Time(i);
  entry.rate = rate;
  ring.push(entry);
}

std::vector<int> times(const Ring& ring, int nt) {
  std::vector<int> result;
  for (int i = 0; i < nt; ++i) result.push_back(static_cast<int>(ring.at(i).end.count()));
  return result;
}

TEST(Ring, RepeatsTheOldestEntryUntilItIsFull) {
  Ring ring(4);
  push(ring, 1);
  EXPECT_EQ(times(ring, 4), (std::vector<int>{1, 1, 1, 1}));
  push(ring, 2);
  EXPECT_EQ(times(ring, 4), (std::vector<int>{1, 1, 1, 2}));
  EXPECT_TRUE(ring.warming());
  push(ring, 3);
  push(ring, 4);
  EXPECT_FALSE(ring.warming());
  push(ring, 5);
  EXPECT_EQ(times(ring, 4), (std::vector<int>{2, 3, 4, 5}));
}

TEST(Ring, ASkippedTubeletIsACopyOfTheOneBeforeMarkedMissing) {
  Ring ring(3);
  EXPECT_FALSE(ring.repeat(Time(0), Time(0)));
  push(ring, 1);
  EXPECT_TRUE(ring.repeat(Time(2), Time(3)));
  EXPECT_EQ(ring.at(2).slot, ring.at(1).slot);
  EXPECT_EQ(ring.at(2).end, Time(3));
  EXPECT_EQ(ring.tubelets_missing(), 1);
  for (int i = 4; i < 7; ++i) push(ring, i);
  EXPECT_EQ(ring.tubelets_missing(), 0);
}

TEST(Ring, NeverHandsOutASlotThatTheWindowStillReads) {
  Ring ring(3);
  for (int i = 0; i < 50; ++i) {
    const int slot = ring.free_slot();
    EXPECT_LT(slot, ring.slots());
    for (int at = 0; i && at < 3; ++at) EXPECT_NE(ring.at(at).slot, slot);
    if (i % 7 == 3)
      ring.repeat(Time(i), Time(i));
    else
      push(ring, i);
  }
}

TEST(Ring, TakesAPushBackAsIfItHadNotBeen) {
  Ring ring(3);
  for (int i = 1; i <= 5; ++i) push(ring, i);
  push(ring, 6);
  ring.retract();
  EXPECT_EQ(times(ring, 3), (std::vector<int>{3, 4, 5}));
  push(ring, 7);
  EXPECT_EQ(times(ring, 3), (std::vector<int>{4, 5, 7}));
}

TEST(Ring, SaysMixedRateUntilEveryEntryHasTheNewOne) {
  Ring ring(3);
  for (int i = 0; i < 3; ++i) push(ring, i, 7.5 + 0.01 * i);  // jitter is no change
  EXPECT_FALSE(ring.mixed_rate());
  push(ring, 3, 5.0);
  EXPECT_TRUE(ring.mixed_rate());
  push(ring, 4, 5.0);
  EXPECT_TRUE(ring.mixed_rate());
  push(ring, 5, 5.0);
  EXPECT_FALSE(ring.mixed_rate());
}

TEST(Ring, UnknownRatesMixWithNothing) {
  Ring ring(2);
  push(ring, 0, 0);
  push(ring, 1, 7.5);
  EXPECT_FALSE(ring.mixed_rate());
}

TEST(Ring, ForgetsEverythingWhenCleared) {
  Ring ring(2);
  push(ring, 1);
  push(ring, 2);
  ring.clear();
  EXPECT_EQ(ring.size(), 0);
  EXPECT_TRUE(ring.warming());
}

}  // namespace
}  // namespace mone
