#include "engine/tubeliser.h"

#include <gtest/gtest.h>

#include "engine/error.h"
#include "tests/unit/picture.h"

namespace mone {
namespace {

TubeletFormat contract() {
  TubeletFormat f;
  f.width = f.height = 16;
  f.ph = f.pw = 8;
  f.rate_nominal = 7.5;
  f.planes = Planes::kLumaMotion;
  f.fit = Fit::kPad;
  return f;
}

Time at(double s) { return Time(static_cast<Time::rep>(s * 1e9)); }

/// What is left of a tubelet after its callback.
struct Kept {
  CutTubelet t;
  std::vector<std::uint8_t> pixels;
  std::vector<Time> frame_times;
};

struct Collector {
  std::vector<Kept> tubelets;
  Tubeliser::OnTubelet on() {
    return [this](const CutTubelet& t) {
      tubelets.push_back(
          {t, {t.pixels.begin(), t.pixels.end()}, {t.frame_times.begin(), t.frame_times.end()}});
    };
  }
};

/// A grey frame of level `i`.
test::OwnedFrame level(int i, int width = 32, int height = 32) {
  const auto paint = [i](double, double) { return test::Rgb{i * 1., i * 1., i * 1.}; };
  return test::paint_frame(PixelFormat::kGray8, width, height, paint, ColourMatrix::kBt601,
                           ColourRange::kFull);
}

TEST(Tubeliser, GivesFinishedTubeletsWithTheirTimes) {
  Tubeliser tubeliser(contract(), {});
  tubeliser.declare_frame_rate(30);
  Collector got;
  for (int i = 0; i < 12; ++i) tubeliser.push(level(i).frame, at(i / 30.), at(1 / 30.), got.on());
  ASSERT_EQ(got.tubelets.size(), 3u);
  for (int k = 0; k < 3; ++k) {
    const CutTubelet& t = got.tubelets[k].t;
    EXPECT_EQ(t.begin, at(4 * k / 30.));
    EXPECT_EQ(t.end, at((4 * k + 2) / 30.));
    EXPECT_EQ(t.hop.count(), 133333333);
    EXPECT_EQ(t.rate, 7.5);
    EXPECT_EQ(t.stride, 2);
    EXPECT_EQ(t.epoch, 1u);
    EXPECT_EQ(t.restart, k == 0);
    EXPECT_EQ(t.box, (Box{0, 0, 32, 32}));
    EXPECT_EQ(got.tubelets[k].frame_times, (std::vector{t.begin, t.end}));
    EXPECT_EQ(got.tubelets[k].pixels[0], 4 * k);              // step 0
    EXPECT_EQ(got.tubelets[k].pixels[8 * 8 * 3], 4 * k + 2);  // step 1
    EXPECT_EQ(got.tubelets[k].pixels[8 * 8 * 3 + 1], 128 + 4);
  }
}

TEST(Tubeliser, AnotherSizeStartsAgainAndDropsTheUnfinishedTubelet) {
  Tubeliser tubeliser(contract(), {.stride = 1});
  Collector got;
  for (int i = 0; i < 5; ++i) tubeliser.push(level(i).frame, at(i / 10.), at(.1), got.on());
  for (int i = 5; i < 9; ++i) tubeliser.push(level(i, 64, 48).frame, at(i / 10.), at(.1), got.on());
  ASSERT_EQ(got.tubelets.size(), 4u);
  EXPECT_EQ(tubeliser.partial_dropped(), 1u);
  EXPECT_FALSE(got.tubelets[1].t.restart);
  EXPECT_TRUE(got.tubelets[2].t.restart);
  EXPECT_EQ(got.tubelets[2].t.epoch, 2u);
  EXPECT_EQ(got.tubelets[2].t.begin, at(.5));
  EXPECT_EQ(got.tubelets[2].t.source_width, 64);
  EXPECT_EQ(got.tubelets[2].pixels[8 * 3 * 2 + 1], 128);  // motion does not look back across it
}

TEST(Tubeliser, ATubeletWithoutAnyOfItsFramesIsLost) {
  Tubeliser tubeliser(contract(), {.stride = 1});
  tubeliser.declare_frame_rate(10);
  Collector got;
  for (int i = 0; i < 12; ++i)
    if (i < 3 || i > 7) tubeliser.push(level(i).frame, at(i / 10.), at(.1), got.on());
  ASSERT_EQ(got.tubelets.size(), 6u);
  EXPECT_EQ(got.tubelets[1].t.missing, 1);  // 2 and the missing 3
  EXPECT_FALSE(got.tubelets[1].t.lost);
  EXPECT_EQ(got.tubelets[1].frame_times, (std::vector{at(.2), at(.2)}));
  EXPECT_TRUE(got.tubelets[2].t.lost);  // 4, 5
  EXPECT_TRUE(got.tubelets[2].pixels.empty());
  EXPECT_EQ(got.tubelets[2].t.end, at(.5));
  EXPECT_TRUE(got.tubelets[3].t.lost);  // 6, 7
  EXPECT_FALSE(got.tubelets[4].t.lost);
  EXPECT_EQ(got.tubelets[4].t.begin, at(.8));
  EXPECT_EQ(tubeliser.counters().missing, 5u);
}

TEST(Tubeliser, TheEndDropsAnUnfinishedTubelet) {
  Tubeliser tubeliser(contract(), {.stride = 1});
  Collector got;
  for (int i = 0; i < 3; ++i) tubeliser.push(level(i).frame, at(i / 10.), at(.1), got.on());
  tubeliser.finish(got.on());
  EXPECT_EQ(got.tubelets.size(), 1u);
  EXPECT_EQ(tubeliser.partial_dropped(), 1u);
  tubeliser.push(level(0).frame, at(0), at(.1), got.on());  // and another stream may follow
  tubeliser.push(level(1).frame, at(.1), at(.1), got.on());
  ASSERT_EQ(got.tubelets.size(), 2u);
  EXPECT_TRUE(got.tubelets[1].t.restart);
}

TEST(Tubeliser, NominalGivesTheSameTimesWhateverTheFrameRate) {
  std::vector<std::vector<Time>> begins;
  for (const double fps : {30., 60., 15.}) {
    Tubeliser tubeliser(contract(), {.mode = Sampling::kNominal});
    Collector got;
    for (int i = 0; i < 2 * fps; ++i) tubeliser.push(level(1).frame, at(i / fps), at(1 / fps), got.on());
    tubeliser.finish(got.on());
    std::vector<Time> times;
    for (const Kept& k : got.tubelets) times.push_back(k.t.begin);
    begins.push_back(times);
  }
  EXPECT_EQ(begins[0].size(), 15u);
  EXPECT_EQ(begins[0], begins[1]);
  EXPECT_EQ(begins[0], begins[2]);
}

TEST(Tubeliser, RefusesAFormatThatCannotBe) {
  TubeletFormat f = contract();
  f.pw = 5;
  EXPECT_THROW(Tubeliser(f, {}), ConfigError);
  f = contract();
  f.width = f.height = 4096, f.pt = 64;  // more bytes than an int counts
  EXPECT_THROW(Tubeliser(f, {}), ConfigError);
}

}  // namespace
}  // namespace mone
