#include "engine/sampling.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace mone {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Kind = SampleStep::Kind;

TubeletFormat contract(double nominal = 7.5) {
  TubeletFormat f;
  f.rate_nominal = nominal;
  return f;  // 4 to 12.5 tubelets of two frames a second
}

Time at(double s) { return Time(static_cast<Time::rep>(s * 1e9)); }

/// Every step with the number of the frame that is the newest picture then.
struct Log {
  std::vector<Time> taken, repeated;
  std::vector<int> frames;  // per step
  int restarts = 0, loads = 0, frame = -1, newest = -1;
  SamplingState state;

  void add(std::span<const SampleStep> steps) {
    for (const SampleStep& s : steps) {
      if (s.kind == Kind::kRestart) ++restarts;
      if (s.kind == Kind::kLoad) {
        ++loads;
        newest = frame;
      }
      if (s.kind != Kind::kTake && s.kind != Kind::kRepeat) continue;
      (s.kind == Kind::kTake ? taken : repeated).push_back(s.time);
      frames.push_back(newest);
      state = s.state;
    }
  }
  void push(Sampler& sampler, Time time) {
    ++frame;
    add(sampler.push(time));
  }
};

Log constant(Sampler& sampler, double fps, double duration, double start = 0) {
  Log log;
  for (int i = 0; i < duration * fps; ++i) log.push(sampler, at(start + i / fps));
  return log;
}

TEST(BestStride, IsWhatTheArchitectureSays) {
  const std::pair<double, double> table[] = {{30, 7.5}, {25, 6.25}, {15, 7.5},
                                             {10, 5},   {60, 7.5},  {120, 7.5}};
  for (const auto& [fps, rate] : table)
    EXPECT_NEAR(fps / (2 * best_stride(contract(), fps)), rate, 1e-9) << fps;
}

TEST(BestStride, TiesGoToTheFaster) {
  TubeletFormat f = contract();
  f.rate_nominal = std::sqrt(10.0 * 5.0);  // 20 fps gives 10 or 5: equally far in ratio
  EXPECT_EQ(best_stride(f, 20), 1);
}

TEST(BestStride, IsFoundAtOnceHoweverFastTheSourceSaysItIs) {
  TubeletFormat f = contract();
  EXPECT_EQ(best_stride(f, 1e9), 66666667);
  EXPECT_EQ(best_stride(f, 1e12), 0);
  f.rate_min = 1e-9;
  EXPECT_EQ(best_stride(f, 30), 2);
}

TEST(BestStride, IsNoneWhereTheRangeHasNoRoom) {
  EXPECT_EQ(best_stride(contract(), 5), 0);
  TubeletFormat f = contract();
  f.rate_min = 7;
  f.rate_max = 8;
  EXPECT_EQ(best_stride(f, 25), 0);
}

class Rates : public testing::TestWithParam<std::pair<double, double>> {};

TEST_P(Rates, FollowTheArchitecturesTableWithAndWithoutCaps) {
  const auto [fps, rate] = GetParam();
  for (const double declared : {fps, 0.0}) {
    Sampler sampler(contract(), {});
    sampler.declare_frame_rate(declared);
    const Log log = constant(sampler, fps, 4);
    EXPECT_NEAR(log.state.rate, rate, 0.01);
    EXPECT_EQ(log.state.stride, static_cast<int>(std::lround(fps / rate / 2)));
    EXPECT_FALSE(log.state.rate_out_of_range);
    EXPECT_TRUE(log.repeated.empty());
    EXPECT_EQ(sampler.counters().missing, 0u);
    EXPECT_NEAR(static_cast<double>(log.taken.size()), rate * 2 * 4, declared > 0 ? 1.01 : 3);
  }
}
INSTANTIATE_TEST_SUITE_P(Architecture, Rates,
                         testing::Values(std::pair{30., 7.5}, std::pair{25., 6.25}, std::pair{15., 7.5},
                                         std::pair{10., 5.}, std::pair{60., 7.5},
                                         std::pair{30000 / 1001., 7.4925}, std::pair{24., 6.},
                                         std::pair{50., 50 / 6.}));

TEST(Follow, TakesEveryStrideThFrame) {
  Sampler sampler(contract(), {});
  sampler.declare_frame_rate(60);
  EXPECT_EQ(constant(sampler, 60, 0.4).frames, (std::vector{0, 4, 8, 12, 16, 20}));
}

TEST(Follow, SaysWhenTheRateFitsNoStride) {
  Sampler sampler(contract(), {});
  const Log log = constant(sampler, 5, 4);
  EXPECT_TRUE(log.state.rate_out_of_range);
  EXPECT_EQ(log.state.stride, 1);
  EXPECT_NEAR(log.state.rate, 2.5, 1e-6);
}

TEST(Follow, AFixedStrideFollowsTheFrameRateInFull) {
  Sampler sampler(contract(), {.stride = 3});
  const Log log = constant(sampler, 30, 2);
  EXPECT_NEAR(log.state.rate, 5, 1e-6);
  EXPECT_EQ(log.frames[5], 15);
}

TEST(Follow, TrustsTheCapsForOneSecondAndThenTheTimestamps) {
  Sampler sampler(contract(), {});
  sampler.declare_frame_rate(30);  // it is 15
  Log log;
  for (int i = 0; i < 10; ++i) log.push(sampler, at(i / 15.));
  EXPECT_EQ(log.state.stride, 2);
  for (int i = 10; i < 40; ++i) log.push(sampler, at(i / 15.));
  EXPECT_EQ(log.state.stride, 1);
  EXPECT_NEAR(log.state.rate, 7.5, 1e-6);
}

TEST(Follow, RecoversFromRatesThatCannotBe) {
  for (const double declared : {90000., 240., 0.}) {
    Sampler sampler(contract(), {});
    sampler.declare_frame_rate(declared);
    Log log;
    for (int i = 0; i < 5; ++i) log.push(sampler, milliseconds(i));  // a burst, then 15 frames a second
    for (int i = 0; i < 45; ++i) log.push(sampler, milliseconds(5) + at(i / 15.));
    EXPECT_EQ(log.state.stride, 1) << declared;
    EXPECT_NEAR(log.state.rate, 7.5, 1e-3) << declared;
    EXPECT_GE(log.frames.size(), 25u) << declared;
  }
}

TEST(Follow, ABurstAfterAStallIsNoRate) {
  // Stamped on arrival: 0.8 s of frames come at once.
  Sampler sampler(contract(), {});
  Log log;
  double t = 0;
  for (; t < 3; t += 1 / 30.) log.push(sampler, at(t));
  t += 0.8;
  for (int i = 0; i < 24; ++i) log.push(sampler, at(t + i * 1e-4));
  for (const double end = t + 3; t < end; t += 1 / 30.) {
    log.push(sampler, at(t + 0.01));
    EXPECT_EQ(log.state.stride, 2);
    EXPECT_NEAR(log.state.rate, 7.5, 0.1);
  }
  EXPECT_LE(sampler.counters().missing, 25u);
  EXPECT_EQ(log.restarts, 1);
}

TEST(Follow, AFasterSourceAfterAPauseIsBelieved) {
  Sampler sampler(contract(), {});
  Log log;
  double t = 0;
  for (; t < 3; t += 1 / 5.) log.push(sampler, at(t));
  t += 600;
  for (const double end = t + 1.5; t < end; t += 1 / 30.) log.push(sampler, at(t));
  EXPECT_NEAR(log.state.rate, 7.5, 0.1);
}

TEST(Follow, FramesThatArriveInGroupsHaveTheRateTheyHadBefore) {
  Sampler sampler(contract(), {});
  Log log;
  double t = 0;
  for (; t < 3; t += 1 / 30.) log.push(sampler, at(t));
  for (const double end = t + 4; t < end; t += 0.2)
    for (int i = 0; i < 6; ++i) {
      log.push(sampler, at(t + i * 1e-4));
      EXPECT_NEAR(log.state.rate, 7.5, 0.5) << t;
    }
}

TEST(Follow, NoTimestampsMakeMoreStepsThanACameraCouldHaveSent) {
  for (const bool asked : {false, true}) {
    Sampler sampler(contract(), {});
    double t = 0;
    for (; t < 1.04; t += 1 / 25.) sampler.push(at(t));
    Time now = at(t);
    for (int i = 0; i < 300; ++i) EXPECT_LE(sampler.push(now += std::chrono::nanoseconds(1)).size(), 310u);
    if (asked) {
      EXPECT_LE(sampler.gap(now + milliseconds(900)).size(), 310u);
    }
    EXPECT_LE(sampler.push(now + milliseconds(900)).size(), 310u);
    EXPECT_LE(sampler.counters().missing, 600u);
  }
}

TEST(Follow, AdaptsWithinAboutASecondWhenACameraSlowsDownAndSpeedsUp) {
  Sampler sampler(contract(), {});
  sampler.declare_frame_rate(30);
  Log log;
  double t = 0;
  for (; t < 3; t += 1 / 30.) log.push(sampler, at(t));
  for (const double end = t + 1.3; t < end; t += 1 / 10.) log.push(sampler, at(t));
  EXPECT_EQ(log.state.stride, 1);
  EXPECT_NEAR(log.state.rate, 5, 0.1);
  for (const double end = t + 1.3; t < end; t += 1 / 30.) log.push(sampler, at(t));
  EXPECT_EQ(log.state.stride, 2);
  EXPECT_NEAR(log.state.rate, 7.5, 0.1);
  EXPECT_EQ(log.restarts, 1);
}

TEST(Follow, ASourceThatBecomesMuchSlowerIsBelievedBeforeItsLabelsStop) {
  Sampler sampler(contract(), {});
  sampler.declare_frame_rate(60);
  Log log;
  double t = 0;
  for (; t < 3; t += 1 / 60.) log.push(sampler, at(t));
  const auto taken = log.frames.size();
  for (const double end = t + 0.75; t < end; t += 1 / 10.) log.push(sampler, at(t));
  EXPECT_GE(log.frames.size(), taken + 3) << "half a second to notice, then every frame";
  EXPECT_EQ(log.state.stride, 1);
  EXPECT_NEAR(log.state.rate, 5, 0.1);
  EXPECT_EQ(log.restarts, 1);
}

TEST(Follow, AMissingFrameIsRepeatedAndCounted) {
  Sampler sampler(contract(), {});
  sampler.declare_frame_rate(30);
  Log log;
  for (int i = 0; i < 60; ++i) {
    log.frame = i - 1;
    if (i != 30) log.push(sampler, at(i / 30.));
  }
  ASSERT_EQ(log.repeated.size(), 1u);
  EXPECT_NEAR(static_cast<double>(log.repeated[0].count()), 1e9, 1e6);
  EXPECT_EQ(log.frames[14], 28);
  EXPECT_EQ(log.frames[15], 28);  // instead of 30
  EXPECT_EQ(log.frames[16], 32);  // the grid goes on
  EXPECT_EQ(sampler.counters().missing, 1u);
}

TEST(Follow, AMissingFrameThatWasNotWantedIsCountedOnly) {
  Sampler sampler(contract(), {});
  sampler.declare_frame_rate(30);
  Log log;
  for (int i = 0; i < 60; ++i)
    if (i != 31) log.push(sampler, at(i / 30.));
  EXPECT_TRUE(log.repeated.empty());
  EXPECT_EQ(sampler.counters().missing, 1u);
}

TEST(Follow, JitterMovesNeitherTheStrideNorTheCount) {
  std::mt19937 random(1);
  std::uniform_real_distribution<double> jitter(-0.25, 0.25);
  for (const double fps : {25., 30., 10., 36.5}) {  // 36.5: two strides are nearly as good
    Sampler sampler(contract(), {});
    int changes = 0, stride = 0;
    Log log;
    for (int i = 0; i < 30 * fps; ++i) {
      log.push(sampler, at((i + 1 + jitter(random)) / fps));
      if (i < 2 * fps) stride = log.state.stride;
      changes += log.state.stride != stride;
      stride = log.state.stride;
    }
    EXPECT_LE(changes, fps == 36.5 ? 1 : 0) << fps;
    EXPECT_LT(static_cast<double>(log.repeated.size()), 0.05 * static_cast<double>(log.frames.size())) << fps;
    EXPECT_EQ(log.restarts, 1);
  }
}

TEST(Follow, TelecineAndMillisecondTimestampsAreNotMissingFrames) {
  Sampler film(contract(), {});
  Log log;
  double t = 0;
  for (int i = 0; i < 100; ++i, t += i % 2 ? 3 / 60. : 2 / 60.) log.push(film, at(t));
  EXPECT_NEAR(log.state.rate, 6, 0.2);  // 24 fps, every second frame
  EXPECT_EQ(film.counters().missing, 0u);

  Sampler rounded(contract(), {});
  rounded.declare_frame_rate(30);
  Log log2;
  for (int i = 0; i < 100; ++i) log2.push(rounded, milliseconds(i * 1000 / 30));
  EXPECT_EQ(log2.state.rate, 7.5);
  EXPECT_EQ(rounded.counters().missing, 0u);
  EXPECT_TRUE(log2.repeated.empty());
}

TEST(Follow, RandomLossDoesNotLookLikeALowerRate) {
  std::mt19937 random(9);
  Sampler sampler(contract(), {});
  Log log;
  int sent = 0, lost = 0;
  for (int i = 0; i < 600; ++i) {
    if (i > 0 && i < 599 && random() % 5 == 0) {
      ++lost;
      continue;
    }
    log.push(sampler, at(i / 30.));
    ++sent;
  }
  EXPECT_NEAR(log.state.rate, 7.5, 0.01);
  EXPECT_NEAR(static_cast<double>(sampler.counters().missing), lost, 0.1 * lost);
  EXPECT_NEAR(static_cast<double>(log.frames.size()), 300, 4);
}

TEST(Follow, ALongGapStartsAgainAndAShortOneDoesNot) {
  Sampler sampler(contract(), {});
  sampler.declare_frame_rate(30);
  Log log;
  for (int i = 0; i < 30; ++i) log.push(sampler, at(i / 30.));
  for (int i = 0; i < 30; ++i) log.push(sampler, at(1.8 + i / 30.));  // 0.83 s
  EXPECT_EQ(log.restarts, 1);
  EXPECT_GT(log.repeated.size(), 10u);
  for (int i = 0; i < 30; ++i) log.push(sampler, at(4 + i / 30.));  // 1.2 s
  EXPECT_EQ(log.restarts, 2);
  EXPECT_EQ(sampler.counters().restarts, 1u);
}

TEST(Follow, ASourceSlowerThanTheGapIsStillASource) {
  Sampler sampler(contract(), {});
  const Log log = constant(sampler, 0.5, 40);
  EXPECT_LE(log.restarts, 2);
  EXPECT_GE(log.taken.size(), 17u);
  EXPECT_TRUE(log.state.rate_out_of_range);
}

TEST(Follow, TimeThatGoesBackStartsAgainAndAFrameTwiceIsLate) {
  Sampler sampler(contract(), {});
  sampler.declare_frame_rate(30);
  Log log = constant(sampler, 30, 1, 10);
  log.push(sampler, at(10 + 29 / 30.));  // the same instant again
  EXPECT_EQ(sampler.counters().late, 1u);
  EXPECT_EQ(log.restarts, 1);
  log.push(sampler, at(3));
  EXPECT_EQ(log.restarts, 2);
  EXPECT_EQ(log.taken.back(), at(3));
}

TEST(Follow, AGapEventRepeatsWhatIsDueOnce) {
  Sampler sampler(contract(), {});
  sampler.declare_frame_rate(30);
  Log log = constant(sampler, 30, 1);  // last frame 29, last step 28
  log.add(sampler.gap(at(1.2)));
  EXPECT_EQ(log.repeated.size(), 3u);  // 30, 32, 34
  log.add(sampler.gap(at(1.2)));
  EXPECT_EQ(log.repeated.size(), 3u);
  log.push(sampler, at(1.2));  // frame 36
  EXPECT_EQ(log.repeated.size(), 3u);
  EXPECT_EQ(log.taken.back(), at(1.2));
}

TEST(Follow, AStrideChangesBetweenTubeletsOnly) {
  Sampler sampler(contract(), {.stride = 2});
  sampler.declare_frame_rate(30);
  Log log;
  for (int i = 0; i < 3; ++i) log.push(sampler, at(i / 30.));  // steps at 0 and 2: a tubelet
  for (int i = 3; i < 5; ++i) log.push(sampler, at(i / 30.));  // step at 4: the next one has begun
  sampler.set_options({.stride = 1});
  for (int i = 5; i < 10; ++i) log.push(sampler, at(i / 30.));
  EXPECT_EQ(log.frames, (std::vector{0, 2, 4, 6, 7, 8, 9}));
}

TEST(Nominal, ShowsTheNewestFrameAtOrBeforeEachGridPoint) {
  const SamplingOptions nominal{.mode = Sampling::kNominal};
  for (const double fps : {30., 25., 60., 10., 30000 / 1001.}) {
    Sampler sampler(contract(), nominal);
    Log log = constant(sampler, fps, 4);
    log.add(sampler.finish(at(4)));
    ASSERT_GE(log.frames.size(), 59u);
    for (std::size_t k = 0; k < log.frames.size(); ++k) {  // 15 grid points a second
      const int newest = static_cast<int>(std::floor(static_cast<double>(k) / 15 * fps + 1e-4));
      EXPECT_EQ(log.frames[k], newest) << fps << " fps, step " << k;
    }
    EXPECT_EQ(log.state.rate, 7.5);
    EXPECT_EQ(log.state.stride, 0);
  }
}

TEST(Nominal, RepeatsAndCountsWhereTheSourceIsSlower) {
  Sampler sampler(contract(), {.mode = Sampling::kNominal});
  Log log = constant(sampler, 5, 2);
  EXPECT_NEAR(static_cast<double>(log.repeated.size()) / static_cast<double>(log.frames.size()), 2 / 3.,
              0.05);
  for (std::size_t i = 1; i < log.repeated.size(); ++i) EXPECT_GT(log.repeated[i], log.repeated[i - 1]);
}

TEST(Nominal, StartsAgainAfterALongGap) {
  Sampler sampler(contract(), {.mode = Sampling::kNominal});
  Log log = constant(sampler, 30, 1);
  log.push(sampler, at(5));
  EXPECT_EQ(log.restarts, 2);
  EXPECT_EQ(log.taken.back(), at(5));
}

TEST(Nominal, ALastPictureThatStandsForAnHourIsNotAnHourOfVideo) {
  Sampler sampler(contract(), {.mode = Sampling::kNominal});
  constant(sampler, 30, 1);
  EXPECT_LE(sampler.finish(at(3600)).size(), 60u);
}

TEST(Sampler, AnotherModeStartsAgain) {
  Sampler sampler(contract(), {});
  Log log = constant(sampler, 30, 1);
  sampler.set_options({.mode = Sampling::kNominal});
  log.push(sampler, at(1));
  EXPECT_EQ(log.restarts, 2);
}

}  // namespace
}  // namespace mone
