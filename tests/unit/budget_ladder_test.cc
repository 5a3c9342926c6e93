#include <gtest/gtest.h>

#include "engine/budget/ladder.h"
#include "engine/error.h"

namespace mone {
namespace {

TEST(Ladder, HasSixteenLevelsForFourExperts) {
  const Ladder ladder(4);
  ASSERT_EQ(ladder.size(), 16);
  for (int l = 0; l < 16; ++l) EXPECT_EQ(ladder.budget(l), kLadder[l]);
}

TEST(Ladder, LevelsBelowTheSmallestExpertFallTogether) {
  EXPECT_EQ(Ladder(3).budget(0), .25);
  EXPECT_EQ(Ladder(3).size(), 13);
  EXPECT_EQ(Ladder(2).budget(0), .5);
  EXPECT_EQ(Ladder(2).size(), 8);
  EXPECT_EQ(Ladder(5).size(), 16);
}

TEST(Ladder, OfAPlainModelIsFullWidthAlone) {
  const Ladder ladder(1);
  ASSERT_EQ(ladder.size(), 1);
  EXPECT_EQ(ladder.budget(0), 1);
  EXPECT_EQ(ladder.at_most(.3), 0);
  EXPECT_EQ(ladder.at_least(.3), 0);
}

TEST(Ladder, FindsTheLevelBelowAndAbove) {
  const Ladder ladder(4);
  EXPECT_EQ(ladder.budget(ladder.at_most(.5)), .5);
  EXPECT_EQ(ladder.budget(ladder.at_least(.5)), .5);
  EXPECT_EQ(ladder.budget(ladder.at_most(.62)), .55);
  EXPECT_EQ(ladder.budget(ladder.at_least(.62)), .65);
  EXPECT_EQ(ladder.at_most(.01), 0);
  EXPECT_EQ(ladder.at_most(7), 15);
  EXPECT_EQ(ladder.at_least(7), 15);
}

TEST(Ladder, IsNotThrownOffByRounding) {
  const Ladder ladder(4);
  EXPECT_EQ(ladder.budget(ladder.at_most(3 * .05)), .15);
  EXPECT_EQ(ladder.budget(ladder.at_least(3 * .05)), .15);
  EXPECT_EQ(ladder.budget(ladder.at_most(.1 + .2)), .3);
}

TEST(Ladder, RefusesExpertsThatNoModelHas) {
  EXPECT_THROW(Ladder(0), ConfigError);
  EXPECT_THROW(Ladder(6), ConfigError);
}

}  // namespace
}  // namespace mone
