#include "engine/gpu_cutter.h"

#include "engine/backend/registry.h"

namespace mone {
namespace {

/// The backend that GPU `gpu` has, or why there is none.
Result<const BackendEntry*> backend_of(int gpu) {
  for (const BackendEntry& entry : backends()) {
    if (entry.on_cpu()) continue;
    if (gpu < 0) return Failure{"there is no GPU of number " + std::to_string(gpu)};
    if (std::string why = entry.why_no_device(gpu, DType::kF32); !why.empty()) return Failure{std::move(why)};
    return &entry;
  }
  return Failure{"this build has no backend for GPUs"};
}

}  // namespace

Result<std::unique_ptr<Cutter>> make_gpu_cutter(int gpu, const TubeletFormat& format) {
  if (auto failure = check(format)) throw ConfigError(failure->text);
  const auto backend = backend_of(gpu);
  if (!backend) return backend.error();
  try {
    return backend.value()->make_cutter(gpu, format);
  } catch (const DeviceError& error) {
    return Failure{error.what()};
  }
}

Result<void*> gpu_context(int gpu) {
  const auto backend = backend_of(gpu);
  if (!backend) return backend.error();
  try {
    return backend.value()->context(gpu);
  } catch (const DeviceError& error) {
    return Failure{error.what()};
  }
}

}  // namespace mone
