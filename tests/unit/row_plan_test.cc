#include "engine/row_plan.h"

#include <gtest/gtest.h>

#include <set>

#include "engine/backend/host_routing.h"

namespace mone {
namespace {

const Counts kSmall{2, 1, 0}, kLarge{0, 1, 2};

std::vector<int> visited(const RowPlan& plan, int item) {
  std::vector<int> rows;
  for (const Segment& s : plan.segments(item))
    for (int row = s.begin; row < s.begin + s.count; ++row) rows.push_back(row);
  return rows;
}

TEST(RowPlan, RowsOfAnExpertOrLargerAreAPrefix) {
  RowPlan plan(2, 3);
  const Counts counts[] = {kSmall, kLarge};
  plan.lay_out(counts, ClsRow::kApart);
  EXPECT_EQ(plan.rows(), 8);
  EXPECT_EQ(plan.rows_from(3), 0);
  EXPECT_EQ(plan.rows_from(2), 4);  // two class tokens and the large item's two
  EXPECT_EQ(plan.rows_from(1), 6);
  EXPECT_EQ(plan.expert_of(0), 2);
  EXPECT_EQ(plan.expert_of(5), 1);
  EXPECT_EQ(plan.expert_of(7), 0);
}

TEST(RowPlan, AnItemAloneAndItemsAtFullBudgetAreEven) {
  RowPlan plan(3, 3);
  const Counts full[] = {{0, 0, 3}, {0, 0, 3}, {0, 0, 3}};
  plan.lay_out(full, ClsRow::kApart);
  EXPECT_TRUE(plan.even());
  EXPECT_EQ(visited(plan, 1), (std::vector<int>{4, 5, 6, 7}));
  plan.lay_out({&kSmall, 1}, ClsRow::kApart);
  EXPECT_TRUE(plan.even());
  const Counts counts[] = {kSmall, kLarge};
  plan.lay_out(counts, ClsRow::kApart);
  EXPECT_FALSE(plan.even());
}

TEST(RowPlan, EveryRowBelongsToOneItem) {
  RowPlan plan(2, 3);
  const Counts counts[] = {kSmall, kLarge};
  for (const ClsRow cls : {ClsRow::kNone, ClsRow::kApart, ClsRow::kCounted}) {
    plan.lay_out(counts, cls);
    std::multiset<int> rows;
    for (int item = 0; item < 2; ++item)
      for (const int row : visited(plan, item)) rows.insert(row);
    EXPECT_EQ(rows.size(), static_cast<std::size_t>(plan.rows()));
    for (int row = 0; row < plan.rows(); ++row) EXPECT_EQ(rows.count(row), 1u);
  }
}

TEST(RowPlan, AnItemsRowsAreVisitedInTheSameOrderAloneAndInABatch) {
  RowPlan plan(2, 3);
  const Counts both[] = {kSmall, kLarge};
  const std::uint8_t experts[] = {0, 1, 0, 2, 1, 2};
  HostRouting routing(8, 3);
  const auto raster = [&](int item, int first) {
    std::vector<int> rows;
    for (const int row : visited(plan, item)) rows.push_back(routing.order()[row] - first);
    return rows;
  };
  plan.lay_out(both, ClsRow::kApart);
  routing.begin(plan, false);
  routing.finish(plan, experts);
  const auto small = raster(0, 0), large = raster(1, 4);
  plan.lay_out({&kLarge, 1}, ClsRow::kApart);
  routing.begin(plan, false);
  routing.finish(plan, std::span(experts).last(3));
  EXPECT_EQ(raster(0, 0), large);
  EXPECT_EQ(large, (std::vector<int>{0, 1, 3, 2}));
  EXPECT_EQ(small, (std::vector<int>{0, 2, 1, 3}));
}

TEST(RowPlan, ClassTokensAreSelectedInOrderOfTheirExperts) {
  // Class tokens that are routed: item 0's went to expert 0, item 1's to expert 2.
  RowPlan plan(2, 3), cls_plan(2, 3);
  const Counts both[] = {{1, 1, 0}, {1, 0, 1}};
  const std::uint8_t experts[] = {0, 1, 2, 0};
  HostRouting routing(4, 3), cls(2, 3);
  plan.lay_out(both, ClsRow::kCounted);
  routing.begin(plan, false);
  routing.finish(plan, experts);
  cls.select_cls(plan, &routing, cls_plan);
  EXPECT_EQ(cls_plan.rows(), 2);
  EXPECT_EQ(visited(cls_plan, 0), std::vector<int>{1});
  EXPECT_EQ(visited(cls_plan, 1), std::vector<int>{0});
  EXPECT_EQ(routing.order()[cls.order()[0]], 2);  // raster row of item 1's class token
  EXPECT_EQ(routing.order()[cls.order()[1]], 0);
}

}  // namespace
}  // namespace mone
