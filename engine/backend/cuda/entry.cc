#include "engine/backend/cuda/entry.h"

#include "engine/backend/cuda/kernels/attention.h"
#include "engine/backend/cuda/kernels/routing.h"

namespace mone::cuda {

std::string why_not_model(const ModelConfig& config, DType dtype) {
  if (dtype == DType::kInt8) return "int8 is for CPUs; choose bf16";
  if (config.H == 0) return {};  // no model yet: nothing to object to
  const int head = config.D / config.H;
  if (head > FloatAttention::kMaxWidth)
    return "heads are " + std::to_string(head) + " wide, at most " +
           std::to_string(FloatAttention::kMaxWidth) + " here";
  if (dtype != DType::kF32 && head % 8 != 0)
    return "heads are " + std::to_string(head) + " wide; 16-bit products need a multiple of 8, so choose f32";
  const int tokens = config.tokens() * (config.variant == Variant::kJoint ? config.nt() : 1) + 1;
  if (tokens > kMaxTokens) return std::to_string(tokens) + " tokens at once, at most 65536 here";
  return {};
}

std::string why_not_dtype(int major, int minor, DType dtype) {
  const std::string name = "compute capability " + std::to_string(major) + "." + std::to_string(minor);
  if (major * 10 + minor < 75) return name + " is older than 7.5";
  if (dtype == DType::kBf16 && major < 8) return name + " has no bf16; choose f16 or f32";
  return {};
}

DType best_dtype(int major, int) { return major >= 8 ? DType::kBf16 : DType::kF16; }

}  // namespace mone::cuda
