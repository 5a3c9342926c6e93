#include "engine/backend/cuda/choices.h"

#include <cstdlib>
#include <string_view>

namespace mone::cuda {
namespace {

// A library's sums, and those of large tiles, may be made in another order when others share the batch.
constexpr const char* kDeterministic =
    "its sums may depend on who shares the batch, and deterministic is set";
#ifdef MONE_CUDA_90A
constexpr bool kHas90a = true;
#else
constexpr bool kHas90a = false;
#endif
constexpr const char* kFloat = "f32 is for our own kernels";

/// The number of the variable's word among `words`; the first is the default.
template <std::size_t kCount>
std::size_t choice(const char* variable, const char* const (&words)[kCount]) {
  const char* value = std::getenv(variable);
  const std::string_view wanted = value && *value ? value : words[0];
  std::string known;
  for (std::size_t i = 0; i < kCount; ++i) {
    if (wanted == words[i]) return i;
    known += std::string(i == 0 ? "" : i + 1 < kCount ? ", " : " or ") + words[i];
  }
  // No DeviceError, which would only move the work to the CPU.
  throw ConfigError("cuda: " + std::string(variable) + " is " + known + ", not \"" + std::string(wanted) +
                    "\"");
}

}  // namespace

AttentionChoice attention_choice() {
  return static_cast<AttentionChoice>(choice("MONE_CUDA_ATTENTION", {"own", "cudnn", "auto"}));
}

ProductChoice product_choice() {
  return static_cast<ProductChoice>(choice("MONE_CUDA_PRODUCTS", {"mma", "wgmma", "cublaslt"}));
}

std::string why_no_cudnn(const DeviceInfo& device, const BackendOptions& options) {
  if (options.dtype == DType::kF32) return kFloat;
  if (device.major < 8) return "its attention needs compute capability 8.0";
  return options.deterministic ? kDeterministic : "";
}

std::string why_no_cublaslt(const BackendOptions& options) {
  if (options.dtype == DType::kF32) return kFloat;
  return options.deterministic ? kDeterministic : "";
}

std::string why_no_wgmma(const DeviceInfo& device, const BackendOptions& options) {
  if (options.dtype == DType::kF32) return kFloat;
  if (device.major != 9 || device.minor != 0) return "only compute capability 9.0 has it";
  if (!kHas90a) return "this build has no code for 9.0a (gpu_archs)";
  return options.deterministic ? kDeterministic : "";
}

}  // namespace mone::cuda
