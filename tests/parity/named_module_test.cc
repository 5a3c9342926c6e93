// A CUDA module that the environment names is there: without it the cases of its backend would be left out,
// and nothing would fail.
#include <gtest/gtest.h>

#include <cstdlib>

#include "engine/backend/registry.h"
#include "engine/engine.h"

namespace mone {
namespace {

TEST(NamedModule, IsThere) {
  if (!std::getenv("MONE_CUDA_MODULE")) return;
  for (const BackendEntry& entry : backends()) {
    if (!entry.on_cpu()) {
      EXPECT_EQ(entry.why_not({}, DType::kF32), "");
    }
  }
}

TEST(NamedModule, AMisspeltChoiceIsAFailureAndMovesNoWorkToTheCpu) {
  if (!std::getenv("MONE_CUDA_MODULE")) return;
  const char* before = std::getenv("MONE_CUDA_PRODUCTS");
  const std::string kept = before ? before : "";
  setenv("MONE_CUDA_PRODUCTS", "cutlass", 1);
  for (const char* device : {"auto", "cuda"}) {
    EngineOptions options;
    options.device = device;
    const auto backend = choose_backend({}, options);
    ASSERT_FALSE(backend) << device;
    EXPECT_NE(backend.error().text.find("MONE_CUDA_PRODUCTS is mma, wgmma or cublaslt"), std::string::npos)
        << backend.error().text;
  }
  before ? setenv("MONE_CUDA_PRODUCTS", kept.c_str(), 1) : unsetenv("MONE_CUDA_PRODUCTS");
}

}  // namespace
}  // namespace mone
