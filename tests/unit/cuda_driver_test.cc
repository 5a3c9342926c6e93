// The real module where there is no driver, or a driver that is too old (a library of that name that says
// so).
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/engine.h"
#include "tests/tiny_model.h"

namespace mone {
namespace {

std::string error_of_cuda() {
  const auto engine = Engine::create(Model::load(test::write_model(test::tiny_fe())).value(), {"cuda"});
  return engine ? "no failure" : engine.error().text;
}

TEST(CudaDriver, ThatIsMissingIsNamed) {
  if (dlopen("libcuda.so.1", RTLD_LAZY)) GTEST_SKIP() << "there is a driver";
  EXPECT_THAT(error_of_cuda(), testing::HasSubstr("there is no NVIDIA driver here"));
}

TEST(CudaDriver, ThatIsTooOldIsNamedWithBothVersions) {
  void* driver = dlopen("libcuda.so.1", RTLD_LAZY);
  if (!driver || !dlsym(driver, "mone_old_driver")) GTEST_SKIP() << "the library path has no old driver";
  EXPECT_THAT(error_of_cuda(), testing::HasSubstr("for CUDA 11.4, too old for CUDA"));
}

}  // namespace
}  // namespace mone
