// The door of libmone-cuda.so; see module.h.
#include <cstring>

#include "engine/backend/cuda/backend.h"
#include "engine/backend/cuda/cuda_runtime.h"
#include "engine/backend/cuda/cutter.h"
#include "engine/backend/cuda/entry.h"
#include "engine/backend/cuda/module.h"

namespace mone::cuda {
namespace {

std::string why_not(const ModelConfig& config, DType dtype) {
  const auto device = find_device(0);
  return device ? why_not_model(config, dtype) : device.error().text;
}

std::string why_no_device(int index, DType dtype) {
  const auto device = find_device(index);
  if (!device) return device.error().text;
  const std::string why = why_not_dtype(device.value().major, device.value().minor, dtype);
  return why.empty() ? why : device.value().name + ": " + why;
}

DType default_dtype(int index) {
  const auto device = find_device(index);
  return device ? best_dtype(device.value().major, device.value().minor) : DType::kF32;
}

std::unique_ptr<Backend> create(const BackendOptions& options) {
  return std::make_unique<CudaBackend>(make_cuda_runtime(options.device), options);
}

std::unique_ptr<Cutter> make_cutter(int device, const TubeletFormat& format) {
  return std::make_unique<CudaCutter>(make_cuda_runtime(device), format);
}

const BackendEntry kEntry = {"cuda",         &why_not,     &default_dtype,  &create,
                             &why_no_device, &make_cutter, &primary_context};

}  // namespace
}  // namespace mone::cuda

extern "C" __attribute__((visibility("default"))) const mone::BackendEntry* mone_cuda_backend(
    const char* version) {
  return std::strcmp(version, MONE_VERSION) == 0 ? &mone::cuda::kEntry : nullptr;
}
