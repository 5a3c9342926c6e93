/// What the environment asks of the backend, where no device has said yet what is best.
#pragma once

#include <string>

#include "engine/backend/backend.h"
#include "engine/backend/cuda/runtime.h"

namespace mone::cuda {

/// $MONE_CUDA_ATTENTION. own (the default): our kernel. cudnn: cuDNN's, where an item's rows lie in one
/// piece. auto: both are timed when the engine starts, and the faster one stays.
enum class AttentionChoice { kOwn, kCudnn, kAuto };

/// $MONE_CUDA_PRODUCTS. mma (the default): instructions that every GPU has. wgmma: Hopper's own for large
/// products. cublaslt: one product per expert by cuBLASLt, then our epilogue.
enum class ProductChoice { kMma, kWgmma, kCublasLt };

// @throws DeviceError for another word
AttentionChoice attention_choice();
ProductChoice product_choice();

/// Empty if a library may take over, else the reason.
std::string why_no_cudnn(const DeviceInfo& device, const BackendOptions& options);
std::string why_no_cublaslt(const BackendOptions& options);
std::string why_no_wgmma(const DeviceInfo& device, const BackendOptions& options);

}  // namespace mone::cuda
