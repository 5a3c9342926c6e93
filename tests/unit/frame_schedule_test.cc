#include "elements/frame_schedule.h"

#include <gtest/gtest.h>

#include <cmath>

namespace mone {
namespace {

constexpr uint64_t kSecond = 1000000000;

TEST(FrameSchedule, ASteadyRateFollowsTheGridAndIsInvertible) {
  FrameSchedule schedule;
  schedule.fps_n = 30000;
  schedule.fps_d = 1001;
  EXPECT_EQ(schedule.grid_time(0), 0u);
  EXPECT_EQ(schedule.grid_time(30000), 1001 * kSecond);
  for (int64_t n = 0; n < 1000; ++n) {
    EXPECT_EQ(schedule.frame_at(schedule.grid_time(n)), n);
    EXPECT_TRUE(schedule.sent(n));
  }
  EXPECT_EQ(schedule.frame_at(schedule.grid_time(int64_t{1} << 32)), int64_t{1} << 32);
}

TEST(FrameSchedule, JitterStaysInOrderAndNearTheGrid) {
  FrameSchedule schedule;
  schedule.vfr = VfrMode::kJitter;
  bool moved = false;
  for (int64_t n = 1; n < 2000; ++n) {
    EXPECT_GT(schedule.time(n), schedule.time(n - 1));
    const auto off = static_cast<int64_t>(schedule.time(n)) - static_cast<int64_t>(schedule.grid_time(n));
    EXPECT_LE(std::abs(off), static_cast<int64_t>(kSecond / 30 * 0.41));
    moved |= std::abs(off) > static_cast<int64_t>(kSecond / 300);
  }
  EXPECT_TRUE(moved);
}

TEST(FrameSchedule, DropLeavesOutAboutAQuarterAndDependsOnTheSeed) {
  FrameSchedule schedule, other;
  schedule.vfr = other.vfr = VfrMode::kDrop;
  other.seed = 1;
  int sent = 0, differ = 0;
  for (int64_t n = 0; n < 4000; ++n) {
    sent += schedule.sent(n);
    differ += schedule.sent(n) != other.sent(n);
  }
  EXPECT_NEAR(sent, 3000, 120);
  EXPECT_GT(differ, 1000);
}

TEST(FrameSchedule, SwingGoesFromFullRateToAThird) {
  FrameSchedule schedule;
  schedule.vfr = VfrMode::kSwing;
  const auto sent_in = [&](int64_t from, int64_t to) {
    int sent = 0;
    for (int64_t n = from; n < to; ++n) sent += schedule.sent(n);
    return sent;
  };
  EXPECT_EQ(sent_in(0, 30), 30);
  EXPECT_EQ(sent_in(105, 135), 10);
  EXPECT_EQ(sent_in(240, 270), 30);
}

TEST(FrameSchedule, GapsEndEachPeriod) {
  FrameSchedule schedule;
  schedule.fps_n = 10;
  schedule.gap_every = 2;
  schedule.gap_length = 0.5;
  for (int64_t n = 0; n < 100; ++n) EXPECT_EQ(schedule.sent(n), n % 20 < 15) << n;
}

}  // namespace
}  // namespace mone
