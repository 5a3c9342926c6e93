#include "engine/budget/controller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/error.h"
#include "tests/unit/budget_costs.h"

namespace mone {
namespace {

using test::linear_costs;

Time at(double seconds) { return Time(static_cast<Time::rep>(seconds * 1e9)); }

/// An engine that runs every tubelet at once, on a machine `slowness` times slower than measured.
struct Machine {
  explicit Machine(const CostTable& table, const ControllerOptions& options = {})
      : truth(table), controller(CostModel(table), options) {
    controller.on_decision([this](const Decision& d) { decisions.push_back(d); });
  }

  Verdict push(StreamId id, double rate, int queued = 0) {
    Arrival arrival;
    arrival.arrived = at(now);
    arrival.rate = rate;
    arrival.queued = queued;
    const Verdict verdict = controller.decide(id, at(now), arrival);
    if (verdict.skip) return verdict;
    const double taken = slowness * truth.per_tubelet(verdict.budget, 1, verdict.predict);
    const Done done[] = {{id, verdict.budget, verdict.predict}};
    controller.finished(done, at(now), at(now + taken));
    return verdict;
  }
  /// All streams in turn, evenly, for so long. @return what each got last
  std::vector<Verdict> play(const std::vector<StreamId>& ids, double rate, double seconds) {
    std::vector<Verdict> last(ids.size());
    const double end = now + seconds;
    while (now < end)
      for (std::size_t i = 0; i < ids.size(); ++i, now += 1 / rate / static_cast<double>(ids.size()))
        last[i] = push(ids[i], rate);
    return last;
  }
  std::vector<StreamId> add(int count, const StreamTerms& terms = {}) {
    std::vector<StreamId> ids;
    for (int i = 0; i < count; ++i) ids.push_back(controller.add(terms, at(now)));
    return ids;
  }

  CostModel truth;
  Controller controller;
  double now = 1, slowness = 1;
  std::vector<Decision> decisions;
};

TEST(Controller, AnIdleMachineStaysAtTheTop) {
  Machine m(linear_costs());
  const auto ids = m.add(2);
  EXPECT_EQ(m.play(ids, 7.5, 5)[0].budget, 1);
  EXPECT_TRUE(m.decisions.empty());
}

TEST(Controller, TakesTheLargestCommonLevelWithinTheUtilisation) {
  Machine m(linear_costs());  // 10 ms at full: 20 x 7.5 x 10 ms = 1.5 of the machine
  const auto ids = m.add(20);
  const auto last = m.play(ids, 7.5, 3);
  for (const Verdict& v : last) {
    EXPECT_EQ(v.budget, .5);  // .825; the next level, .55, would be .8925
    EXPECT_TRUE(v.predict);
  }
  EXPECT_NEAR(m.controller.view().load, .825, .01);
}

TEST(Controller, FollowsTheFrameRateWithinASecond) {
  Machine m(linear_costs(.100));  // 7.5 x 100 ms = .75; 10/s would be 1
  const auto ids = m.add(1);
  EXPECT_EQ(m.play(ids, 5, 5)[0].budget, 1);
  EXPECT_EQ(m.play(ids, 12, 1)[0].budget, .65);  // .822
  EXPECT_EQ(m.play(ids, 5, 1)[0].budget, 1);
  EXPECT_EQ(m.decisions.size(), 2u);
  EXPECT_EQ(m.decisions[0].cause, Decision::Cause::kRate);
}

TEST(Controller, WeightsAreRespected) {
  Machine m(linear_costs());
  StreamTerms heavy;
  heavy.weight = 2;
  auto ids = m.add(10);
  const auto more = m.add(10, heavy);
  ids.insert(ids.end(), more.begin(), more.end());
  const auto last = m.play(ids, 7.5, 3);
  EXPECT_NEAR(last[15].budget / last[0].budget, 2, .35);  // to a level
}

TEST(Controller, StaysInsideMinimumAndMaximum) {
  Machine m(linear_costs());
  StreamTerms high, low, between;
  high.budget_min = .8;
  low.budget_max = .3;
  between.budget_min = .22, between.budget_max = .24;  // no level in there
  const StreamId a = m.add(1, high)[0], b = m.add(1, low)[0], c = m.add(1, between)[0];
  auto ids = m.add(25);
  ids.insert(ids.end(), {a, b, c});
  for (int i = 0; i < 30; ++i) {
    const auto last = m.play(ids, 7.5, .3);
    EXPECT_GE(last[25].budget, .8);
    EXPECT_LE(last[26].budget, .3);
    EXPECT_EQ(last[27].budget, .24);
  }
}

TEST(Controller, AFixedBudgetStaysAndOthersGiveWay) {
  Machine m(linear_costs());
  StreamTerms fixed;
  fixed.fixed = true;
  fixed.budget = .62;
  auto ids = m.add(10, fixed);
  const auto more = m.add(10);
  ids.insert(ids.end(), more.begin(), more.end());
  const auto last = m.play(ids, 7.5, 3);
  EXPECT_EQ(last[0].budget, .62);
  EXPECT_EQ(last[15].budget, .4);  // .8425
}

/// Half of a tubelet's cost at the floor is predicting: as good as joint.
CostTable costly_predictions() { return linear_costs(.010, .6, 1, 4, .4); }

TEST(Controller, SurrendersInOrderAndRecoversInReverse) {
  Machine m(costly_predictions());
  StreamTerms terms;
  terms.budget_min = .5;  // .8 of budget 1, half of it predicting
  const auto ids = m.add(14, terms);
  EXPECT_EQ(m.play(ids, 7.5, 3)[0].budget, .5);  // .84
  m.slowness = 1.2;                              // 1.008; with every 2nd .756
  m.play(ids, 7.5, 5);
  EXPECT_EQ(m.controller.view().hop, 2);
  m.slowness = 1.5;  // .945; with every 4th .7875
  m.play(ids, 7.5, 5);
  EXPECT_EQ(m.controller.view().hop, 4);
  EXPECT_EQ(m.controller.view(ids[0]).skipped, 0u);
  m.slowness = 3;
  m.play(ids, 7.5, 5);
  EXPECT_LT(m.controller.view(ids[0]).run, .7);
  EXPECT_GT(m.controller.view(ids[0]).skipped, 0u);
  EXPECT_LE(m.controller.view().load, .9);

  m.decisions.clear();
  m.slowness = .9;
  m.play(ids, 7.5, 30);
  std::vector<int> hops;
  for (const Decision& d : m.decisions) {
    if (hops.empty() || hops.back() != d.hop) hops.push_back(d.hop);
    EXPECT_EQ(d.cause, Decision::Cause::kRecovery) << to_string(d);
  }
  EXPECT_THAT(hops, testing::ElementsAre(4, 2, 1));
  EXPECT_EQ(m.decisions.front().run, 1);
  for (std::size_t i = 1; i < m.decisions.size(); ++i)
    EXPECT_GE(m.decisions[i].at - m.decisions[i - 1].at, std::chrono::seconds(2));
  EXPECT_GE(m.controller.view(ids[0]).budget, .5);
}

TEST(Controller, AHopThatSavesLittleIsPassedOverAndNoMoreIsSkippedThanMust) {
  Machine m(linear_costs());  // predicting is .09 of a tubelet at budget .5
  StreamTerms terms;
  terms.budget_min = .5;
  const auto ids = m.add(20, terms);
  m.play(ids, 7.5, 3);  // .825
  m.slowness = 1.3;     // 1.0725: .79 of the tubelets can be had
  m.play(ids, 7.5, 5);
  const StreamView before = m.controller.view(ids[0]);
  m.play(ids, 7.5, 20);
  const StreamView after = m.controller.view(ids[0]);
  EXPECT_EQ(m.controller.view().hop, 1);
  EXPECT_EQ(after.not_predicted, 0u);
  const double ran = static_cast<double>(after.processed - before.processed);
  EXPECT_NEAR(ran / (ran + static_cast<double>(after.skipped - before.skipped)), .85 / 1.0725, .03);
  m.slowness = 1;
  m.play(ids, 7.5, 20);
  EXPECT_EQ(m.controller.view(ids[0]).run, 1);
}

TEST(Controller, ALevelThatSavesNothingIsNotUsed) {
  CostTable table = linear_costs();
  for (int l = 0; l < Ladder(table.experts).size(); ++l)
    if (kLadder[l] <= .5) table.single[l] = table.single[0], table.batch[l] = table.batch[0];
  Machine m(table);
  const auto ids = m.add(200);  // far more than fit at any level
  int skipped = 0;
  for (const Verdict& v : m.play(ids, 7.5, 5)) {
    skipped += v.skip;
    if (!v.skip) {
      EXPECT_EQ(v.budget, .5);
    }
  }
  EXPECT_GT(skipped, 0);
}

TEST(Controller, SeveralLanesAreAsManyTimesTheMachine) {
  Machine m(linear_costs(), {.85, 3});
  const auto ids = m.add(60);  // 4.5 lanes at budget 1
  EXPECT_EQ(m.play(ids, 7.5, 3)[0].budget, .5);
  EXPECT_NEAR(m.controller.view().load, .825, .01);
  EXPECT_THROW(Controller(CostModel(linear_costs()), {.85, 0}), ConfigError);
}

TEST(Controller, AWideHopPredictsEveryFourthTubelet) {
  Machine m(costly_predictions());
  StreamTerms terms;
  terms.fixed = true;
  const auto ids = m.add(16, terms);  // 1.2 of the machine at budget 1; every 2nd: .96; every 4th: .84
  m.play(ids, 7.5, 3);
  EXPECT_EQ(m.controller.view().hop, 4);
  const StreamView before = m.controller.view(ids[0]);
  m.play(ids, 7.5, 40 / 7.5);
  const StreamView after = m.controller.view(ids[0]);
  EXPECT_NEAR(static_cast<double>(after.processed - before.processed), 40, 1);
  EXPECT_NEAR(static_cast<double>(after.not_predicted - before.not_predicted), 30, 1);
}

TEST(Controller, RegionsOfAStreamTakeTurns) {
  Machine m(costly_predictions());
  StreamTerms terms;
  terms.fixed = true;
  const auto ids = m.add(16, terms);
  m.play(ids, 7.5, 3);
  ASSERT_EQ(m.controller.view().hop, 4);
  // Four people in front of the first camera, always in the same order.
  Rounds rounds[4];
  int predicted[4] = {};
  const std::vector<StreamId> others(ids.begin() + 1, ids.end());
  for (int moment = 0; moment < 40; ++moment) {
    m.play(others, 7.5, 4 / 7.5);
    int now = 0;
    for (int k = 0; k < 4; ++k) {
      const Arrival arrival{.arrived = at(m.now), .rate = 7.5, .regions = 4, .rounds = &rounds[k]};
      const Verdict verdict = m.controller.decide(ids[0], at(m.now), arrival);
      predicted[k] += !verdict.skip && verdict.predict;
      now += !verdict.skip && verdict.predict;
    }
    ASSERT_EQ(m.controller.view().hop, 4);
    EXPECT_LE(now, 2) << "not all on the same tubelet";
  }
  for (const int p : predicted) EXPECT_NEAR(p, 10, 1);
}

TEST(Controller, ATubeletThatWouldBeLateIsLoweredAlone) {
  Machine m(linear_costs(.100));
  const auto ids = m.add(1);
  m.play(ids, 5, 3);
  Arrival arrival;
  arrival.arrived = at(m.now);
  arrival.rate = 5;
  const Verdict v = m.controller.decide(ids[0], at(m.now + .15), arrival);  // 50 ms left
  EXPECT_EQ(v.reason, Reason::kDeadline);
  EXPECT_LE(m.truth.seconds(v.budget, 1), .05);
  EXPECT_GE(m.truth.seconds(v.budget, 1), .04);
  EXPECT_EQ(m.controller.view(ids[0]).lowered, 1u);
  EXPECT_EQ(m.controller.view(ids[0]).budget, 1);  // the plan holds
  EXPECT_TRUE(m.decisions.empty());
}

TEST(Controller, LatencyTargetIsADeadline) {
  Machine m(linear_costs(.100));
  StreamTerms terms;
  terms.latency_target = std::chrono::milliseconds(60);
  const auto ids = m.add(1, terms);
  Arrival arrival;
  arrival.arrived = at(m.now);
  arrival.rate = 5;
  EXPECT_EQ(m.controller.deadline(ids[0], arrival), at(m.now + .06));
  EXPECT_LE(m.truth.seconds(m.controller.decide(ids[0], at(m.now), arrival).budget, 1), .06);
}

TEST(Controller, ALateTubeletWithNewerOnesWaitingIsSkipped) {
  Machine m(linear_costs(.100));
  const auto ids = m.add(1);
  m.play(ids, 5, 3);
  Arrival arrival;
  arrival.arrived = at(m.now);
  arrival.rate = 5;
  arrival.queued = 2;
  EXPECT_EQ(m.controller.decide(ids[0], at(m.now + .3), arrival).reason, Reason::kLate);
  arrival.queued = 1;  // the next one still keeps the window whole
  const Verdict next = m.controller.decide(ids[0], at(m.now + .3), arrival);
  EXPECT_FALSE(next.skip);
  EXPECT_FALSE(next.predict);
  EXPECT_EQ(next.budget, .125);
  arrival.queued = 0;
  EXPECT_TRUE(m.controller.decide(ids[0], at(m.now + .3), arrival).predict);
}

TEST(Controller, AFloodIsSkippedAndCostsTheOthersNothing) {
  Machine m(linear_costs());
  const auto ids = m.add(10);  // .75
  m.play(ids, 7.5, 3);
  const double end = m.now + 5;
  int skipped = 0, ran = 0;
  for (int i = 0; m.now < end; ++i, m.now += 1 / 75.) {  // one sends ten times as many as it says
    (m.push(ids[0], 7.5).skip ? skipped : ran)++;
    EXPECT_EQ(m.push(ids[1 + i % 9], 7.5).budget, 1);
  }
  EXPECT_NEAR(ran / 5., 1.25 * 7.5, 2.5);
  EXPECT_GT(skipped, 300);
}

TEST(Controller, StreamsThatAreNotLiveRunAtTheirMaximumAndAreNotPlannedFor) {
  Machine m(linear_costs());
  StreamTerms file;
  file.live = false;
  file.budget_max = .9;
  auto live = m.add(5);
  const auto files = m.add(50, file);
  for (int i = 0; i < 200; ++i, m.now += .001) EXPECT_EQ(m.push(files[i % 50], 100, 7).budget, .9);
  EXPECT_EQ(m.controller.deadline(files[0], {}), Time::max());
  EXPECT_EQ(m.play(live, 7.5, 2)[0].budget, 1);
}

TEST(Controller, AViewTellsTheBudgetOfAStreamThatStopsBeingLive) {
  Machine m(linear_costs());
  const auto ids = m.add(20);
  EXPECT_EQ(m.play(ids, 7.5, 3)[0].budget, .5);
  StreamTerms file;
  file.live = false;
  const auto told = [&] {
    m.controller.set(ids[0], file, at(m.now));
    const StreamView view = m.controller.view(ids[0]);
    EXPECT_EQ(view.budget, m.push(ids[0], 7.5).budget);
    EXPECT_NEAR(view.seconds, m.truth.per_tubelet(view.budget, 1), 1e-4);
    return view.budget;
  };
  EXPECT_EQ(told(), 1);
  file.budget_max = .8;
  EXPECT_EQ(told(), .8);
  file.fixed = true, file.budget = .33;
  EXPECT_EQ(told(), .33);
  file.live = true, file.fixed = false;
  EXPECT_EQ(told(), .5);
}

TEST(Controller, AStalledStreamLeavesItsShareToTheOthers) {
  Machine m(linear_costs());
  const auto ids = m.add(20);
  EXPECT_EQ(m.play(ids, 7.5, 3)[0].budget, .5);
  EXPECT_EQ(m.play({ids.begin(), ids.begin() + 10}, 7.5, 2)[0].budget, 1);
  EXPECT_EQ(m.play(ids, 7.5, 1)[0].budget, .5);
}

TEST(Controller, StreamsComeAndGoAndOldNamesMeanNothing) {
  Machine m(linear_costs());
  auto ids = m.add(20);
  m.play(ids, 7.5, 3);
  const StreamId gone = ids.back();
  m.controller.remove(gone, at(m.now));
  ids.pop_back();
  EXPECT_TRUE(m.push(gone, 7.5).skip);
  const StreamId next = m.add(1)[0];
  EXPECT_NE(next, gone);
  m.controller.remove(gone, at(m.now));
  EXPECT_FALSE(m.push(next, 7.5).skip);
  const Done late[] = {{gone, 1}};
  m.controller.finished(late, at(m.now), at(m.now + .01));
  EXPECT_EQ(m.controller.view(gone).processed, 0u);
  EXPECT_EQ(m.controller.view().streams, 20);
}

TEST(Controller, TubeletsThatTookSeveralCallsCountButTeachNothing) {
  Machine m(linear_costs());
  const auto ids = m.add(2);
  m.play(ids, 7.5, 2);
  const StreamView before = m.controller.view(ids[0]);
  const long observed = m.controller.cost().observations();
  const Done done[] = {{ids[0], 1}, {ids[1], 1}};
  m.controller.finished(done, at(m.now), at(m.now + 5), false);
  EXPECT_EQ(m.controller.view(ids[0]).processed, before.processed + 1);
  EXPECT_EQ(m.controller.cost().observations(), observed);
  EXPECT_EQ(m.controller.view().batch, 1);
  EXPECT_EQ(m.controller.view(ids[0]).seconds, before.seconds);
}

TEST(Controller, TermsAndUtilisationActAtOnce) {
  Machine m(linear_costs());
  const auto ids = m.add(20);
  m.play(ids, 7.5, 3);
  m.controller.set_utilisation(.5, at(m.now));
  EXPECT_EQ(m.push(ids[0], 7.5).budget, .25);
  m.controller.set_utilisation(.85, at(m.now));
  EXPECT_EQ(m.push(ids[0], 7.5).budget, .5);
  StreamTerms cheap;
  cheap.budget_max = .2;
  for (int i = 0; i < 10; ++i) m.controller.set(ids[i], cheap, at(m.now));
  EXPECT_EQ(m.push(ids[0], 7.5).budget, .2);
  EXPECT_EQ(m.push(ids[15], 7.5).budget, .8);
}

TEST(Controller, DownstreamsComplaintLowersAndIsForgotten) {
  Machine m(linear_costs());
  const auto ids = m.add(1);
  m.play(ids, 7.5, 2);
  m.controller.qos(ids[0], 2, at(m.now));
  EXPECT_EQ(m.push(ids[0], 7.5).budget, .4);
  m.play(ids, 7.5, 30);
  EXPECT_EQ(m.push(ids[0], 7.5).budget, 1);
}

TEST(Controller, AComplaintThatIsRepeatedBeforeATubeletRanLowersOnce) {
  Machine m(linear_costs());
  const auto ids = m.add(1);
  m.play(ids, 7.5, 2);
  m.controller.qos(ids[0], 1.05, at(m.now));
  EXPECT_EQ(m.controller.view(ids[0]).budget, .85);  // .865 of the cost; .95 has .955
  for (int i = 0; i < 11; ++i, m.now += .01) m.controller.qos(ids[0], 1.05, at(m.now));
  EXPECT_EQ(m.controller.view(ids[0]).budget, .85);
  EXPECT_EQ(m.push(ids[0], 7.5).budget, .85);
  m.controller.qos(ids[0], 1.05, at(m.now));
  EXPECT_EQ(m.controller.view(ids[0]).budget, .8);
}

TEST(Controller, AClockThatJumpsDoesNotHoldItUp) {
  for (const double jump : {3600., -3600.}) {
    Machine m(linear_costs());
    m.now = 10000;
    const auto ids = m.add(20);
    m.play(ids, 7.5, 3);
    m.now += jump;
    m.slowness = 3;
    EXPECT_EQ(m.play(ids, 7.5, 2)[0].budget, .125) << jump;
    m.slowness = 1;
    EXPECT_EQ(m.play(ids, 7.5, 20)[0].budget, .5) << jump;
  }
}

TEST(Controller, SaysWhyInALine) {
  Machine m(linear_costs(.100));
  StreamTerms door;
  door.name = "door";
  const auto ids = m.add(1, door);
  m.play(ids, 5, 3);
  m.play(ids, 12, 1);
  ASSERT_EQ(m.decisions.size(), 1u);
  EXPECT_EQ(to_string(m.decisions[0]),
            "level 1 -> 0.65, door changed its rate: load 1.20 -> 0.82 of 0.85, 1 stream, 12 tubelets/s, "
            "budgets 0.65, machine at 1.00 x the measured cost");
}

TEST(Controller, RefusesTermsThatMakeNoSense) {
  Machine m(linear_costs());
  const auto refused = [&](auto change) {
    StreamTerms terms;
    change(terms);
    EXPECT_THROW(m.controller.add(terms, at(0)), ConfigError);
  };
  refused([](StreamTerms& t) { t.weight = 0; });
  refused([](StreamTerms& t) { t.weight = NAN; });
  refused([](StreamTerms& t) { t.budget_min = 0; });
  refused([](StreamTerms& t) { t.budget_max = 1.5; });
  refused([](StreamTerms& t) { t.budget_min = .6, t.budget_max = .5; });
  refused([](StreamTerms& t) { t.budget = NAN; });
  refused([](StreamTerms& t) { t.latency_target = Time(-1); });
  EXPECT_THROW(m.controller.set_utilisation(0, at(0)), ConfigError);
  EXPECT_THROW(m.controller.set_utilisation(1.1, at(0)), ConfigError);
}

}  // namespace
}  // namespace mone
