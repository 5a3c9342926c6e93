#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "elements/actors/mone_actors.h"

namespace {

mone_actors_clip_options small_clips() {
  mone_actors_clip_options options;
  mone_actors_clip_options_init(&options);
  options.width = options.height = 64;
  options.frames = 6;
  return options;
}

std::vector<uint8_t> clips(uint64_t seed, int count, const mone_actors_clip_options& options,
                           const int32_t* labels = nullptr) {
  std::vector<uint8_t> pixels(static_cast<size_t>(count * options.frames * options.width * options.height) *
                              (options.rgb ? 3 : 1));
  EXPECT_EQ(mone_actors_render_clips(seed, count, labels, &options, pixels.data(), nullptr, nullptr, nullptr),
            0)
      << mone_actors_error();
  return pixels;
}

struct Scene {
  explicit Scene(const char* script, uint64_t seed = 1, mone_actors_format format = MONE_ACTORS_GRAY8,
                 float clutter = 0.3f) {
    mone_actors_scene_options_init(&options);
    options.script = script;
    options.seed = seed;
    options.width = 160;
    options.height = 120;
    options.format = format;
    options.clutter = clutter;
    scene = mone_actors_scene_new(&options);
  }
  Scene(const Scene&) = delete;
  ~Scene() { mone_actors_scene_free(scene); }
  std::vector<uint8_t> gray(double time) {
    std::vector<uint8_t> pixels(160 * 120);
    uint8_t* planes[] = {pixels.data()};
    const int32_t strides[] = {160};
    mone_actors_scene_render(scene, time, planes, strides);
    return pixels;
  }
  mone_actors_truth truth(double time) {
    mone_actors_truth truth;
    mone_actors_scene_truth(scene, time, &truth);
    return truth;
  }
  std::string label(double time) { return mone_actors_label(truth(time).label); }
  mone_actors_scene_options options;
  mone_actors_scene* scene;
};

TEST(Actors, LabelsHaveOneNameEachAndAliasesFindThem) {
  std::set<std::string> names;
  for (int i = 0; i < mone_actors_label_count(); ++i) {
    names.insert(mone_actors_label(i));
    EXPECT_EQ(mone_actors_label_index(mone_actors_label(i)), i);
  }
  EXPECT_EQ(names.size(), 18u);
  EXPECT_EQ(mone_actors_label(-1), nullptr);
  EXPECT_EQ(mone_actors_label(18), nullptr);
  EXPECT_STREQ(mone_actors_label(mone_actors_label_index("pick_up")), "bend");
  EXPECT_STREQ(mone_actors_label(mone_actors_label_index("idle")), "nothing");
  EXPECT_EQ(mone_actors_label_index("yodel"), -1);
}

TEST(Actors, ClipsAreTheSameBytesForAnyNumberOfThreads) {
  mone_actors_clip_options options = small_clips();
  const auto one = clips(5, 12, options);
  options.threads = 3;
  EXPECT_EQ(clips(5, 12, options), one);
  EXPECT_NE(clips(6, 12, options), one);
}

TEST(Actors, AClipDependsOnItsPlaceAndLabelOnly) {
  const mone_actors_clip_options options = small_clips();
  const int32_t labels[] = {3, 4, 5};
  const int32_t others[] = {9, 4, 0};
  const auto a = clips(5, 3, options, labels), b = clips(5, 3, options, others);
  const auto size = static_cast<std::ptrdiff_t>(a.size() / 3);
  EXPECT_TRUE(std::equal(a.begin() + size, a.begin() + 2 * size, b.begin() + size));
  EXPECT_FALSE(std::equal(a.begin(), a.begin() + size, b.begin()));
}

TEST(Actors, ClipsReportLabelsJointsAndSpan) {
  const mone_actors_clip_options options = small_clips();
  constexpr int kClips = 36;
  std::vector<int32_t> labels(kClips), labels_out(kClips);
  for (int i = 0; i < kClips; ++i) labels[static_cast<size_t>(i)] = i % 18;
  std::vector<uint8_t> pixels(kClips * 6 * 64 * 64);
  std::vector<float> joints(kClips * 6 * 2 * 13 * 2), span(kClips * 2);
  ASSERT_EQ(mone_actors_render_clips(1, kClips, labels.data(), &options, pixels.data(), joints.data(),
                                     labels_out.data(), span.data()),
            0);
  EXPECT_EQ(labels_out, labels);
  int inside = 0, there = 0;
  for (size_t i = 0; i < joints.size(); i += 2) {
    ASSERT_TRUE(std::isfinite(joints[i]));
    if (joints[i] == MONE_ACTORS_ABSENT) continue;
    ++there;
    inside += joints[i] > 0 && joints[i] < 1 && joints[i + 1] > 0 && joints[i + 1] < 1;
  }
  EXPECT_GT(inside, there * 3 / 4);
  for (size_t i = 0; i < span.size(); i += 2) {
    EXPECT_GE(span[i], 0);
    EXPECT_LT(span[i], 0.75f);
    EXPECT_EQ(span[i + 1], 1);
  }
}

TEST(Actors, ClipsMove) {
  const mone_actors_clip_options options = small_clips();
  const int32_t label = mone_actors_label_index("jumping_jack");
  const std::vector<int32_t> labels(8, label);
  const auto pixels = clips(2, 8, options, labels.data());
  for (size_t c = 0; c < 8; ++c)
    EXPECT_FALSE(std::equal(pixels.begin() + static_cast<std::ptrdiff_t>(c * 6 * 4096),
                            pixels.begin() + static_cast<std::ptrdiff_t>((c * 6 + 1) * 4096),
                            pixels.begin() + static_cast<std::ptrdiff_t>((c * 6 + 3) * 4096)));
}

TEST(Actors, OptionsOutOfRangeAreNamed) {
  mone_actors_clip_options options = small_clips();
  options.frames = 0;
  uint8_t pixel;
  EXPECT_EQ(mone_actors_render_clips(1, 1, nullptr, &options, &pixel, nullptr, nullptr, nullptr), -1);
  EXPECT_NE(std::string(mone_actors_error()).find("frames"), std::string::npos);
  options = small_clips();
  options.crossing_share = 1.5f;
  EXPECT_EQ(mone_actors_render_clips(1, 1, nullptr, &options, &pixel, nullptr, nullptr, nullptr), -1);
  EXPECT_NE(std::string(mone_actors_error()).find("crossing_share"), std::string::npos);
}

TEST(Actors, ABadScriptIsRefusedWithItsToken) {
  for (const char* script : {"walk:3,yodel:2", "yodel", "walk:abc", "walk:-1", "walk:0", "walk,", ",walk",
                             "walk:1:2", "walk:nan"}) {
    const Scene scene(script);
    EXPECT_EQ(scene.scene, nullptr) << script;
    EXPECT_NE(std::string(mone_actors_error()).find("script"), std::string::npos) << script;
  }
  const Scene scene("walk:3,yodel:2");
  EXPECT_NE(std::string(mone_actors_error()).find("yodel"), std::string::npos);
}

TEST(Actors, EveryLabelParsesAsAScript) {
  for (int i = 0; i < mone_actors_label_count(); ++i) {
    Scene scene((std::string(" ") + mone_actors_label(i) + " : 2.5 ").c_str());
    ASSERT_NE(scene.scene, nullptr) << mone_actors_error();
    EXPECT_DOUBLE_EQ(mone_actors_scene_duration(scene.scene), 2.5);
    EXPECT_EQ(scene.truth(1).label, i);
  }
}

TEST(Actors, TruthFollowsTheScriptAndItsRepetition) {
  Scene scene("walk:3,wave:2,idle:1.5,fall:3,empty:2");
  ASSERT_NE(scene.scene, nullptr);
  for (const double pass : {0.0, 11.5, 1150.0}) {
    EXPECT_EQ(scene.label(pass + 2.9), "walk");
    EXPECT_EQ(scene.label(pass + 4.9), "wave");
    EXPECT_EQ(scene.label(pass + 6.4), "nothing");
    EXPECT_EQ(scene.label(pass + 7.5), "fall");
    EXPECT_EQ(scene.label(pass + 11), "nothing");
    EXPECT_FALSE(scene.truth(pass + 2.9).in_transition);
    EXPECT_TRUE(scene.truth(pass + 3.1).in_transition);
    EXPECT_FALSE(scene.truth(pass + 4.9).in_transition);
  }
  EXPECT_EQ(scene.truth(11.4).persons, 0);
  EXPECT_EQ(scene.truth(11.4).width, 0);
  EXPECT_EQ(scene.truth(4.9).persons, 1);
  EXPECT_GT(scene.truth(4.9).height, 30);
}

TEST(Actors, TwoPeopleShakeHands) {
  Scene scene("idle:2,handshake:4");
  EXPECT_EQ(scene.truth(5).persons, 2);
}

TEST(Actors, EveryClipShowsWhatItIsCalled) {
  const mone_actors_clip_options options = small_clips();
  constexpr int kClips = 18 * 20;
  std::vector<int32_t> labels(kClips);
  for (int i = 0; i < kClips; ++i) labels[static_cast<size_t>(i)] = i % 18;
  std::vector<uint8_t> pixels(kClips * 6 * 64 * 64);
  std::vector<float> span(kClips * 2);
  ASSERT_EQ(mone_actors_render_clips(9, kClips, labels.data(), &options, pixels.data(), nullptr, nullptr,
                                     span.data()),
            0);
  for (size_t i = 0; i < kClips; ++i)
    EXPECT_LT(span[2 * i], 0.99f) << mone_actors_label(labels[i]) << " begins after clip " << i << " ends";
}

TEST(Actors, AMomentIsTheSameInWhateverOrderItIsAskedFor) {
  Scene forward(""), backward("");
  std::vector<std::vector<uint8_t>> pictures;
  for (int i = 0; i < 40; ++i) pictures.push_back(forward.gray(i * 4.7));
  for (int i = 39; i >= 0; --i) EXPECT_EQ(backward.gray(i * 4.7), pictures[static_cast<size_t>(i)]) << i;
}

TEST(Actors, TheEndlessScriptShowsEveryLabel) {
  Scene scene(nullptr, 3);
  EXPECT_EQ(mone_actors_scene_duration(scene.scene), 0);
  std::set<std::string> seen;
  for (double t = 0; t < 110; t += 0.25)
    if (!scene.truth(t).in_transition) seen.insert(scene.label(t));
  EXPECT_EQ(seen.size(), 18u);
}

TEST(Actors, SeedsAndClutterChangeThePicture) {
  EXPECT_NE(Scene("walk", 1).gray(1), Scene("walk", 2).gray(1));
  EXPECT_NE(Scene("walk", 1, MONE_ACTORS_GRAY8, 0).gray(1), Scene("walk", 1, MONE_ACTORS_GRAY8, 1).gray(1));
}

TEST(Actors, FormatsShowTheSamePicture) {
  constexpr size_t kSize = 160 * 120;
  const auto draw = [](mone_actors_format format, std::vector<int32_t> strides, std::vector<size_t> sizes) {
    Scene scene("jumping_jack:5", 4, format, 0);
    std::vector<std::vector<uint8_t>> planes;
    std::vector<uint8_t*> pointers;
    for (const size_t size : sizes) planes.emplace_back(size);
    for (auto& plane : planes) pointers.push_back(plane.data());
    mone_actors_scene_render(scene.scene, 1.5, pointers.data(), strides.data());
    return planes;
  };
  const auto rgb = draw(MONE_ACTORS_RGB, {480}, {kSize * 3})[0];
  const auto rgbx = draw(MONE_ACTORS_RGBX, {640}, {kSize * 4})[0];
  const auto bgrx = draw(MONE_ACTORS_BGRX, {640}, {kSize * 4})[0];
  const auto i420 = draw(MONE_ACTORS_I420, {160, 80, 80}, {kSize, kSize / 4, kSize / 4});
  const auto nv12 = draw(MONE_ACTORS_NV12, {160, 160}, {kSize, kSize / 2});
  EXPECT_EQ(i420[0], nv12[0]);
  for (size_t i = 0; i < kSize; ++i) {
    for (size_t c = 0; c < 3; ++c) {
      ASSERT_EQ(rgb[3 * i + c], rgbx[4 * i + c]);
      ASSERT_EQ(rgb[3 * i + c], bgrx[4 * i + 2 - c]);
    }
    const double y = 16 + (65.738 * rgb[3 * i] + 129.057 * rgb[3 * i + 1] + 25.064 * rgb[3 * i + 2]) / 256;
    ASSERT_NEAR(i420[0][i], y, 1.5);
  }
  for (size_t i = 0; i < kSize / 4; ++i) {
    ASSERT_EQ(i420[1][i], nv12[1][2 * i]);
    ASSERT_EQ(i420[2][i], nv12[1][2 * i + 1]);
  }
}

TEST(Actors, AnyTimeHasAPicture) {
  Scene scene("walk:1,wave:1");
  EXPECT_EQ(scene.gray(-5), scene.gray(0));
  EXPECT_EQ(scene.gray(std::nan("")), scene.gray(0));
  EXPECT_EQ(scene.gray(1e300), scene.gray(1e9));
  Scene quick("walk:0.1,wave:0.1");  // more entries by then than an int can count
  for (int k = -50; k <= 50; ++k) EXPECT_GE(quick.truth(1e9 + k * 0.0137).entry, 0) << k;
  quick.gray(2.2e8);
}

TEST(Actors, TimesAreAsTheScriptWritesThem) {
  Scene scene("walk:1.6,wave:2.2,run:1");
  EXPECT_EQ(mone_actors_scene_duration(scene.scene), 1.6 + 2.2 + 1);
  EXPECT_EQ(scene.label(1.6), "wave");
  EXPECT_EQ(scene.label(3.7999), "wave");
  EXPECT_EQ(scene.label(3.8), "run") << "1.6 + 2.2 is a little more";
  // Again and again: the first frame of a pass belongs to it.
  for (const auto& [script, tenths] :
       {std::pair("walk:1.6,wave:2.2", 38), {"walk:1.1,wave:1.1", 22}, {"walk:0.1,wave:0.2", 3}}) {
    Scene looped(script);
    for (int pass = 0; pass < 200; ++pass) {
      const double begin = pass * tenths / 10.0;
      EXPECT_EQ(looped.label(begin), "walk") << script << " at " << begin;
      EXPECT_EQ(looped.truth(begin).entry, 2 * pass) << script << " at " << begin;
    }
  }
}

TEST(Actors, PersonsAreThoseWhoAreSeen) {
  mone_actors_scene_options options;
  mone_actors_scene_options_init(&options);
  options.script = "push:8";
  options.width = 90, options.height = 160;  // a phone held upright: the second may stand outside
  options.clutter = 0;
  int alone = 0;
  for (options.seed = 0; options.seed < 60; ++options.seed) {
    mone_actors_scene* scene = mone_actors_scene_new(&options);
    for (double t = 0; t < 8; t += 0.25) {
      mone_actors_truth truth;
      mone_actors_scene_truth(scene, t, &truth);
      EXPECT_EQ(truth.persons > 0, truth.width > 0 && truth.height > 0) << options.seed << " at " << t;
      alone += truth.persons < 2;
    }
    mone_actors_scene_free(scene);
  }
  EXPECT_GT(alone, 0) << "or this shows nothing";
}

TEST(Actors, ALongClipGoesOnMoving) {
  mone_actors_clip_options options = small_clips();
  options.fps = 8;
  options.frames = 64;
  options.difficulty = 0;
  constexpr int kClips = 18;
  std::vector<int32_t> labels(kClips);
  for (int i = 0; i < kClips; ++i) labels[static_cast<size_t>(i)] = i;
  constexpr size_t kPicture = 64 * 64;
  std::vector<uint8_t> pixels(kClips * 64 * kPicture);
  std::vector<float> span(kClips * 2);
  ASSERT_EQ(mone_actors_render_clips(5, kClips, labels.data(), &options, pixels.data(), nullptr, nullptr,
                                     span.data()),
            0);
  int still = 0;
  for (size_t clip = 0; clip < kClips; ++clip)
    for (size_t f = 1; f < 64; ++f) {
      const uint8_t* at = pixels.data() + (clip * 64 + f) * kPicture;
      still += std::equal(at, at + kPicture, at - kPicture);
    }
  EXPECT_LT(still, 64) << "but of an empty picture";
  const auto whole = [&](int clip) { return span[2 * static_cast<size_t>(clip)] == 0; };
  int all = 0;
  for (int clip = 0; clip < kClips; ++clip) all += whole(clip);
  EXPECT_LT(all, kClips / 2) << "the action begins somewhere in most";
}

TEST(Actors, TheActionOfALongClipLastsMostOfIt) {
  mone_actors_clip_options options = small_clips();
  options.fps = 8;
  options.frames = 128;
  constexpr int kClips = 18;
  std::vector<int32_t> labels(kClips);
  std::iota(labels.begin(), labels.end(), 0);
  std::vector<uint8_t> pixels(kClips * 128 * 64 * 64);
  std::vector<float> span(kClips * 2);
  ASSERT_EQ(mone_actors_render_clips(5, kClips, labels.data(), &options, pixels.data(), nullptr, nullptr,
                                     span.data()),
            0);
  for (size_t clip = 0; clip < kClips; ++clip) {
    EXPECT_LT(span[2 * clip], 0.5F) << "sixteen seconds of " << clip;
    EXPECT_GT(span[2 * clip + 1], 0.9F) << "sixteen seconds of " << clip;
  }
}

TEST(Actors, OddSizesAndPaddedRowsStayInside) {
  mone_actors_scene_options options;
  mone_actors_scene_options_init(&options);
  options.width = 101;
  options.height = 77;
  options.clutter = 1;
  mone_actors_scene* scene = mone_actors_scene_new(&options);
  ASSERT_NE(scene, nullptr);
  std::vector<uint8_t> y(128 * 77, 7), u(64 * 39, 7), v(64 * 39, 7);
  uint8_t* planes[] = {y.data(), u.data(), v.data()};
  const int32_t strides[] = {128, 64, 64};
  for (int i = 0; i < 30; ++i) mone_actors_scene_render(scene, i * 3.3, planes, strides);
  for (size_t row = 0; row < 77; ++row)
    for (size_t x = 101; x < 128; ++x) ASSERT_EQ(y[row * 128 + x], 7);
  mone_actors_scene_free(scene);
}

}  // namespace
