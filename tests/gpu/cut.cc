// cut [quick]: tubelets cut in a GPU's memory against TubeletCutter's on the CPU, byte by byte, and how long
// a step takes. `quick`, for compute-sanitizer, does without large frames and times. One line a check, exit
// code 1 if one fails.
#include <cuda_runtime_api.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <random>
#include <thread>

#include "engine/engine.h"
#include "engine/gpu_cutter.h"
#include "engine/tubelet.h"
#include "tests/gpu/models.h"
#include "tests/unit/picture.h"

namespace mone {
namespace {

int failures = 0;

void report(const std::string& check, bool good, const std::string& figures) {
  std::printf("%s  %s  %s\n", good ? "ok    " : "FAILED", check.c_str(), figures.c_str());
  std::fflush(stdout);
  failures += !good;
}

/// A frame's planes in the memory of the device.
class DeviceFrame {
 public:
  explicit DeviceFrame(const test::OwnedFrame& from) : frame(from.frame) {
    for (std::size_t p = 0; p < from.bytes.size(); ++p) {
      if (!from.frame.planes[p]) continue;
      const std::size_t bytes = from.bytes[p].size();
      if (cudaMalloc(&memory_[p], bytes) != cudaSuccess ||
          cudaMemcpy(memory_[p], from.bytes[p].data(), bytes, cudaMemcpyHostToDevice) != cudaSuccess)
        throw DeviceError("no memory for a frame");
      frame.planes[p] = static_cast<const std::uint8_t*>(memory_[p]);
    }
  }
  ~DeviceFrame() {
    for (void* plane : memory_) cudaFree(plane);
  }
  DeviceFrame(const DeviceFrame&) = delete;

  Frame frame;

 private:
  void* memory_[3] = {};
};

test::OwnedFrame noise(PixelFormat format, int width, int height, unsigned seed) {
  std::mt19937 random(seed);
  const auto paint = [&](double, double) {
    return test::Rgb{random() % 320 - 32., random() % 320 - 32., random() % 320 - 32.};
  };
  return test::paint_frame(format, width, height, paint,
                           seed % 2 ? ColourMatrix::kBt709 : ColourMatrix::kBt601,
                           seed % 3 ? ColourRange::kLimited : ColourRange::kFull);
}

TubeletFormat contract(Planes planes, Fit fit, int size) {
  TubeletFormat f;
  f.width = f.height = size;
  f.planes = planes;
  f.fit = fit;
  f.resize_short = size + size / 7;
  return f;
}

std::unique_ptr<Cutter> make(const TubeletFormat& format) {
  auto cutter = make_gpu_cutter(0, format);
  if (!cutter) throw DeviceError(cutter.error().text);
  return std::move(cutter).value();
}

/// Bytes that differ in some tubelets of frames of this kind.
long compare(const TubeletFormat& format, PixelFormat pixels, int width, int height, Interlace interlace) {
  const auto gpu = make(format);
  TubeletCutter cpu(format);
  const auto tubelet = gpu->new_tubelet();
  std::vector<std::uint8_t> expected(tubelet->bytes().size()), got(expected.size());
  long different = 0;
  for (int step = 0; step < 8; ++step) {
    auto frame = noise(pixels, width, height, 100 + step / 2);
    frame.frame.interlace = interlace;
    cpu.load(frame.frame);
    gpu->load(DeviceFrame(frame).frame);
    cpu.cut(step % format.pt, expected);
    gpu->cut(step % format.pt, tubelet->bytes());
    if (step % format.pt + 1 < format.pt) continue;
    tubelet->read(got);
    for (std::size_t i = 0; i < got.size(); ++i) different += got[i] != expected[i];
  }
  return different;
}

/// Answers that differ in a bit when an engine takes its tubelets where they were cut and from the host.
int compare_in_engine(DType dtype) {
  const auto model = Model::load(test::write_model(test::small_fe(4)));
  if (!model) throw ConfigError(model.error().text);
  const auto engine = Engine::create(model.value(), {"cuda", dtype});
  if (!engine) throw ConfigError(engine.error().text);
  const TubeletFormat format = tubelet_format(model.value()->config());
  const auto gpu = make(format);
  const auto from_gpu = engine.value()->new_stream(), from_host = engine.value()->new_stream();
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(format.bytes()));
  int different = 0;
  for (int i = 0; i < 12; ++i) {
    const auto tubelet = gpu->new_tubelet();
    for (int t = 0; t < format.pt; ++t) {
      gpu->load(DeviceFrame(noise(PixelFormat::kNv12, 321, 181, 10 * i + t)).frame);
      gpu->cut(t, tubelet->bytes());
    }
    tubelet->read(pixels);
    const double budget = i % 3 ? 0.4 : 1;
    const auto expected = from_host->push({pixels}, budget).logits;
    Tubelet there{tubelet->bytes()};
    there.gpu = tubelet->gpu();
    const auto got = from_gpu->push(there, budget).logits;
    different += !std::equal(got.begin(), got.end(), expected.begin(), expected.end());
  }
  return different;
}

/// The context that others are to allocate frames in is the one that cudaMalloc() of this program allocates
/// in.
bool context_is_current() {
  const auto context = gpu_context(0);
  cudaSetDevice(0);
  void* symbol = nullptr;
  cudaGetDriverEntryPointByVersion("cuCtxGetCurrent", &symbol, 4000, cudaEnableDefault);
  void* current = nullptr;
  return context && symbol && reinterpret_cast<int (*)(void**)>(symbol)(&current) == 0 &&
         current == context.value();
}

/// Bytes that differ when a tubelet is read by one thread while the next is cut by another.
long read_while_cutting() {
  const TubeletFormat format = contract(Planes::kRgb, Fit::kCrop, 112);
  const auto gpu = make(format);
  TubeletCutter cpu(format);
  const auto image = noise(PixelFormat::kNv12, 321, 181, 7);
  const DeviceFrame frame(image);
  const auto tubelet = gpu->new_tubelet(), next = gpu->new_tubelet();
  std::vector<std::uint8_t> expected(tubelet->bytes().size()), got(expected.size());
  cpu.load(image.frame);
  gpu->load(frame.frame);
  for (int t = 0; t < format.pt; ++t) cpu.cut(t, expected), gpu->cut(t, tubelet->bytes());
  long different = 0;
  std::jthread reader([&] {
    for (int i = 0; i < 200; ++i) {
      tubelet->read(got);
      for (std::size_t b = 0; b < got.size(); ++b) different += got[b] != expected[b];
    }
  });
  for (int i = 0; i < 200; ++i) {
    gpu->load(frame.frame);
    gpu->cut(i % format.pt, next->bytes());
  }
  reader.join();
  return different;
}

void time(const char* name, const TubeletFormat& format, PixelFormat pixels, int width, int height) {
  using Clock = std::chrono::steady_clock;
  const auto gpu = make(format);
  const auto tubelet = gpu->new_tubelet();
  const DeviceFrame frame(noise(pixels, width, height, 1));
  constexpr int kSteps = 500;
  Clock::time_point start;
  for (int step = -20; step < kSteps; ++step) {
    if (step == 0) start = Clock::now();
    gpu->load(frame.frame);
    gpu->cut(step & 1, tubelet->bytes());
  }
  const double us = std::chrono::duration<double, std::micro>(Clock::now() - start).count() / kSteps;
  report(std::string("time: ") + name, true, std::to_string(us) + " us a step, waits included");
}

int run(bool quick) {
  constexpr std::pair<int, int> kSizes[] = {{97, 141}, {641, 363}, {1920, 1080}};
  for (const PixelFormat pixels : {PixelFormat::kNv12, PixelFormat::kRgba})
    for (const Planes planes : {Planes::kRgb, Planes::kLumaMotion})
      for (const Fit fit : {Fit::kCrop, Fit::kPad})
        for (const auto& [width, height] : std::span(kSizes).first(quick ? 1 : 3))
          for (const Interlace interlace : {Interlace::kProgressive, Interlace::kBottomFirst}) {
            const long different = compare(contract(planes, fit, 112), pixels, width, height, interlace);
            report(std::string(pixels == PixelFormat::kNv12 ? "NV12 " : "RGBA ") + std::to_string(width) +
                       "x" + std::to_string(height) + " " + to_name(planes) + " " + to_name(fit) +
                       (interlace == Interlace::kProgressive ? "" : " bottom field"),
                   different == 0, std::to_string(different) + " bytes differ");
          }
  for (const PixelFormat pixels : {PixelFormat::kNv12, PixelFormat::kRgba})
    for (const Planes planes : {Planes::kRgb, Planes::kLumaMotion}) {
      TubeletFormat format = contract(planes, Fit::kPad, 112);
      format.crop = CropMode::kMotion;
      const long different = compare(format, pixels, 321, 181, Interlace::kProgressive);
      report(
          std::string("crop motion ") + (pixels == PixelFormat::kNv12 ? "NV12 " : "RGBA ") + to_name(planes),
          different == 0, std::to_string(different) + " bytes differ");
    }
  for (const DType dtype : {DType::kF32, DType::kBf16}) {
    const int different = compare_in_engine(dtype);
    report(std::string("tubelets in the engine, ") + to_name(dtype), different == 0,
           std::to_string(different) + " answers differ in a bit");
  }
  report("the context for frames", context_is_current(), "");
  const long torn = read_while_cutting();
  report("tubelets read by another thread", torn == 0, std::to_string(torn) + " bytes differ");
  if (!quick) {
    time("NV12 1920x1080 to 224x224 rgb", contract(Planes::kRgb, Fit::kCrop, 224), PixelFormat::kNv12, 1920,
         1080);
    time("NV12 1920x1080 to 112x112 luma-motion", contract(Planes::kLumaMotion, Fit::kPad, 112),
         PixelFormat::kNv12, 1920, 1080);
    TubeletFormat motion = contract(Planes::kLumaMotion, Fit::kPad, 112);
    motion.crop = CropMode::kMotion;
    time("NV12 1920x1080 to 112x112 luma-motion, crop motion", motion, PixelFormat::kNv12, 1920, 1080);
  }
  std::printf("%d checks failed\n", failures);
  return failures != 0;
}

}  // namespace
}  // namespace mone

int main(int count, char** arguments) {
  try {
    return mone::run(count > 1 && !std::strcmp(arguments[1], "quick"));
  } catch (const std::exception& error) {
    std::printf("FAILED  %s\n", error.what());
    return 1;
  }
}
