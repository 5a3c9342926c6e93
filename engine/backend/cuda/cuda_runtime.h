/// The CUDA runtime behind runtime.h. CUDA itself is opened by NVIDIA's driver library at the first call;
/// without a driver these functions say so and nothing is loaded.
#pragma once

#include <memory>

#include "engine/backend/cuda/runtime.h"
#include "engine/error.h"

namespace mone::cuda {

/// What the device of that number is, or why there is none: no driver, a driver too old, no such device.
Result<DeviceInfo> find_device(int index);

/// @throws DeviceError if the device's context cannot be made
std::unique_ptr<Runtime> make_cuda_runtime(int device);

/// The CUcontext that those runtimes work in. @throws DeviceError if it cannot be made
void* primary_context(int device);

}  // namespace mone::cuda
