#include "engine/budget/measured_costs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "engine/budget/cost_file.h"
#include "tests/tiny_model.h"
#include "tests/unit/budget_costs.h"

namespace mone {
namespace {

namespace fs = std::filesystem;

/// A cache folder of its own, and what the engine logs.
class MeasuredCosts : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/mone-costs-XXXXXX";
    ASSERT_TRUE(mkdtemp(name));
    folder_ = name;
    setenv("XDG_CACHE_HOME", name, 1);
    set_log_sink([this](int, const std::string& line) { log_ += line + "\n"; });
    engine_ = Engine::create(Model::load(test::write_model(test::tiny_fe())).value(), {"reference"}).value();
    log_.clear();
  }
  void TearDown() override {
    set_log_sink({});
    fs::remove_all(folder_);
  }
  /// The only file in the cache.
  fs::path kept() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder_ / "gst-mone")) files.push_back(entry.path());
    return files.size() == 1 ? files[0] : fs::path();
  }
  void spoil(const std::string& text) { std::ofstream(kept()) << text; }

  fs::path folder_;
  std::shared_ptr<Engine> engine_;
  std::string log_;
};

CostKey key() { return {"hash", "onednn", "some CPU", "bf16", 2, 1, 8}; }

TEST_F(MeasuredCosts, EveryLevelHasACost) {
  const CostTable table = measure_costs(*engine_, {4, .2});
  EXPECT_EQ(table.max_batch, 4);
  EXPECT_NO_THROW(CostModel{table});
  for (int l = 0; l < 16; ++l) {
    EXPECT_GT(table.single[l], 0);
    EXPECT_GT(table.batch[l], 0);
    EXPECT_LE(table.batch[l], 4 * table.single[l]);
    EXPECT_LE(table.single[l], table.single[std::min(l + 1, 15)]);
  }
}

TEST_F(MeasuredCosts, WithoutTimeTheMiddleIsFilledInByItsWork) {
  const CostTable table = measure_costs(*engine_, {4, 1e-9});
  EXPECT_NO_THROW(CostModel{table});
  for (int l = 1; l < 15; ++l)
    EXPECT_THAT(table.single[l], testing::AllOf(testing::Ge(std::min(table.single[0], table.single[15])),
                                                testing::Le(std::max(table.single[0], table.single[15]))));
  for (int l = 0; l < 16; ++l) EXPECT_DOUBLE_EQ(table.batch[l], 4 * table.single[l]);
}

TEST_F(MeasuredCosts, AreKeptForTheNextStart) {
  const CostTable table = costs_of(*engine_, {2, .1});
  EXPECT_THAT(log_, testing::HasSubstr("measured what a tubelet costs"));
  log_.clear();
  EXPECT_EQ(costs_of(*engine_, {2, .1}), table);
  EXPECT_EQ(log_, "");
  costs_of(*engine_, {3, .1});  // another largest batch is another table
  EXPECT_NE(log_, "");
}

TEST_F(MeasuredCosts, ASpoiltFileIsMeasuredAnew) {
  costs_of(*engine_, {2, .1});
  std::ifstream file(kept());
  const std::string whole((std::istreambuf_iterator<char>(file)), {});
  ASSERT_GT(whole.size(), 100u);
  for (const std::string& text :
       {std::string(), std::string("{}"), std::string("[1,2"), whole.substr(0, whole.size() / 2),
        std::string(3, '\0'), std::string("{\"key\": 3, \"single\": 1}")}) {
    spoil(text);
    log_.clear();
    EXPECT_NO_THROW(CostModel{costs_of(*engine_, {2, .1})});
    EXPECT_THAT(log_, testing::HasSubstr("no cost table of this engine"));
  }
}

TEST_F(MeasuredCosts, AFolderThatCannotBeWrittenIsNoFailure) {
  std::ofstream(folder_ / "gst-mone") << "a file, not a folder";
  EXPECT_NO_THROW(CostModel{costs_of(*engine_, {2, .1})});
  EXPECT_THAT(log_, testing::HasSubstr("costs are not kept"));
}

TEST_F(MeasuredCosts, AFileOfAnotherEngineIsNotThisOnes) {
  const std::string path = folder_ / "table.json";
  const CostTable table = test::linear_costs();
  write_costs(path, key(), table);
  EXPECT_EQ(read_costs(path, key(), 4), table);
  const auto other = [&](auto change) {
    CostKey k = key();
    change(k);
    EXPECT_FALSE(read_costs(path, k, 4));
    EXPECT_NE(cost_file_name(k), cost_file_name(key()));
  };
  other([](CostKey& k) { k.model_hash = "another"; });
  other([](CostKey& k) { k.backend = "reference"; });
  other([](CostKey& k) { k.device = "another CPU"; });
  other([](CostKey& k) { k.dtype = "f32"; });
  other([](CostKey& k) { k.threads = 1; });
  other([](CostKey& k) { k.lanes = 2; });
  other([](CostKey& k) { k.max_batch = 4; });
  EXPECT_FALSE(read_costs(path, key(), 2));  // another ladder
}

TEST_F(MeasuredCosts, NumbersThatCannotBeAreRefused) {
  const std::string path = folder_ / "table.json";
  CostTable table = test::linear_costs();
  table.single[4] = -1;
  write_costs(path, key(), table);
  EXPECT_FALSE(read_costs(path, key(), 4));
  table = test::linear_costs();
  table.batch[2] = NAN;  // written as null
  write_costs(path, key(), table);
  EXPECT_FALSE(read_costs(path, key(), 4));
  for (const double seconds : {1e-320, 1e9}) {
    table = test::linear_costs();
    table.single[1] = seconds;
    write_costs(path, key(), table);
    EXPECT_FALSE(read_costs(path, key(), 4)) << seconds;
  }
}

TEST_F(MeasuredCosts, TheFolderIsTheUsers) {
  EXPECT_EQ(cost_folder(), folder_.string() + "/gst-mone");
  setenv("XDG_CACHE_HOME", "relative", 1);
  setenv("HOME", "/home/me", 1);
  EXPECT_EQ(cost_folder(), "/home/me/.cache/gst-mone");
  unsetenv("HOME");
  EXPECT_EQ(cost_folder(), "");
}

}  // namespace
}  // namespace mone
