// The real modules for NVIDIA's libraries: they open, and where there is no device they say so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "engine/backend/cuda/library.h"

namespace mone::cuda {
namespace {

/// The entry of a module that this build made, or null.
const LibraryEntry* entry_of(const std::string& module) {
  const std::string folder = std::getenv("MONE_CUDA_LIBRARIES");
  if (!std::filesystem::exists(folder + "/" + module)) return nullptr;
  const auto opened = open_library(folder, module);
  EXPECT_TRUE(opened) << opened.error().text;
  return opened ? opened.value() : nullptr;
}

TEST(CudaLibraries, CudnnOpensAndStartsOrSaysWhyNot) {
  const LibraryEntry* entry = entry_of("libmone-cudnn.so");
  if (!entry) GTEST_SKIP() << "this build has no cuDNN";
  EXPECT_EQ(entry->products, nullptr);
  const auto library = entry->attention();
  if (library)
    EXPECT_THAT(library.value()->name(), testing::StartsWith("cuDNN 9."));
  else
    EXPECT_THAT(library.error().text, testing::HasSubstr("cuDNN does not start: CUDNN_STATUS_"));
}

TEST(CudaLibraries, CublasLtOpensAndStartsOrSaysWhyNot) {
  const LibraryEntry* entry = entry_of("libmone-cublaslt.so");
  if (!entry) GTEST_SKIP() << "this build has no cuBLASLt";
  EXPECT_EQ(entry->attention, nullptr);
  const auto library = entry->products();
  if (library)
    EXPECT_THAT(library.value()->name(), testing::StartsWith("cuBLASLt "));
  else
    EXPECT_THAT(library.error().text, testing::HasSubstr("cuBLASLt does not start: "));
}

TEST(CudaLibraries, AModuleOfAnotherVersionIsRefused) {
  const std::string folder = std::getenv("MONE_CUDA_LIBRARIES");
  if (!std::filesystem::exists(folder + "/libmone-cublaslt.so")) GTEST_SKIP() << "this build has no cuBLASLt";
  ASSERT_TRUE(open_library(folder, "libmone-cublaslt.so"));
  EXPECT_THAT(open_library(folder, "libmone-cuda.so").error().text, testing::HasSubstr("another version"));
}

}  // namespace
}  // namespace mone::cuda
