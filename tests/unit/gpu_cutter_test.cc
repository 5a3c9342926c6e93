// Tubelets cut in the memory of an emulated GPU, against TubeletCutter: the
// same bytes.
#include "engine/gpu_cutter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "engine/backend/cuda/cutter.h"
#include "engine/tubelet.h"
#include "engine/tubeliser.h"
#include "tests/emulation/emulated_runtime.h"
#include "tests/unit/picture.h"

namespace mone {
namespace {

using cuda::CudaCutter;
using emulation::EmulatedDevice;
using emulation::EmulatedRuntime;
using testing::HasSubstr;

test::OwnedFrame noise(PixelFormat format, int width, int height, unsigned seed,
                       ColourMatrix matrix = ColourMatrix::kBt709,
                       ColourRange range = ColourRange::kLimited) {
  std::mt19937 random(seed);
  // Colours beyond what a camera gives, so that clamping counts, too.
  const auto paint = [&](double, double) {
    return test::Rgb{random() % 320 - 32., random() % 320 - 32., random() % 320 - 32.};
  };
  return test::paint_frame(format, width, height, paint, matrix, range);
}

/// A cutter on a device, one on the CPU, and frames for both.
class Both {
 public:
  explicit Both(const TubeletFormat& format, const EmulatedDevice& device = {})
      : runtime_(std::make_shared<EmulatedRuntime>(device)),
        on_gpu(runtime_, format),
        on_cpu(format),
        tubelet_(on_gpu.new_tubelet()) {}

  using Bytes = std::array<std::vector<std::uint8_t>, 3>;
  /// A frame in the device's memory; gone, and poisoned, with this.
  struct OnDevice {
    OnDevice(EmulatedRuntime& runtime, const Frame& from, const Bytes& bytes) : frame(from) {
      for (std::size_t p = 0; p < bytes.size(); ++p) {
        if (!from.planes[p]) continue;
        planes.emplace_back(runtime, bytes[p].size(), cuda::What{"a frame"});
        runtime.upload(planes.back().as<>(), bytes[p].data(), bytes[p].size(), {"a frame"});
        frame.planes[p] = planes.back().as<std::uint8_t>() + (from.planes[p] - bytes[p].data());
      }
    }
    Frame frame;
    std::vector<cuda::DeviceMemory> planes;
  };

  void load(const Frame& frame, const Bytes& bytes) {
    on_cpu.load(frame);
    on_gpu.load(OnDevice(*runtime_, frame, bytes).frame);
  }
  void load(const test::OwnedFrame& frame) { load(frame.frame, frame.bytes); }

  /// The next step on both sides; after the last one of a tubelet, both
  /// tubelets.
  void step(int t, bool history = false) {
    on_gpu.cut(t, history ? std::span<std::uint8_t>() : tubelet_->bytes());
    expected.resize(static_cast<std::size_t>(on_cpu.format().bytes()));
    on_cpu.cut(t, history ? std::span<std::uint8_t>() : expected);
  }
  std::vector<std::uint8_t> got() const {
    std::vector<std::uint8_t> bytes(tubelet_->bytes().size());
    tubelet_->read(bytes);
    return bytes;
  }

 private:
  std::shared_ptr<EmulatedRuntime> runtime_;

 public:
  CudaCutter on_gpu;
  TubeletCutter on_cpu;
  std::vector<std::uint8_t> expected;

 private:
  std::shared_ptr<TubeletMemory> tubelet_;
};

TubeletFormat contract(Planes planes, Fit fit) {
  TubeletFormat f;
  f.width = 48;
  f.height = 32;
  f.ph = 8;
  f.pw = 16;
  f.planes = planes;
  f.fit = fit;
  f.resize_short = 37;
  return f;
}

constexpr std::pair<Planes, Fit> kContracts[] = {{Planes::kRgb, Fit::kCrop},
                                                 {Planes::kRgb, Fit::kPad},
                                                 {Planes::kLumaMotion, Fit::kCrop},
                                                 {Planes::kLumaMotion, Fit::kPad}};

/// Six steps: new pictures, one that stands for two steps, one that is loaded
/// and never taken.
void play(Both& both, const std::function<void(int)>& load) {
  for (int step = 0, picture = 0; step < 6; ++step) {
    if (step != 3) load(picture++);
    if (step == 4) load(picture++);
    both.step(step % 2);
    if (step % 2 == 0) continue;
    ASSERT_EQ(both.got(), both.expected) << "step " << step;
  }
}

class EveryFrame : public testing::TestWithParam<std::tuple<PixelFormat, std::pair<int, int>>> {};

TEST_P(EveryFrame, GivesTheBytesOfTheCpu) {
  const PixelFormat format = std::get<0>(GetParam());
  const auto [width, height] = std::get<1>(GetParam());
  for (const auto& [planes, fit] : kContracts) {
    Both both(contract(planes, fit));
    play(both, [&, w = width, h = height](int i) { both.load(noise(format, w, h, 10 + i)); });
  }
}

// Far down, a little down, up, a row of pixels; odd sizes, where chroma reaches
// past the edge.
INSTANTIATE_TEST_SUITE_P(Sizes, EveryFrame,
                         testing::Combine(testing::Values(PixelFormat::kNv12, PixelFormat::kRgba),
                                          testing::Values(std::pair{320, 181}, std::pair{97, 141},
                                                          std::pair{51, 33}, std::pair{31, 23},
                                                          std::pair{5, 1}, std::pair{1, 3})));
INSTANTIATE_TEST_SUITE_P(OtherFormats, EveryFrame,
                         testing::Combine(testing::Values(PixelFormat::kI420, PixelFormat::kYuy2,
                                                          PixelFormat::kRgb, PixelFormat::kBgr,
                                                          PixelFormat::kBgra, PixelFormat::kRgbx,
                                                          PixelFormat::kBgrx, PixelFormat::kGray8),
                                          testing::Values(std::pair{97, 141})));

TEST(GpuCutter, EveryMatrixRangeAndChromaSite) {
  for (const auto matrix : {ColourMatrix::kBt601, ColourMatrix::kBt709, ColourMatrix::kBt2020})
    for (const auto range : {ColourRange::kLimited, ColourRange::kFull})
      for (const auto site : {ChromaSite::kLeft, ChromaSite::kCentre})
        for (const Planes planes : {Planes::kRgb, Planes::kLumaMotion}) {
          Both both(contract(planes, Fit::kCrop));
          auto frame = noise(PixelFormat::kNv12, 70, 50, 3, matrix, range);
          frame.frame.chroma_site = site;
          for (int t = 0; t < 2; ++t) {
            both.load(frame);
            both.step(t);
          }
          EXPECT_EQ(both.got(), both.expected);
        }
}

TEST(GpuCutter, CropsFieldsShapesOfPixelsAndRowsFromBottomToTop) {
  struct {
    Box crop;
    Interlace interlace;
    double aspect;
    bool upside_down;
  } const kinds[] = {{{21, 14, 45, 31}, Interlace::kProgressive, 1, false},
                     {{0, 0, 1, 1}, Interlace::kProgressive, 1, false},
                     {{}, Interlace::kTopFirst, 1, false},
                     {{}, Interlace::kBottomFirst, 64.0 / 45, false},
                     {{3, 5, 60, 41}, Interlace::kBottomFirst, 1, false},
                     {{}, Interlace::kProgressive, 1, true}};
  for (const PixelFormat format : {PixelFormat::kNv12, PixelFormat::kRgba})
    for (const auto& kind : kinds)
      for (const auto& [planes, fit] : kContracts) {
        Both both(contract(planes, fit));
        play(both, [&](int i) {
          auto owned = noise(format, 91, 63, 40 + i);
          Frame frame = owned.frame;
          frame.crop = kind.crop;
          frame.interlace = kind.interlace;
          frame.pixel_aspect = kind.aspect;
          for (std::size_t p = 0; kind.upside_down && p < 3; ++p) {
            if (!frame.planes[p]) continue;
            const auto rows = static_cast<std::ptrdiff_t>(owned.bytes[p].size()) / frame.strides[p];
            frame.planes[p] += (rows - 1) * frame.strides[p];
            frame.strides[p] *= -1;
          }
          both.load(frame, owned.bytes);
        });
        EXPECT_EQ(both.on_gpu.box(), both.on_cpu.box());
      }
}

TEST(GpuCutter, TheSizeMayChangeAndAResetForgetsThePast) {
  for (const auto order : {emulation::Order::kForward, emulation::Order::kBackward}) {
    EmulatedDevice device;
    device.order = order;
    Both both(contract(Planes::kLumaMotion, Fit::kPad), device);
    const std::pair<int, int> sizes[] = {{64, 48}, {301, 77}, {64, 48}, {40, 90}};
    for (int i = 0; i < 8; ++i) {
      if (i == 6) {
        both.on_gpu.reset();
        both.on_cpu.reset();
      }
      both.load(noise(PixelFormat::kNv12, sizes[i / 2].first, sizes[i / 2].second, 70 + i));
      both.step(i % 2, i < 2);
      if (i < 3 || i % 2 == 0) continue;
      EXPECT_EQ(both.got(), both.expected) << i;
    }
  }
}

/// A bright rectangle walks over noise that stands still.
test::OwnedFrame walker(PixelFormat format, int width, int height, int step) {
  std::mt19937 random(7);
  const double left = width * (0.1 + 0.03 * step), top = height * 0.3;
  const auto paint = [&](double x, double y) {
    const bool inside = x > left && x < left + width * 0.15 && y > top && y < top + height * 0.4;
    const double still = random() % 60;
    return inside ? test::Rgb{250. - still, 30, 200 - 3. * step} : test::Rgb{still, 90 + still, 60};
  };
  return test::paint_frame(format, width, height, paint);
}

TEST(GpuCutter, ABoxThatFollowsMotionCutsWhatItCutsOnTheCpu) {
  for (const PixelFormat format : {PixelFormat::kNv12, PixelFormat::kRgba})
    for (const auto& [planes, fit] : kContracts) {
      TubeletFormat f = contract(planes, fit);
      f.crop = CropMode::kMotion;
      Both both(f);
      Box last;
      int moves = 0;
      for (int step = 0; step < 24; ++step) {
        if (step == 18) {
          both.on_gpu.reset();
          both.on_cpu.reset();
        }
        if (step % 7 != 3) both.load(walker(format, 123, 81, step));
        both.step(step % 2, step < 2);
        if (step < 3 || step % 2 == 0) continue;
        ASSERT_EQ(both.got(), both.expected) << "step " << step;
        EXPECT_EQ(both.on_gpu.box(), both.on_cpu.box());
        EXPECT_EQ(both.on_gpu.shown_share().left, both.on_cpu.shown_share().left);
        EXPECT_EQ(both.on_gpu.shown_share().height, both.on_cpu.shown_share().height);
        moves += both.on_cpu.box() != last;
        last = both.on_cpu.box();
      }
      EXPECT_GE(moves, 2);  // it has followed something
    }
}

TEST(GpuCutter, EachRegionIsCutAsOnTheCpu) {
  for (const auto& [planes, fit] : kContracts) {
    TubeletFormat f = contract(planes, fit);
    f.crop = CropMode::kRegion;
    Both both(f);
    for (int step = 0; step < 12; ++step) {
      both.load(walker(PixelFormat::kNv12, 123, 81, step));
      both.step(step % 2);
      if (step % 2 == 0) continue;
      std::vector<Region> regions = {{4, {10 + 4 * step, 20, 30, 40}}, {9, {70, 5, 25, 60 - step}}};
      if (step > 8) regions.pop_back();
      if (step == 5) regions.erase(regions.begin());
      both.on_gpu.keep_regions(regions);
      both.on_cpu.keep_regions(regions);
      for (const Region& region : regions) {
        const auto tubelet = both.on_gpu.new_tubelet();
        std::vector<std::uint8_t> got(tubelet->bytes().size()), expected(got.size());
        both.on_gpu.cut_region(region, tubelet->bytes());
        both.on_cpu.cut_region(region, expected);
        tubelet->read(got);
        ASSERT_EQ(got, expected) << "step " << step << " region " << region.id;
        EXPECT_EQ(both.on_gpu.box(), both.on_cpu.box());
      }
    }
  }
}

TEST(GpuCutter, ATubeliserOnAGpuGivesTubeletsThatMayBeKept) {
  for (const CropMode crop : {CropMode::kFull, CropMode::kMotion, CropMode::kRegion}) {
    TubeletFormat f = contract(Planes::kLumaMotion, Fit::kPad);
    f.crop = crop;
    const auto runtime = std::make_shared<EmulatedRuntime>();
    Tubeliser on_gpu(std::make_unique<CudaCutter>(runtime, f), {.stride = 1}), on_cpu(f, {.stride = 1});
    std::vector<std::shared_ptr<TubeletMemory>> kept;
    std::vector<std::vector<std::uint8_t>> expected;
    const Region regions[] = {{2, {20, 10, 50, 60}}, {3, {60, 20, 40, 40}}};
    for (Tubeliser* tubeliser : {&on_gpu, &on_cpu}) tubeliser->set_regions(regions);
    for (int i = 0; i < 12; ++i) {
      const auto owned = walker(PixelFormat::kNv12, 123, 81, i);
      const Time at = std::chrono::milliseconds(100 * i), duration = std::chrono::milliseconds(100);
      on_cpu.push(owned.frame, at, duration, [&](const CutTubelet& t) {
        EXPECT_EQ(t.for_engine().gpu, -1);
        expected.emplace_back(t.pixels.begin(), t.pixels.end());
      });
      Both::OnDevice there(*runtime, owned.frame, owned.bytes);
      on_gpu.push(there.frame, at, duration, [&](const CutTubelet& t) {
        EXPECT_EQ(t.for_engine().gpu, 0);
        EXPECT_EQ(t.for_engine().pixels.data(), (*t.memory)->bytes().data());
        kept.push_back(std::move(*t.memory));
      });
    }
    ASSERT_EQ(kept.size(), crop == CropMode::kRegion ? 12u : 6u);
    ASSERT_EQ(expected.size(), kept.size());
    for (std::size_t i = 0; i < kept.size(); ++i) {
      std::vector<std::uint8_t> got(kept[i]->bytes().size());
      kept[i]->read(got);
      EXPECT_EQ(got, expected[i]) << i;
    }
  }
}

TEST(GpuCutter, RefusesWhatTheCpuRefuses) {
  Both both(contract(Planes::kRgb, Fit::kPad));
  EXPECT_THROW(both.on_gpu.load(Frame{}), ShapeError);
  auto owned = noise(PixelFormat::kNv12, 20, 20, 1);
  owned.frame.crop = {10, 10, 11, 5};
  EXPECT_THROW(both.on_gpu.load(owned.frame), ShapeError);
  owned.frame.crop = {};
  owned.frame.planes[1] = nullptr;
  EXPECT_THROW(both.on_gpu.load(owned.frame), ShapeError);
  std::vector<std::uint8_t> small(5);
  EXPECT_THROW(both.on_gpu.cut(0, small), ShapeError);
  EXPECT_THROW(both.on_gpu.cut(2, {}), ShapeError);
  TubeletFormat f = contract(Planes::kRgb, Fit::kPad);
  f.pw = 5;
  EXPECT_THROW(CudaCutter(std::make_shared<EmulatedRuntime>(), f), ConfigError);
}

TEST(GpuCutter, TubeletsOutliveTheCutterAndAFailingDeviceSaysWhatItDid) {
  const TubeletFormat f = contract(Planes::kRgb, Fit::kPad);
  std::shared_ptr<TubeletMemory> kept;
  {
    Both both(f);
    kept = both.on_gpu.new_tubelet();
  }
  EXPECT_EQ(kept->gpu(), 0);
  EXPECT_EQ(kept->bytes().size(), static_cast<std::size_t>(f.bytes()));
  EmulatedDevice device;
  device.fail_launch = 1;
  Both both(f, device);
  try {
    both.load(noise(PixelFormat::kNv12, 20, 12, 1));
    FAIL() << "no DeviceError";
  } catch (const DeviceError& error) {
    EXPECT_THAT(error.what(), HasSubstr("resize [20, 12, 1536]"));
  }
}

}  // namespace
}  // namespace mone
