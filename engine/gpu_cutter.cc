#include "engine/gpu_cutter.h"

#include "engine/backend/registry.h"

namespace mone {

Result<std::unique_ptr<Cutter>> make_gpu_cutter(int gpu, const TubeletFormat& format) {
  if (auto failure = check(format)) throw ConfigError(failure->text);
  for (const BackendEntry& entry : backends()) {
    if (!entry.make_cutter) continue;
    if (gpu < 0) return Failure{"there is no GPU of number " + std::to_string(gpu)};
    if (std::string why = entry.why_no_device(gpu, DType::kF32); !why.empty()) return Failure{std::move(why)};
    try {
      return entry.make_cutter(gpu, format);
    } catch (const DeviceError& error) {
      return Failure{error.what()};
    }
  }
  return Failure{"this build has no backend for GPUs"};
}

}  // namespace mone
