#include "engine/planes.h"

#include <gtest/gtest.h>

#include "engine/tubelet.h"
#include "tests/unit/picture.h"

namespace mone {
namespace {

TEST(LumaHistory, LooksBackFourAndLetsTheOldestStandIn) {
  LumaHistory history(1);
  for (std::uint8_t v = 1; v <= 7; ++v) {
    history.push(std::span(&v, 1));
    EXPECT_EQ(*history.at(0), v);
    EXPECT_EQ(*history.at(1), std::max(1, v - 1));
    EXPECT_EQ(*history.at(4), std::max(1, v - 4));
  }
  history.reset();
  const std::uint8_t v = 9;
  history.push(std::span(&v, 1));
  EXPECT_EQ(*history.at(4), 9);
}

TEST(LumaMotion, ByHand) {
  const std::uint8_t y[] = {100, 100, 100, 200, 0}, y1[] = {100, 90, 200, 0, 255},
                     y4[] = {100, 101, 99, 0, 255};
  std::uint8_t out[15];
  luma_motion_row(y, y1, y4, 5, out);
  const std::uint8_t expected[] = {100, 128, 128, 100, 148, 127, 100, 0, 129, 200, 255, 255, 0, 0, 0};
  for (int i = 0; i < 15; ++i) EXPECT_EQ(out[i], expected[i]) << i;
}

TubeletFormat tiny(Planes planes) {
  TubeletFormat f;
  f.width = 12;
  f.height = 8;
  f.pt = 2;
  f.ph = 4;
  f.pw = 3;
  f.planes = planes;
  f.fit = Fit::kCrop;
  f.resize_short = 8;
  return f;
}

TEST(TubeletCutter, WritesTokensInRowsThenTimeRowsColumnsPlanes) {
  TubeletCutter cutter(tiny(Planes::kRgb));
  std::vector<std::uint8_t> tubelet(8 * 2 * 4 * 3 * 3, 0xEE);
  ASSERT_EQ(cutter.format().bytes(), static_cast<int>(tubelet.size()));
  for (int t = 0; t < 2; ++t) {
    const auto coordinates = [t](double x, double y) {
      return test::Rgb{std::floor(x), 100 + std::floor(y), 200.0 + t};
    };
    cutter.load(test::paint_frame(PixelFormat::kRgb, 12, 8, coordinates).frame);
    cutter.cut(t, tubelet);
  }
  std::size_t i = 0;  // the order of the contract, spelled out
  for (int h = 0; h < 2; ++h)
    for (int w = 0; w < 4; ++w)
      for (int t = 0; t < 2; ++t)
        for (int y = 0; y < 4; ++y)
          for (int x = 0; x < 3; ++x) {
            EXPECT_EQ(tubelet[i++], w * 3 + x);
            EXPECT_EQ(tubelet[i++], 100 + h * 4 + y);
            EXPECT_EQ(tubelet[i++], 200 + t);
          }
}

TEST(TubeletCutter, MotionPlanesFollowTheSampledPicturesAndStartAgainAfterReset) {
  TubeletCutter cutter(tiny(Planes::kLumaMotion));
  std::vector<std::uint8_t> tubelet(static_cast<std::size_t>(cutter.format().bytes()));
  const auto step = [&](int level, int t) {
    const auto paint = [level](double, double) { return test::Rgb{level * 1., level * 1., level * 1.}; };
    cutter.load(
        test::paint_frame(PixelFormat::kGray8, 12, 8, paint, ColourMatrix::kBt601, ColourRange::kFull).frame);
    cutter.cut(t, tubelet);
    const std::size_t at = static_cast<std::size_t>(t) * 4 * 3 * 3;  // first pixel of the first token's step
    return std::array<int, 3>{tubelet[at], tubelet[at + 1], tubelet[at + 2]};
  };
  EXPECT_EQ(step(50, 0), (std::array{50, 128, 128}));
  EXPECT_EQ(step(60, 1), (std::array{60, 148, 138}));
  EXPECT_EQ(step(55, 0), (std::array{55, 118, 133}));
  EXPECT_EQ(step(55, 1), (std::array{55, 128, 133}));
  EXPECT_EQ(step(70, 0), (std::array{70, 158, 148}));  // four back: 50
  EXPECT_EQ(step(70, 1), (std::array{70, 128, 138}));  // four back: 60
  cutter.reset();
  EXPECT_EQ(step(90, 0), (std::array{90, 128, 128}));
}

TEST(TubeletCutter, BorderOfAPaddedPictureIsBlackAndStill) {
  TubeletFormat f = tiny(Planes::kLumaMotion);
  f.fit = Fit::kPad;
  TubeletCutter cutter(f);
  std::vector<std::uint8_t> tubelet(static_cast<std::size_t>(f.bytes()));
  const auto white = [](double, double) { return test::Rgb{255, 255, 255}; };
  cutter.load(
      test::paint_frame(PixelFormat::kGray8, 40, 10, white).frame);  // 12 x 3, two rows of black above
  cutter.cut(0, tubelet);
  EXPECT_EQ(tubelet[0], 0);
  EXPECT_EQ(tubelet[1], 128);
  EXPECT_EQ(tubelet[2], 128);
  EXPECT_EQ(tubelet[2 * 9], 255);  // row 2
}

}  // namespace
}  // namespace mone
