// The CUDA backend on an emulated device: what it records, what it keeps, and what it says when the device
// fails.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <thread>

#include "engine/backend/cuda/backend.h"
#include "engine/backend/cuda/entry.h"
#include "engine/backend/registry.h"
#include "engine/engine_impl.h"
#include "tests/emulation/emulated_runtime.h"
#include "tests/numbers.h"
#include "tests/tiny_model.h"

namespace mone {
namespace {

using emulation::EmulatedDevice;
using emulation::EmulatedRuntime;
using testing::HasSubstr;

std::vector<std::string> logged;

/// An environment variable while it lives.
class Setting {
 public:
  Setting(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
  Setting(const Setting&) = delete;
  Setting& operator=(const Setting&) = delete;
  ~Setting() { unsetenv(name_); }

 private:
  const char* name_;
};

/// An engine on an emulated device, and the device.
struct OnDevice {
  explicit OnDevice(const test::TinyModel& tiny = test::tiny_fe(), DType dtype = DType::kBf16,
                    const EmulatedDevice& device = {}, bool deterministic = false) {
    logged.clear();
    auto owned = std::make_unique<EmulatedRuntime>(device);
    runtime = owned.get();
    engine = std::make_shared<EngineImpl>(
        Model::load(test::write_model(tiny)).value(),
        std::make_unique<cuda::CudaBackend>(
            std::move(owned), BackendOptions{dtype, 0, deterministic, 0,
                                             [](int, const std::string& line) { logged.push_back(line); }}));
    for (unsigned i = 0; i < 8; ++i) tubelets.push_back(test::random_tubelet(engine->model().config(), i));
  }
  std::vector<float> push(Stream& stream, int tubelet, double budget) {
    const auto logits = stream.push({tubelets[tubelet]}, budget).logits;
    return {logits.begin(), logits.end()};
  }
  /// New streams' first tubelets in one call, at these budgets.
  std::vector<std::vector<float>> push_together(const std::vector<double>& budgets) {
    std::vector<std::unique_ptr<Stream>> streams;
    std::vector<StreamPush> pushes;
    for (std::size_t i = 0; i < budgets.size(); ++i) {
      streams.push_back(engine->new_stream());
      pushes.push_back({streams.back().get(), {tubelets[i % tubelets.size()]}, budgets[i]});
    }
    engine->push(pushes);
    std::vector<std::vector<float>> logits;
    for (const StreamPush& push : pushes)
      logits.emplace_back(push.prediction->logits.begin(), push.prediction->logits.end());
    return logits;
  }
  EmulatedRuntime* runtime;
  std::shared_ptr<EngineImpl> engine;
  std::vector<std::vector<std::uint8_t>> tubelets;
};

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const DeviceError& error) {
    return error.what();
  }
  return "no DeviceError";
}

TEST(EmulatedDevice, NoticesWhoLeavesABuffer) {
  EmulatedRuntime runtime;
  const cuda::DeviceMemory memory(runtime, 10, {"ten bytes"});
  const cuda::PinnedMemory host(runtime, 64, {"source"});
  EXPECT_DEATH(
      {
        runtime.copy_in(memory.as(), host.get(), 17, {"a copy"});
        runtime.wait({"a copy"});
      },
      "");
  runtime.copy_in(memory.as(), host.get(), 11, {"a copy"});  // into what fills up a line of 16 bytes
  EXPECT_THROW(runtime.wait({"a copy"}), std::logic_error);
}

TEST(CudaBackend, RecordsAStepThatComesAgainAndGivesTheSameBits) {
  OnDevice device;
  const auto first = device.engine->new_stream(), second = device.engine->new_stream();
  const double budgets[] = {1, 0.3, 1, 0.3, 1, 0.3};
  std::vector<std::vector<float>> logits;
  for (int i = 0; i < 6; ++i) logits.push_back(device.push(*first, i, budgets[i]));
  EXPECT_EQ(device.runtime->graphs(), 3);  // encoding at two budgets, predicting
  EXPECT_GT(device.runtime->graph_launches(), 4);
  const int launches = device.runtime->launches();
  for (int i = 0; i < 6; ++i) EXPECT_EQ(device.push(*second, i, budgets[i]), logits[i]) << i;
  EXPECT_EQ(device.runtime->launches(), launches);  // graphs alone
}

TEST(CudaBackend, RecordsAreForgottenWhenALargerBatchMovesTheMemory) {
  OnDevice device;
  const auto a = device.engine->new_stream(), b = device.engine->new_stream(),
             alone = device.engine->new_stream();
  for (int i = 0; i < 3; ++i) device.push(*a, i, 0.5);
  for (int i = 0; i < 3; ++i) device.push(*b, i, 0.5);
  StreamPush pushes[] = {{a.get(), {device.tubelets[3]}, 0.5}, {b.get(), {device.tubelets[3]}, 0.5}};
  device.engine->push(pushes);
  EXPECT_EQ(device.runtime->graphs(), 0);
  for (int i = 0; i < 3; ++i) device.push(*alone, i, 0.5);
  const std::vector<float> expected = device.push(*alone, 3, 0.5);
  EXPECT_THAT(pushes[0].prediction->logits, testing::ElementsAreArray(expected));
  EXPECT_THAT(pushes[1].prediction->logits, testing::ElementsAreArray(expected));
}

TEST(CudaBackend, WhoeverSharesTheBatchARowsBitsAreTheSame) {
  for (const DType dtype : {DType::kF32, DType::kBf16, DType::kF16}) {
    OnDevice device(test::tiny_fe(), dtype);
    std::vector<std::unique_ptr<Stream>> together;
    std::vector<StreamPush> pushes;
    const double budgets[] = {0.2, 1, 0.5, 0.8, 0.2, 0.4};
    for (int i = 0; i < 6; ++i) {
      together.push_back(device.engine->new_stream());
      pushes.push_back({together.back().get(), {device.tubelets[i]}, budgets[i]});
    }
    device.engine->push(pushes);
    for (int i = 0; i < 6; ++i) {
      const auto alone = device.engine->new_stream();
      const std::vector<float> expected = device.push(*alone, i, budgets[i]);
      EXPECT_THAT(pushes[i].prediction->logits, testing::ElementsAreArray(expected))
          << to_name(dtype) << " " << i;
    }
  }
}

/// Tubelets of the list in the device's memory, on a runtime of their own as a cutter's are.
struct DevicePixels {
  explicit DevicePixels(const std::vector<std::vector<std::uint8_t>>& tubelets) {
    for (const auto& tubelet : tubelets) {
      memory.emplace_back(runtime, tubelet.size(), cuda::What{"a tubelet"});
      runtime.upload(memory.back().as<>(), tubelet.data(), tubelet.size(), {"a tubelet"});
    }
  }
  Tubelet at(int i) const {
    Tubelet tubelet{{memory[i].as<const std::uint8_t>(), memory[i].bytes()}};
    tubelet.gpu = 0;
    return tubelet;
  }
  EmulatedRuntime runtime;
  std::vector<cuda::DeviceMemory> memory;
};

TEST(CudaBackend, PixelsOnTheDeviceGiveTheBitsOfPixelsOnTheHost) {
  for (const DType dtype : {DType::kF32, DType::kBf16}) {
    OnDevice device(test::tiny_fe(), dtype);
    const DevicePixels pixels(device.tubelets);
    const auto host = device.engine->new_stream(), gpu = device.engine->new_stream();
    for (int i = 0; i < 6; ++i) {
      const std::vector<float> expected = device.push(*host, i, 0.5);
      EXPECT_THAT(gpu->push(pixels.at(i), 0.5).logits, testing::ElementsAreArray(expected)) << i;
    }
    EXPECT_EQ(device.runtime->graphs(), 3);  // encoding from the host and from the device, predicting
  }
}

TEST(CudaBackend, ABatchMayMixPixelsOfHostAndDeviceAndBeRecorded) {
  OnDevice device;
  const DevicePixels pixels(device.tubelets);
  // Which ones are on the device may change from step to step; how many, makes another record.
  const bool on_device[][3] = {{true, false, true},  {false, true, true},   {true, true, false},
                               {true, false, false}, {false, false, false}, {true, true, true}};
  for (int step = 0; step < 6; ++step) {
    std::vector<std::unique_ptr<Stream>> streams;
    std::vector<StreamPush> pushes;
    for (int i = 0; i < 3; ++i) {
      streams.push_back(device.engine->new_stream());
      const int tubelet = (step + i) % 8;
      pushes.push_back({streams.back().get(), {device.tubelets[tubelet]}, 0.4});
      if (on_device[step][i]) pushes.back().tubelet = pixels.at(tubelet);
    }
    device.engine->push(pushes);
    for (int i = 0; i < 3; ++i) {
      const auto alone = device.engine->new_stream();
      const std::vector<float> expected = device.push(*alone, (step + i) % 8, 0.4);
      EXPECT_THAT(pushes[i].prediction->logits, testing::ElementsAreArray(expected)) << step << " " << i;
    }
  }
  EXPECT_GT(device.runtime->graph_launches(), 4);
}

TEST(CudaBackend, PixelsInAMemoryThatTheEngineDoesNotReadAreRefused) {
  const auto error_of_push = [](Engine& engine, const Tubelet& tubelet) -> std::string {
    try {
      engine.new_stream()->push(tubelet, 0.5);
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "taken";
  };
  OnDevice fe, joint(test::tiny_joint());
  const DevicePixels pixels(fe.tubelets), clip(joint.tubelets);
  EXPECT_EQ(fe.engine->gpu(), 0);
  EXPECT_EQ(error_of_push(*fe.engine, pixels.at(0)), "taken");
  Tubelet elsewhere = pixels.at(0);
  elsewhere.gpu = 1;
  EXPECT_THAT(error_of_push(*fe.engine, elsewhere),
              AllOf(HasSubstr("memory of GPU 1"), HasSubstr("from the host and GPU 0")));
  EXPECT_EQ(joint.engine->gpu(), -1);
  EXPECT_THAT(error_of_push(*joint.engine, clip.at(0)),
              AllOf(HasSubstr("memory of GPU 0"), HasSubstr("(cuda, joint) takes them from the host")));
  const auto cpu =
      Engine::create(Model::load(test::write_model(test::tiny_fe())).value(), {"reference", DType::kF32})
          .value();
  EXPECT_EQ(cpu->gpu(), -1);
  EXPECT_THAT(error_of_push(*cpu, pixels.at(0)), HasSubstr("this engine (reference, factorised)"));
}

TEST(CudaBackend, KeepsABoundedNumberOfRecordsAndNoMoreMemory) {
  OnDevice device;
  const auto stream = device.engine->new_stream();
  std::size_t bytes = 0;
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 8; ++i) device.push(*stream, i, 0.1 + 0.11 * i);
    if (round == 1) bytes = device.runtime->bytes_in_use();
  }
  EXPECT_EQ(device.runtime->bytes_in_use(), bytes);
  // Pairs of other budgets: more shapes than are kept. A shape is recorded when it comes again.
  int most = 0, shapes = 0;
  for (int a = 0; a < 12; ++a)
    for (int b = 0; b < 12; ++b, ++shapes) {
      for (int round = 0; round < 2; ++round) device.push_together({0.13 + 0.075 * a, 0.13 + 0.075 * b});
      most = std::max(most, device.runtime->graphs());
    }
  EXPECT_GT(shapes, 128);
  EXPECT_GT(most, 64);
  EXPECT_LE(most, 128);
}

TEST(CudaBackend, SixteenBitsAreNearTheReference) {
  const auto model = Model::load(test::write_model(test::tiny_fe())).value();
  const auto reference = Engine::create(model, {"reference", DType::kF32}).value();
  for (const auto& [dtype, gpu, close] : {std::tuple(DType::kF16, EmulatedDevice{2, 7, 5}, 0.05),
                                          std::tuple(DType::kBf16, EmulatedDevice{2, 8, 0}, 0.1)}) {
    OnDevice device(test::tiny_fe(), dtype, gpu);
    EXPECT_EQ(device.engine->device_name(), device.runtime->device().name);
    const auto stream = device.engine->new_stream(), expected = reference->new_stream();
    for (int i = 0; i < 4; ++i) {
      const auto logits = device.push(*stream, i, 1);
      EXPECT_LE(test::largest_difference(logits, expected->push({device.tubelets[i]}, 1).logits), close);
    }
  }
}

TEST(CudaBackend, HeadsOf128AreNearTheReferenceOnEveryKindOfDevice) {
  test::TinyModel model = test::tiny_joint();
  model.config.D = 128, model.config.H = 1, model.config.frames = 10;  // 81 rows: two turns of keys
  const auto reference =
      Engine::create(Model::load(test::write_model(model)).value(), {"reference", DType::kF32}).value();
  for (const EmulatedDevice& gpu :
       {EmulatedDevice{2, 7, 5}, EmulatedDevice{2, 8, 6}, EmulatedDevice{2, 9, 0}}) {
    OnDevice device(model, DType::kF16, gpu);
    const auto stream = device.engine->new_stream(), expected = reference->new_stream();
    EXPECT_LE(
        test::largest_difference(device.push(*stream, 0, 1), expected->push({device.tubelets[0]}, 1).logits),
        0.05)
        << gpu.major;
  }
}

TEST(CudaBackend, HoppersInstructionsGiveWhatTheOthersDo) {
  // One multiprocessor, so that every product is large enough for them.
  EmulatedDevice hopper;
  hopper.multiprocessors = 1;
  hopper.major = 9;
  for (const DType dtype : {DType::kBf16, DType::kF16}) {
    OnDevice plain(test::tiny_fe(), dtype, hopper);
    const Setting wgmma("MONE_CUDA_PRODUCTS", "wgmma");
    OnDevice groups(test::tiny_fe(), dtype, hopper);
    const auto a = plain.engine->new_stream(), b = groups.engine->new_stream();
    for (const double budget : {1.0, 0.4}) EXPECT_EQ(groups.push(*b, 0, budget), plain.push(*a, 0, budget));
    EXPECT_GT(groups.runtime->launches_of("WarpgroupProduct"), 0);
    EXPECT_EQ(plain.runtime->launches_of("WarpgroupProduct"), 0);
  }
}

TEST(CudaLibraries, AttentionIsTheirsWhereAnItemsRowsAreInOnePiece) {
  for (const bool joint : {false, true}) {
    const test::TinyModel model = joint ? test::tiny_joint() : test::tiny_fe();
    for (const DType dtype : {DType::kBf16, DType::kF16}) {
      OnDevice plain(model, dtype);
      const Setting cudnn("MONE_CUDA_ATTENTION", "cudnn");
      OnDevice library(model, dtype);
      EXPECT_THAT(logged, testing::ElementsAre(HasSubstr("attention by host loops")));
      for (const auto& budgets : std::vector<std::vector<double>>{{1}, {0.3}, {1, 1, 1}, {0.3, 1}}) {
        const auto expected = plain.push_together(budgets);
        for (int round = 0; round < 3; ++round) {  // recorded the second time, launched whole the third
          const auto got = library.push_together(budgets);
          for (std::size_t i = 0; i < budgets.size(); ++i)
            EXPECT_LE(test::largest_difference(got[i], expected[i]), 0.02) << joint << round << i;
        }
      }
      EXPECT_GT(library.runtime->libraries().attentions, 0);
      EXPECT_EQ(library.runtime->libraries().plans_while_recording, 0);
      EXPECT_LT(library.runtime->launches_of("TensorAttention"),
                plain.runtime->launches_of("TensorAttention"));
    }
  }
}

TEST(CudaLibraries, RowsOfItemsThatLieAmongOthersAreOurs) {
  const Setting cudnn("MONE_CUDA_ATTENTION", "cudnn");
  OnDevice device(test::tiny_joint());
  device.push_together({0.3, 1});
  const int ours = device.runtime->launches_of("TensorAttention");
  EXPECT_GT(ours, 0);
  device.push_together({0.3});
  device.push_together({1, 1});
  EXPECT_EQ(device.runtime->launches_of("TensorAttention"), ours);
}

TEST(CudaLibraries, APlanThatWasDroppedIsMadeAgainBeforeAStepIsRecorded) {
  const Setting cudnn("MONE_CUDA_ATTENTION", "cudnn");
  OnDevice device;
  const auto first = device.push_together({1});
  for (int items = 2; items <= 24; ++items) device.push_together(std::vector<double>(items, 1.0));
  const int made = device.runtime->libraries().attention_plans;
  EXPECT_GT(made, 64);
  for (int round = 0; round < 2; ++round) EXPECT_EQ(device.push_together({1}), first);
  EXPECT_GT(device.runtime->libraries().attention_plans, made);
  EXPECT_EQ(device.runtime->libraries().plans_while_recording, 0);
}

TEST(CudaLibraries, ProductsAreTheirsExpertByExpert) {
  for (const DType dtype : {DType::kBf16, DType::kF16}) {
    OnDevice plain(test::tiny_fe(), dtype);
    const Setting cublaslt("MONE_CUDA_PRODUCTS", "cublaslt");
    OnDevice library(test::tiny_fe(), dtype);
    for (const auto& budgets : std::vector<std::vector<double>>{{1}, {0.3}, {0.2, 1, 0.5}}) {
      const auto expected = plain.push_together(budgets);
      for (int round = 0; round < 3; ++round) {
        const auto got = library.push_together(budgets);
        for (std::size_t i = 0; i < budgets.size(); ++i)
          EXPECT_LE(test::largest_difference(got[i], expected[i]), 0.02) << round << i;
      }
    }
    EXPECT_EQ(library.runtime->launches_of("NarrowTensorProduct"), 0);
    EXPECT_EQ(library.runtime->launches_of("WideTensorProduct"), 0);
    EXPECT_GT(library.runtime->libraries().products, library.runtime->launches_of("FinishSums"));
  }
}

TEST(CudaLibraries, WithoutThemOurKernelsDoItAndTheReasonIsLogged) {
  OnDevice plain;
  const auto expected = plain.push_together({0.5});
  const Setting cudnn("MONE_CUDA_ATTENTION", "cudnn"), cublaslt("MONE_CUDA_PRODUCTS", "cublaslt");
  EmulatedDevice bare;
  bare.has_libraries = false;
  OnDevice missing(test::tiny_fe(), DType::kBf16, bare);
  EXPECT_THAT(logged, testing::UnorderedElementsAre(
                          HasSubstr("products by mma, not cuBLASLt: libmone-cublaslt.so cannot be opened"),
                          HasSubstr("our own kernel, not cuDNN: libmone-cudnn.so cannot be opened")));
  EXPECT_EQ(missing.push_together({0.5}), expected);

  OnDevice refused;
  refused.runtime->libraries().has_plans = false;
  EXPECT_EQ(refused.push_together({0.5}), expected);
  EXPECT_THAT(logged, testing::Contains(HasSubstr("it does not know this shape; our own kernels do it")));
  const std::size_t lines = logged.size();
  refused.push_together({0.5});
  EXPECT_EQ(logged.size(), lines);  // said once

  OnDevice exact(test::tiny_fe(), DType::kBf16, {}, true);
  EXPECT_THAT(logged, testing::Each(HasSubstr("deterministic is set")));
  EXPECT_EQ(exact.push_together({0.5}), expected);

  OnDevice turing(test::tiny_fe(), DType::kF16, {4, 7, 5});
  EXPECT_THAT(logged, testing::Contains(HasSubstr("compute capability 8.0")));
}

TEST(CudaLibraries, AFailingOneIsAnErrorThatNamesTheWork) {
  const Setting cudnn("MONE_CUDA_ATTENTION", "cudnn");
  OnDevice device;
  device.runtime->libraries().fail_attention = 2;
  EXPECT_THAT(error_of([&] { device.push_together({0.5}); }), HasSubstr("cuda: attend ["));
  EXPECT_THAT(error_of([&] { device.push_together({0.5}); }), "no DeviceError");
}

TEST(CudaLibraries, AutoTimesBothAtTheStartAndSaysWhoWon) {
  const Setting automatic("MONE_CUDA_ATTENTION", "auto");
  OnDevice device;
  EXPECT_THAT(logged, testing::Contains(testing::AllOf(HasSubstr("host loops"), HasSubstr("our kernel"))));
  const int attentions = device.runtime->libraries().attentions;
  EXPECT_GT(attentions, 0);
  // Plain loops are faster than an emulated GPU.
  EXPECT_THAT(logged.back(), HasSubstr("the library's"));
  device.push_together({0.5});
  EXPECT_GT(device.runtime->libraries().attentions, attentions);
}

TEST(CudaLibraries, UnknownWordsInTheEnvironmentAreErrors) {
  for (const auto& [variable, word, says] :
       {std::tuple("MONE_CUDA_ATTENTION", "flash",
                   "MONE_CUDA_ATTENTION is own, cudnn or auto, not \"flash\""),
        std::tuple("MONE_CUDA_PRODUCTS", "cutlass", "MONE_CUDA_PRODUCTS is mma, wgmma or cublaslt")}) {
    const Setting wrong(variable, word);
    try {
      OnDevice();
      ADD_FAILURE() << "no error";
    } catch (const ConfigError& error) {  // no DeviceError, which would only move the work to the CPU
      EXPECT_THAT(error.what(), HasSubstr(says));
    }
    const Setting none(variable, "");
    EXPECT_NO_THROW(OnDevice());
  }
}

TEST(CudaLibraries, AModuleThatCannotBeOpenedSaysWhy) {
  const std::string folder = testing::TempDir();
  EXPECT_THAT(cuda::open_library(folder, "no-such-module.so").error().text, HasSubstr("it was not built"));
  std::ofstream(folder + "/broken.so") << "not a library";
  EXPECT_THAT(cuda::open_library(folder, "broken.so").error().text, HasSubstr("broken.so cannot be opened"));
}

TEST(CudaBackend, AFailingDeviceEndsTheEngineWithOneErrorThatNamesTheWork) {
  for (const int launch : {1, 7, 20, 60}) {
    OnDevice device(test::tiny_fe(), DType::kBf16, {4, 8, 0, emulation::Order::kForward, 1u << 30, launch});
    const auto stream = device.engine->new_stream();
    std::string first;
    for (int i = 0; i < 8 && first.empty(); ++i) {
      first = error_of([&] { device.push(*stream, i, 0.5); });
      if (first == "no DeviceError") first.clear();
    }
    EXPECT_THAT(first, HasSubstr("cuda: "));
    EXPECT_THAT(first, HasSubstr("]: an illegal memory access"));
    const int launches = device.runtime->launches();
    EXPECT_EQ(error_of([&] { device.push(*stream, 0, 0.5); }), first);
    EXPECT_EQ(error_of([&] { device.engine->new_stream(); }), first);
    EXPECT_EQ(device.runtime->launches(), launches);  // nothing more was tried
  }
}

TEST(CudaBackend, MemoryThatRunsOutIsAnErrorThatNamesWhatWasAskedFor) {
  EmulatedDevice small;
  small.memory_bytes = 20000;
  EXPECT_THAT(error_of([&] { OnDevice(test::tiny_fe(), DType::kF32, small); }), HasSubstr("out of memory"));
  OnDevice device;
  const std::size_t enough = device.runtime->bytes_in_use();
  small.memory_bytes = enough + 60000;
  OnDevice tight(test::tiny_fe(), DType::kBf16, small);
  const auto stream = tight.engine->new_stream();
  const std::vector<float> before = tight.push(*stream, 0, 0.5);
  std::vector<std::unique_ptr<Stream>> streams;
  std::vector<StreamPush> pushes;
  EXPECT_THAT(error_of([&] {
                for (int i = 0; i < 64; ++i) {
                  streams.push_back(tight.engine->new_stream());
                  pushes.push_back({streams.back().get(), {tight.tubelets[0]}, 0.5});
                }
                tight.engine->push(pushes);
              }),
              HasSubstr("out of memory"));
  stream->reset();
  EXPECT_EQ(tight.push(*stream, 0, 0.5), before) << "what has been enough before is enough now";
}

TEST(CudaBackend, ALoneStreamLivesOnWhereABatchDoesNotFit) {
  OnDevice plenty;
  const auto known = plenty.engine->new_stream();
  const std::vector<float> expected = plenty.push(*known, 0, 0.5);
  int batches_failed = 0;
  for (std::size_t more = 0; more < 60000; more += 1000) {
    EmulatedDevice device;
    device.memory_bytes = plenty.runtime->bytes_in_use() + more;
    OnDevice tight(test::tiny_fe(), DType::kBf16, device);
    const auto stream = tight.engine->new_stream();
    if (error_of([&] { tight.push(*stream, 0, 0.5); }) != "no DeviceError") continue;  // not even one fits
    for (const int size : {2, 3, 6})
      batches_failed +=
          error_of([&] { tight.push_together(std::vector<double>(size, 0.5)); }) != "no DeviceError";
    stream->reset();
    for (int i = 0; i < 3; ++i, stream->reset()) EXPECT_EQ(tight.push(*stream, 0, 0.5), expected) << more;
  }
  EXPECT_GT(batches_failed, 0);
}

TEST(CudaBackend, AStepThatFailedLeavesNothingBehind) {
  OnDevice well;
  const auto known = well.engine->new_stream();
  std::vector<std::vector<float>> expected;
  for (int i = 0; i < 3; ++i) expected.push_back(well.push(*known, i, 0.5));
  const int launches = well.runtime->launches();
  for (int refused = 1; refused <= launches; refused += 7) {
    EmulatedDevice device;
    device.refuse_launch = refused;
    OnDevice ill(test::tiny_fe(), DType::kBf16, device);
    int failed = 0;
    for (int round = 0; round < 4; ++round) {
      const auto stream = ill.engine->new_stream();
      for (int i = 0; i < 3; ++i) {
        // The caller's tubelet is gone once its push has thrown.
        auto tubelet = std::make_unique<std::vector<std::uint8_t>>(ill.tubelets[i]);
        std::vector<float> logits;
        const std::string why = error_of([&] {
          const auto answer = stream->push({*tubelet}, 0.5).logits;
          logits.assign(answer.begin(), answer.end());
        });
        tubelet.reset();
        if (why == "no DeviceError") {
          EXPECT_EQ(logits, expected[i]) << refused << " " << round;
          continue;
        }
        EXPECT_THAT(why, HasSubstr("too many resources"));
        ++failed;
        // From another thread, and in a larger batch than before.
        std::thread([&] {
          for (const std::vector<float>& l : ill.push_together({0.5, 0.5, 0.5}))
            EXPECT_EQ(l.size(), logits.size() + expected[0].size());
        }).join();
        break;
      }
    }
    EXPECT_EQ(failed, 1) << refused;
  }
}

TEST(CudaBackend, AStepThatCannotBeRecordedRunsWhole) {
  OnDevice well;
  EmulatedDevice device;
  device.refuse_records = true;
  OnDevice ill(test::tiny_fe(), DType::kBf16, device);
  const auto known = well.engine->new_stream(), stream = ill.engine->new_stream();
  int failed = 0;
  for (int i = 0; i < 6; ++i) {
    const auto expected = well.push(*known, 0, 0.5);
    std::vector<float> logits;
    if (error_of([&] { logits = ill.push(*stream, 0, 0.5); }) != "no DeviceError") {
      ++failed;
      known->reset(), stream->reset();
      continue;
    }
    EXPECT_EQ(logits, expected) << i;
  }
  EXPECT_LE(failed, 2) << "once to encode, once to predict";
}

TEST(CudaBackend, SaysWhichModelsAndFormatsItCannotRun) {
  ModelConfig config = test::tiny_fe().config;
  EXPECT_EQ(cuda::why_not_model(config, DType::kBf16), "");
  config.D = 24, config.H = 2;
  EXPECT_THAT(cuda::why_not_model(config, DType::kBf16), HasSubstr("multiple of 8"));
  EXPECT_EQ(cuda::why_not_model(config, DType::kF32), "");
  config.D = 1024;
  EXPECT_THAT(cuda::why_not_model(config, DType::kF32), HasSubstr("512 wide, at most 128"));
  EXPECT_THAT(cuda::why_not_dtype(7, 5, DType::kBf16), HasSubstr("no bf16"));
  EXPECT_EQ(cuda::why_not_dtype(7, 5, DType::kF16), "");
  EXPECT_THAT(cuda::why_not_dtype(7, 0, DType::kF16), HasSubstr("older than 7.5"));
  EXPECT_EQ(cuda::best_dtype(7, 5), DType::kF16);
  EXPECT_EQ(cuda::best_dtype(9, 0), DType::kBf16);
}

}  // namespace
}  // namespace mone
