// A CUDA module that the environment names is there: without it the cases of its backend would be left out,
// and nothing would fail.
#include <gtest/gtest.h>

#include <cstdlib>

#include "engine/backend/registry.h"

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

}  // namespace
}  // namespace mone
