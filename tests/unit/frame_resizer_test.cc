#include "engine/frame_resizer.h"

#include <gtest/gtest.h>

#include <random>
#include <tuple>

#include "engine/error.h"
#include "tests/unit/picture.h"

namespace mone {
namespace {

using test::OwnedFrame;
using test::paint_frame;
using test::Rgb;
using test::triangle_resize;

constexpr PixelFormat kAll[] = {
    PixelFormat::kNv12, PixelFormat::kI420, PixelFormat::kYuy2, PixelFormat::kRgb,  PixelFormat::kBgr,
    PixelFormat::kRgba, PixelFormat::kBgra, PixelFormat::kRgbx, PixelFormat::kBgrx, PixelFormat::kGray8};

/// Colours that change slowly: what the chroma's own filter does to detail is not the question here.
Rgb smooth(double x, double y) {
  return {128 + 90 * std::sin(x / 23) * std::cos(y / 31), 120 + 80 * std::cos(x / 37 + y / 29),
          128 + 100 * std::sin(y / 19)};
}

TubeletFormat model(int size, Planes planes, Fit fit) {
  TubeletFormat f;
  f.width = f.height = size;
  f.ph = f.pw = 8;
  f.planes = planes;
  f.fit = fit;
  f.resize_short = size + size / 7;
  return f;
}

std::vector<std::uint8_t> resized(const TubeletFormat& format, const Frame& frame,
                                  const ResampleKernels& kernels = best_kernels()) {
  std::vector<std::uint8_t> picture(format.width * format.height * (format.planes == Planes::kRgb ? 3 : 1),
                                    0xAA);
  FrameResizer(format, kernels).resize(frame, picture);
  return picture;
}

class EveryFormat : public testing::TestWithParam<std::tuple<PixelFormat, std::pair<int, int>>> {};

TEST_P(EveryFormat, GivesTheColoursThatWerePainted) {
  const PixelFormat format = std::get<0>(GetParam());
  const auto [width, height] = std::get<1>(GetParam());
  const TubeletFormat f = model(56, Planes::kRgb, Fit::kPad);
  for (const auto matrix : {ColourMatrix::kBt601, ColourMatrix::kBt709, ColourMatrix::kBt2020}) {
    for (const auto range : {ColourRange::kLimited, ColourRange::kFull}) {
      const OwnedFrame source = paint_frame(format, width, height, smooth, matrix, range);
      const auto picture = resized(f, source.frame);
      const ImageFit fit = fit_image(f, source.frame);
      ASSERT_EQ(fit.x.full, fit.x.size);
      int worst = 0;
      for (int y = 0; y < fit.y.size; y += 3)
        for (int x = 0; x < fit.x.size; x += 3)
          for (int c = 0; c < 3; ++c) {
            const auto pixel = [&](int px, int py) {
              const Rgb colour = smooth(px + .5, py + .5);
              if (format != PixelFormat::kGray8) return colour[c];
              const double full = test::to_yuv(colour, matrix, ColourRange::kFull)[0];
              return full;
            };
            const double expected = triangle_resize(pixel, 0, 0, width, height, fit.x.size, fit.y.size, x, y);
            const int at = c * 56 * 56 + (fit.y.begin + y) * 56 + fit.x.begin + x;
            worst = std::max(worst, static_cast<int>(std::abs(picture[at] - expected) + .5));
          }
      // Enlarged, a few pixels of halved chroma make the colours of many.
      EXPECT_LE(worst, width < 56 ? 4 : 2)
          << "format " << static_cast<int>(format) << " matrix " << static_cast<int>(matrix);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, EveryFormat,
                         testing::Combine(testing::ValuesIn(kAll),
                                          testing::Values(std::pair{160, 120}, std::pair{97, 141},
                                                          std::pair{31, 23})));

TEST(FrameResizer, NoiseIsWithinOneOfAPlainFloatResize) {
  std::mt19937 random(3);
  std::vector<double> noise(150 * 91);
  for (auto& v : noise) v = random() % 256;
  const auto paint = [&](double x, double y) {
    // The last chroma sample of an odd size reaches past the edge.
    const double v = noise[std::min(static_cast<int>(y), 90) * 150 + std::min(static_cast<int>(x), 149)];
    return Rgb{v, v, v};
  };
  const auto pixel = [&](int x, int y) { return noise[y * 150 + x]; };
  for (const int size : {16, 56, 224}) {  // down, down, up
    const TubeletFormat f = model(size, Planes::kLumaMotion, Fit::kPad);
    for (const PixelFormat format : {PixelFormat::kGray8, PixelFormat::kI420, PixelFormat::kRgb}) {
      const OwnedFrame source = paint_frame(format, 150, 91, paint, ColourMatrix::kBt601, ColourRange::kFull);
      const auto picture = resized(f, source.frame);
      const ImageFit fit = fit_image(f, source.frame);
      for (int y = 0; y < fit.y.size; y += 5)
        for (int x = 0; x < fit.x.size; x += 5) {
          const double expected = triangle_resize(pixel, 0, 0, 150, 91, fit.x.size, fit.y.size, x, y);
          EXPECT_NEAR(picture[(fit.y.begin + y) * size + fit.x.begin + x], expected, 1.0);
        }
    }
  }
}

TEST(FrameResizer, GivesTheSameBitsWithAndWithoutSimd) {
  if (!avx2_kernels()) GTEST_SKIP() << "needs a CPU with AVX2";
  std::mt19937 random(5);
  const auto noise = [&](double, double) {
    return Rgb{random() % 256 * 1., random() % 256 * 1., random() % 256 * 1.};
  };
  for (const PixelFormat format : kAll) {
    const OwnedFrame source = paint_frame(format, 333, 187, noise);
    for (const Planes planes : {Planes::kRgb, Planes::kLumaMotion}) {
      const TubeletFormat f = model(112, planes, Fit::kCrop);
      EXPECT_EQ(resized(f, source.frame), resized(f, source.frame, plain_kernels()));
    }
  }
}

TEST(FrameResizer, LooksOnlyInsideTheCrop) {
  const Box box{21, 14, 61, 43};
  for (const PixelFormat format : kAll) {
    const auto outside_red = [&](double x, double y) {
      // Chroma samples straddle the edge of a crop: a margin of two pixels has the inside's colour.
      const bool inside =
          x > box.x - 2 && y > box.y - 2 && x < box.x + box.width + 2 && y < box.y + box.height + 2;
      return inside ? Rgb{40, 90, 160} : Rgb{255, 0, 0};
    };
    OwnedFrame source = paint_frame(format, 120, 90, outside_red);
    source.frame.crop = box;
    const TubeletFormat f = model(56, Planes::kRgb, Fit::kCrop);
    const auto picture = resized(f, source.frame);
    const int grey = test::byte(test::to_yuv({40, 90, 160}, ColourMatrix::kBt709, ColourRange::kFull)[0]);
    const int expected[] = {40, 90, 160};
    for (int i = 0; i < 56 * 56; ++i)
      for (int c = 0; c < 3; ++c)
        ASSERT_NEAR(picture[c * 56 * 56 + i], format == PixelFormat::kGray8 ? grey : expected[c], 2)
            << "format " << static_cast<int>(format) << " plane " << c << " at " << i;
  }
}

TEST(FrameResizer, TakesRowsFromBottomToTop) {
  OwnedFrame source = paint_frame(PixelFormat::kRgb, 64, 48, smooth);
  const TubeletFormat f = model(32, Planes::kRgb, Fit::kPad);
  const auto upright = resized(f, source.frame);
  source.frame.planes[0] += 47 * source.frame.strides[0];
  source.frame.strides[0] *= -1;
  const auto flipped = resized(f, source.frame);
  const ImageFit fit = fit_image(f, source.frame);
  for (int y = 0; y < fit.y.size; ++y)
    for (int x = 0; x < 32; ++x)
      EXPECT_NEAR(upright[(fit.y.begin + y) * 32 + x], flipped[(fit.y.begin + fit.y.size - 1 - y) * 32 + x],
                  1);
}

TEST(FrameResizer, LooksAtTheFirstFieldOfAnInterlacedFrame) {
  for (const PixelFormat format : {PixelFormat::kI420, PixelFormat::kYuy2, PixelFormat::kRgb}) {
    const auto comb = [](double, double y) {
      return static_cast<int>(y) % 2 ? Rgb{200, 200, 200} : Rgb{50, 50, 50};
    };
    OwnedFrame source = paint_frame(format, 80, 62, comb);
    const TubeletFormat f = model(40, Planes::kLumaMotion, Fit::kCrop);
    source.frame.interlace = Interlace::kTopFirst;
    for (const auto v : resized(f, source.frame)) ASSERT_NEAR(v, 50, 1);
    source.frame.interlace = Interlace::kBottomFirst;
    for (const auto v : resized(f, source.frame)) ASSERT_NEAR(v, 200, 1);
  }
}

TEST(FrameResizer, RefusesFramesThatCannotBe) {
  const TubeletFormat f = model(56, Planes::kRgb, Fit::kPad);
  Frame frame;
  std::vector<std::uint8_t> picture(56 * 56 * 3);
  FrameResizer resizer(f);
  EXPECT_THROW(resizer.resize(frame, picture), ShapeError);
  OwnedFrame source = paint_frame(PixelFormat::kI420, 20, 20, smooth);
  source.frame.crop = {10, 10, 11, 5};
  EXPECT_THROW(resizer.resize(source.frame, picture), ShapeError);
  source.frame.crop = {};
  source.frame.planes[2] = nullptr;
  EXPECT_THROW(resizer.resize(source.frame, picture), ShapeError);
}

Frame sized(int width, int height, double aspect = 1) {
  Frame f;
  f.width = width;
  f.height = height;
  f.pixel_aspect = aspect;
  return f;
}

TEST(Fit, PadKeepsTheWholeFrameCentred) {
  const TubeletFormat f = model(112, Planes::kRgb, Fit::kPad);
  EXPECT_EQ(fit_image(f, sized(1280, 720)), (ImageFit{{0, 112, 112, 0}, {24, 63, 63, 0}}));
  EXPECT_EQ(fit_image(f, sized(720, 1280)), (ImageFit{{24, 63, 63, 0}, {0, 112, 112, 0}}));
  EXPECT_EQ(fit_image(f, sized(8, 8)), (ImageFit{{0, 112, 112, 0}, {0, 112, 112, 0}}));
}

TEST(Fit, CropTakesTheMiddleOfTheResizedFrameAsTorchvisionDoes) {
  TubeletFormat
      f;  // 224 of 256: Resize(256) of 1280x720 gives 455x256, CenterCrop starts at round(115.5) = 116
  EXPECT_EQ(fit_image(f, sized(1280, 720)), (ImageFit{{0, 224, 455, 116}, {0, 224, 256, 16}}));
  EXPECT_EQ(fit_image(f, sized(320, 240)), (ImageFit{{0, 224, 341, 58}, {0, 224, 256, 16}}));
}

TEST(Fit, PixelsThatAreNotSquareKeepTheShapeOfWhatTheyShow) {
  const TubeletFormat f = model(112, Planes::kRgb, Fit::kPad);
  EXPECT_EQ(fit_image(f, sized(720, 576, 64.0 / 45)), fit_image(f, sized(1024, 576)));  // PAL 16:9
}

}  // namespace
}  // namespace mone
