// libmone-cuda.so without CUDA: the backend on a device that is emulated. MONE_CUDA_MODULE names it, and then
// every suite that runs on each backend runs on this one.
#include "engine/backend/cuda/module.h"

#include <cstdlib>
#include <cstring>

#include "engine/backend/cuda/backend.h"
#include "engine/backend/cuda/cutter.h"
#include "engine/backend/cuda/entry.h"
#include "tests/emulation/emulated_runtime.h"

namespace mone::emulation {
namespace {

EmulatedDevice device() {
  EmulatedDevice device;
  const char* order = std::getenv("MONE_EMULATED_ORDER");
  if (order && std::strcmp(order, "backward") == 0) device.order = Order::kBackward;
  return device;
}

std::string why_no_device(int index, DType dtype) {
  if (index > 0) return "there is no device " + std::to_string(index) + ", only 0";
  return cuda::why_not_dtype(device().major, device().minor, dtype);
}

const BackendEntry kEntry = {
    "cuda",
    &cuda::why_not_model,
    [](int) { return DType::kBf16; },
    [](const BackendOptions& options) -> std::unique_ptr<Backend> {
      return std::make_unique<cuda::CudaBackend>(std::make_unique<EmulatedRuntime>(device()), options);
    },
    &why_no_device,
    [](int, const TubeletFormat& format) -> std::unique_ptr<Cutter> {
      return std::make_unique<cuda::CudaCutter>(std::make_shared<EmulatedRuntime>(device()), format);
    },
    [](int) -> void* {
      static int context = 0;  // its address is one, and nobody looks inside
      return &context;
    }};

}  // namespace
}  // namespace mone::emulation

extern "C" __attribute__((visibility("default"))) const mone::BackendEntry* mone_cuda_backend(
    const char* version) {
  return std::strcmp(version, MONE_VERSION) == 0 ? &mone::emulation::kEntry : nullptr;
}
