// Where an engine runs, and what is said where it cannot.
#include "engine/backend/device_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "engine/backend/registry.h"
#include "tests/tiny_model.h"

namespace mone {
namespace {

using testing::HasSubstr;

TEST(DeviceChoice, IsWrittenInAFewWays) {
  EXPECT_EQ(parse_device("").value().kind, DeviceChoice::kAuto);
  EXPECT_EQ(parse_device("auto").value().kind, DeviceChoice::kAuto);
  EXPECT_EQ(parse_device("cpu").value().kind, DeviceChoice::kCpu);
  EXPECT_EQ(parse_device("cuda").value().index, 0);
  EXPECT_EQ(parse_device("cuda:3").value().index, 3);
  for (const char* wrong : {"gpu", "cuda:", "cuda:-1", "cuda:x", "cuda:1x", "CPU"})
    EXPECT_THAT(parse_device(wrong).error().text, HasSubstr(wrong));
}

class DeviceOfAnEngine : public testing::Test {
 protected:
  Result<std::shared_ptr<Engine>> make(const std::string& backend, const std::string& device) {
    EngineOptions options;
    options.backend = backend;
    options.device = device;
    return Engine::create(Model::load(test::write_model(test::tiny_fe())).value(), options);
  }
  std::string error(const std::string& backend, const std::string& device) {
    const auto engine = make(backend, device);
    return engine ? "no failure, but " + engine.value()->backend() : engine.error().text;
  }
};

TEST_F(DeviceOfAnEngine, IsTheCpuWhereThatIsAskedFor) {
  EXPECT_NE(make("", "cpu").value()->backend(), "cuda");
  EXPECT_EQ(make("reference", "cpu").value()->backend(), "reference");
}

TEST_F(DeviceOfAnEngine, MustBeOneThatTheBackendRunsOn) {
  EXPECT_THAT(error("reference", "cuda"), HasSubstr("reference does not run on device cuda"));
  EXPECT_THAT(error("cuda", "cpu"), HasSubstr("cuda does not run on device cpu"));
  EXPECT_THAT(error("", "tpu"), HasSubstr("device is auto, cpu, cuda or cuda:N"));
}

TEST_F(DeviceOfAnEngine, IsNotChangedSilentlyWhereAGpuIsAskedForAndThereIsNone) {
  // The module is looked for once in a process, so this is the one place that names another.
  setenv("MONE_CUDA_MODULE", "/nowhere/libmone-cuda.so", 1);
  EXPECT_THAT(error("", "cuda"), HasSubstr("cuda: libmone-cuda.so is not here"));
  EXPECT_THAT(error("cuda", ""), HasSubstr("build with -Dcuda=enabled"));
  EXPECT_NE(make("", "auto").value()->backend(), "cuda");
}

}  // namespace
}  // namespace mone
