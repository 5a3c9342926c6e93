#include "engine/motion_box.h"

#include <gtest/gtest.h>

#include "engine/error.h"
#include "engine/mone_cutter.h"
#include "engine/stage.h"
#include "engine/tubeliser.h"

namespace mone {
namespace {

constexpr int kStage = 224;
constexpr Box kAll{0, 0, kStage, kStage};

using Picture = std::vector<std::uint8_t>;

/// Grey, with a bright rectangle.
Picture picture(Box bright, int size = kStage) {
  Picture p(static_cast<std::size_t>(size) * size, 90);
  for (int y = bright.y; y < bright.y + bright.height; ++y)
    for (int x = bright.x; x < bright.x + bright.width; ++x)
      if (x >= 0 && y >= 0 && x < size && y < size) p[static_cast<std::size_t>(y) * size + x] = 220;
  return p;
}

/// One tubelet of two steps in which the rectangle moves by (dx, dy) a step; returns its box.
Box move(MotionBox& box, Box& bright, int dx, int dy) {
  for (int step = 0; step < 2; ++step) {
    const Picture before = picture(bright);
    bright.x += dx;
    bright.y += dy;
    box.add(picture(bright).data(), before.data(), kAll);
  }
  return box.update();
}

bool holds(const Box& outer, const Box& inner) {
  return inner.x >= outer.x && inner.y >= outer.y && inner.x + inner.width <= outer.x + outer.width &&
         inner.y + inner.height <= outer.y + outer.height;
}

MotionBox square() { return {112, 112, kStage, kStage}; }

TEST(MotionBox, IsTheWholeStageUntilSomethingMoves) {
  MotionBox box = square();
  Box still{100, 100, 30, 60};
  for (int i = 0; i < 5; ++i) EXPECT_EQ(move(box, still, 0, 0), kAll);
}

TEST(MotionBox, ClosesAroundWhatMovesAndNoFurtherThanThreeEighths) {
  MotionBox box = square();
  Box bright{150, 40, 12, 12};
  Box found;
  for (int i = 0; i < 12; ++i) found = move(box, bright, i % 2 ? 3 : -3, 0);
  EXPECT_TRUE(holds(found, bright));
  EXPECT_EQ(found.width, kStage * 3 / 8);
  EXPECT_EQ(found.height, found.width);
}

TEST(MotionBox, StandsStillWhileTheMotionStaysInsideAndFollowsWhenItLeaves) {
  MotionBox box = square();
  Box bright{60, 80, 20, 50};
  for (int i = 0; i < 16; ++i) move(box, bright, i % 2 ? 4 : -4, 0);
  const Box rest = box.box();
  for (int i = 0; i < 8; ++i) EXPECT_EQ(move(box, bright, i % 2 ? 4 : -4, 0), rest);
  int moved = 0;
  for (int i = 0; i < 16; ++i) {
    const Box before = box.box();
    moved += move(box, bright, 4, 0) != before;
    EXPECT_TRUE(holds(box.box(), bright)) << i;
  }
  EXPECT_GT(box.box().x, rest.x);
  EXPECT_LT(moved, 16);
}

TEST(MotionBox, AllOfThePictureMovingIsSeenWhole) {
  MotionBox box = square();
  Picture a(kStage * kStage), b(kStage * kStage);
  for (std::size_t i = 0; i < a.size(); ++i) {
    a[i] = static_cast<std::uint8_t>(i * 37 % 200);
    b[i] = static_cast<std::uint8_t>((i + 5) * 37 % 200);
  }
  for (int i = 0; i < 6; ++i) {
    box.add(a.data(), b.data(), kAll);
    box.add(b.data(), a.data(), kAll);
    EXPECT_EQ(box.update(), kAll);
  }
}

/// Values 0 to `most` that look random, the same for the same seed.
Picture noise(std::uint32_t seed, int most) {
  Picture p(kStage * kStage);
  for (std::uint8_t& v : p) {
    seed = seed * 1664525u + 1013904223u;
    v = static_cast<std::uint8_t>((seed >> 16) % static_cast<std::uint32_t>(most + 1));
  }
  return p;
}

TEST(MotionBox, NoiseEverywhereDoesNotHideWhatMoves) {
  MotionBox box = square();
  Box found;
  Picture before;
  for (int i = 0; i < 32; ++i) {
    const Box bright{150 + i % 2 * 5, 60, 16, 30};
    Picture now = noise(static_cast<std::uint32_t>(i), 30);
    for (int y = bright.y; y < bright.y + bright.height; ++y)
      for (int x = bright.x; x < bright.x + bright.width; ++x)
        now[static_cast<std::size_t>(y) * kStage + x] += 150;
    if (i) box.add(now.data(), before.data(), kAll);
    if (i % 2) found = box.update();
    before = now;
  }
  EXPECT_TRUE(holds(found, {150, 60, 21, 30}));
  EXPECT_LE(found.width, kStage / 2);
}

/// A tubelet of a camera that moves to and fro over `scene` by 3 pixels a step.
Box shake(MotionBox& box, const Picture& scene) {
  Picture moved(scene.size());
  for (int y = 0; y < kStage; ++y)
    for (int x = 0; x < kStage; ++x)
      moved[static_cast<std::size_t>(y) * kStage + x] =
          scene[static_cast<std::size_t>(y) * kStage + (x + 3) % kStage];
  box.add(moved.data(), scene.data(), kAll);
  box.add(scene.data(), moved.data(), kAll);
  return box.update();
}

TEST(MotionBox, AMovingCameraIsSeenInFullUnlessSomeEdgesAreMuchStronger) {
  MotionBox box = square();
  Picture scene = noise(7, 60);
  for (int i = 0; i < 12; ++i) EXPECT_EQ(shake(box, scene), kAll);
  for (int y = 100; y < 150; ++y)
    for (int x = 30; x < 80; ++x) scene[static_cast<std::size_t>(y) * kStage + x] *= 4;
  for (int i = 0; i < 12; ++i) shake(box, scene);
  EXPECT_TRUE(holds(box.box(), {30, 100, 50, 50}));
  EXPECT_LE(box.box().width, kStage / 2);
}

TEST(MotionBox, OpensAgainAfterAQuietWhile) {
  MotionBox box = square();
  Box bright{150, 40, 20, 40};
  for (int i = 0; i < 8; ++i) move(box, bright, i % 2 ? 3 : -3, 0);
  ASSERT_LT(box.box().width, kStage);
  const Box rest = box.box();
  for (int i = 0; i < 10; ++i) move(box, bright, 0, 0);
  EXPECT_EQ(box.box(), rest);  // a pause is not the end
  for (int i = 0; i < 90; ++i) move(box, bright, 0, 0);
  EXPECT_GE(box.box().width, kStage * 15 / 16);
}

TEST(MotionBox, HasTheShapeOfAnImageThatIsNotSquare) {
  MotionBox box(160, 96, 320, 192);
  std::vector<std::uint8_t> a(320 * 192, 90), b = a;
  for (int y = 60; y < 100; ++y) std::fill_n(b.begin() + y * 320 + 200, 30, std::uint8_t{200});
  for (int i = 0; i < 4; ++i) {
    box.add(a.data(), b.data(), {0, 0, 320, 192});
    box.add(b.data(), a.data(), {0, 0, 320, 192});
    box.update();
  }
  EXPECT_EQ(box.box().width * 96, box.box().height * 160);
  EXPECT_TRUE(holds(box.box(), {200, 60, 30, 40}));
}

TubeletFormat contract(CropMode crop, Planes planes = Planes::kLumaMotion) {
  TubeletFormat f;
  f.width = f.height = 32;
  f.ph = f.pw = 16;
  f.planes = planes;
  f.fit = Fit::kPad;
  f.crop = crop;
  f.rate_nominal = 5;
  return f;
}

Frame frame_of(const Picture& p, int size) {
  Frame frame;
  frame.format = PixelFormat::kGray8;
  frame.range = ColourRange::kFull;
  frame.width = frame.height = size;
  frame.planes[0] = p.data();
  frame.strides[0] = size;
  return frame;
}

TEST(Stage, ABoxInABlackBorderLeavesTheFrameWithItsShape) {
  TubeletFormat f = contract(CropMode::kMotion);
  f.width = f.height = 112;  // a stage of 224
  Stage stage(f);
  const Picture p(320 * 240, 90);
  Frame frame = frame_of(p, 320);
  frame.height = 240;  // 28 stage pixels of border above and below
  stage.load(frame);
  EXPECT_EQ(stage.map().to_source({0, 0, 224, 224}), (Box{0, -40, 320, 320}));
  EXPECT_EQ(stage.map().to_source({70, 0, 112, 112}), (Box{100, -40, 160, 160}));
  EXPECT_EQ(stage.map().to_source({112, 112, 112, 112}), (Box{160, 120, 160, 160}));
  EXPECT_EQ(stage.map().to_source({14, 42, 84, 84}), (Box{20, 20, 120, 120}));
}

/// R, G, B of a grey picture coloured orange: G is half of R, B is none.
Picture orange(const Picture& grey) {
  Picture p;
  for (const std::uint8_t v : grey) p.insert(p.end(), {v, static_cast<std::uint8_t>(v / 2), 0});
  return p;
}

/// Step `i` of a stream with a rectangle that moves, in the pixels that the planes are made of.
Picture step_of(int i, Planes planes) {
  const Picture p = picture({i * 3 % 70, 20 + i % 5, 20, 40}, 96);
  return planes == Planes::kRgb ? orange(p) : p;
}

struct Seen {
  std::vector<std::uint8_t> pixels;
  Box box;
  std::uint32_t region;
  bool operator==(const Seen&) const = default;
};

std::vector<Seen> seen(Tubeliser& tubeliser, int first, int last,
                       const std::vector<std::vector<Region>>& regions = {}) {
  std::vector<Seen> all;
  for (int i = first; i < last; ++i) {
    if (!regions.empty()) tubeliser.set_regions(regions[static_cast<std::size_t>(i)]);
    const Planes planes = tubeliser.format().planes;
    const Picture p = step_of(i, planes);
    Frame frame = frame_of(p, 96);
    if (planes == Planes::kRgb) frame.format = PixelFormat::kRgb, frame.strides[0] = 3 * 96;
    tubeliser.push(frame, Time(i * 100'000'000LL), Time(100'000'000), [&](const CutTubelet& t) {
      all.push_back({{t.pixels.begin(), t.pixels.end()}, t.box, t.region});
    });
  }
  return all;
}

TEST(CropMotion, AMovingBoxMakesNoMotion) {
  // A picture that stands still but for a small bright spot: planes of motion far from the spot stay at 128,
  // wherever the box goes.
  Tubeliser tubeliser(contract(CropMode::kMotion), {.stride = 1});
  std::vector<Box> boxes;
  for (int i = 0; i < 40; ++i) {
    Picture p = picture({10 + 2 * i, 10 + i, 6, 6}, 96);
    for (std::size_t k = 0; k < p.size(); ++k)  // texture, so that a shift would show
      if (p[k] == 90) p[k] = static_cast<std::uint8_t>(60 + (k % 96 / 8 + k / 96 / 8) % 2 * 60);
    tubeliser.push(frame_of(p, 96), Time(i * 100'000'000LL), Time(100'000'000), [&](const CutTubelet& t) {
      boxes.push_back(t.box);
      int moving = 0;
      for (std::size_t k = 1; k < t.pixels.size(); k += 3) moving += t.pixels[k] != 128;
      EXPECT_LT(moving, 450);  // of 2048: the spot's own
    });
  }
  EXPECT_NE(boxes[5], boxes.back());
}

class CropPlanes : public testing::TestWithParam<Planes> {};
INSTANTIATE_TEST_SUITE_P(All, CropPlanes, testing::Values(Planes::kLumaMotion, Planes::kRgb),
                         [](const auto& tested) {
                           return tested.param == Planes::kRgb ? "Rgb" : "LumaMotion";
                         });

/// Planes rgb of orange pictures are orange, wherever the crop is.
void expect_orange(const std::vector<Seen>& all, Planes planes) {
  if (planes != Planes::kRgb) return;
  for (const Seen& s : all)
    for (std::size_t k = 0; k < s.pixels.size(); k += 3) {
      ASSERT_NEAR(s.pixels[k + 1], s.pixels[k] / 2, 2);
      ASSERT_EQ(s.pixels[k + 2], 0);
    }
}

TEST_P(CropPlanes, MotionFollowsWhatMoves) {
  Tubeliser tubeliser(contract(CropMode::kMotion, GetParam()), {.stride = 1});
  const auto all = seen(tubeliser, 0, 20);
  ASSERT_EQ(all.size(), 10u);
  EXPECT_NE(all.back().box, (Box{0, 0, 96, 96}));
  EXPECT_TRUE(holds(all.back().box, {19 * 3, 24, 20, 40}));
  expect_orange(all, GetParam());
}

TEST(CropMotion, OfPlanesRgbSeesMotionInAnyOfThem) {
  Tubeliser tubeliser(contract(CropMode::kMotion, Planes::kRgb), {.stride = 1});
  Box found;
  for (int i = 0; i < 20; ++i) {
    const Picture green = picture({60 + i % 2 * 4, 20, 12, 24}, 96);
    Picture p;
    for (const std::uint8_t v : green) p.insert(p.end(), {100, v, 100});
    Frame frame = frame_of(p, 96);
    frame.format = PixelFormat::kRgb;
    frame.strides[0] = 3 * 96;
    tubeliser.push(frame, Time(i * 100'000'000LL), Time(100'000'000),
                   [&](const CutTubelet& t) { found = t.box; });
  }
  EXPECT_LT(found.width, 64);
  EXPECT_TRUE(holds(found, {60, 20, 16, 24}));
}

TEST_P(CropPlanes, ATubeletDoesNotDependOnWhatComesAfterAndRestartsAreExact) {
  const TubeletFormat format = contract(CropMode::kMotion, GetParam());
  Tubeliser whole(format, {.stride = 1}), part(format, {.stride = 1});
  const auto all = seen(whole, 0, 30);
  const auto some = seen(part, 0, 20);
  ASSERT_EQ(some.size(), 10u);
  for (std::size_t i = 0; i < some.size(); ++i) EXPECT_EQ(some[i], all[i]);
  part.reset();
  EXPECT_EQ(seen(part, 0, 30), all);  // nothing is left of what was before the reset
}

TEST_P(CropPlanes, OneTubeletForEachRegionThroughItsOwnBox) {
  Tubeliser tubeliser(contract(CropMode::kRegion, GetParam()), {.stride = 1});
  std::vector<std::vector<Region>> regions(12);
  for (std::size_t i = 0; i < 12; ++i) {
    if (i >= 4) regions[i].push_back({7, {10, 10, 40, 40}});
    if (i >= 8) regions[i].push_back({9, {50, 40, 40, 50}});
  }
  auto all = seen(tubeliser, 0, 12, regions);
  EXPECT_EQ(std::erase_if(all, [](const Seen& s) { return s.pixels.empty(); }), 2u)
      << "nobody, yet time goes on";
  std::vector<std::uint32_t> ids;
  for (const Seen& s : all) ids.push_back(s.region);
  EXPECT_EQ(ids, (std::vector<std::uint32_t>{7, 7, 7, 9, 7, 9}));
  EXPECT_LE(all[0].box.x, 12);
  EXPECT_GE(all[3].box.x, 40);
  EXPECT_NE(all[2].pixels, all[3].pixels);
  expect_orange(all, GetParam());
}

TEST_P(CropPlanes, TheCInterfaceCutsAsTheTubeliserDoes) {
  std::string config = R"({"variant":"fe","D":16,"H":2,"L":1,"Lt":1,"E":1,"C":1,"image":[32,32],"frames":4,
    "tubelet":[2,16,16],"rate":{"min":4,"nominal":5,"max":12.5},"resize_short":32,"fit":"pad","crop":"motion",
    "planes":"luma-motion","act":"gelu_tanh","ln_eps":1e-6,"classifier":"token","cls_policy":"full",
    "router_input":"ln1","gate":"on","w_form":"prod","beta":10,"delta":2,"train_ec":[0.15,1],
    "input":{"scale":0.004,"mean":[0.5,0.5,0.5],"std":[0.2,0.2,0.2]},"labels":["x"]})";
  if (GetParam() == Planes::kRgb) config.replace(config.find("luma-motion"), 11, "rgb");
  mone_cutter* cutter = mone_cutter_new(config.c_str());
  ASSERT_TRUE(cutter) << mone_cutter_error();
  constexpr int kSteps = 20, kHistory = 8, kSize = 96;
  std::vector<std::uint8_t> pixels;
  std::vector<double> times;
  for (int i = 0; i < kSteps; ++i) {
    const Picture p = step_of(i, GetParam());
    pixels.insert(pixels.end(), p.begin(), p.end());
    times.push_back(i * .1);
  }
  constexpr std::size_t kBytes = 4 * 2 * 16 * 16 * 3;
  std::vector<std::uint8_t> clip((kSteps - kHistory) / 2 * kBytes), video(kSteps / 2 * kBytes);
  std::vector<float> boxes(4 * kSteps / 2);
  ASSERT_EQ(mone_cutter_clips(cutter, 1, kSteps - kHistory, kHistory, kSize, kSize, pixels.data(), 2,
                              clip.data(), boxes.data()),
            0);
  ASSERT_EQ(mone_cutter_video(cutter, kSteps, kSize, kSize, pixels.data(), times.data(), 10, 1, kSteps / 2,
                              video.data(), nullptr, nullptr),
            kSteps / 2)
      << mone_cutter_error();
  EXPECT_TRUE(std::equal(clip.begin(), clip.end(), video.begin() + kHistory / 2 * kBytes));
  Tubeliser tubeliser(contract(CropMode::kMotion, GetParam()), {.stride = 1});
  const auto live = seen(tubeliser, 0, kSteps);
  for (std::size_t t = 0; t < live.size(); ++t)
    for (std::size_t token = 0; token < 4; ++token)
      for (std::size_t i = 0; i < 512; ++i)
        for (std::size_t c = 0; c < 3; ++c)
          ASSERT_EQ(video[t * kBytes + token * 1536 + c * 512 + i], live[t].pixels[token * 1536 + 3 * i + c]);
  EXPECT_EQ(mone_cutter_clips(cutter, 1, 3, 0, kSize, kSize, pixels.data(), 1, clip.data(), nullptr), -1);
  EXPECT_NE(std::string(mone_cutter_error()).find("multiples"), std::string::npos);
  mone_cutter_free(cutter);
  EXPECT_EQ(mone_cutter_new("{}"), nullptr);
}

}  // namespace
}  // namespace mone
