#include "engine/backend/registry.h"

#include <cstdlib>

#include "engine/backend/cuda/module.h"
#include "engine/backend/device_choice.h"
#include "engine/backend/reference/reference.h"
#ifdef MONE_HAVE_ONEDNN
#include "engine/backend/onednn/backend.h"
#endif
#include "engine/log.h"
#include "engine/model.h"

namespace mone {
namespace {

std::string known_names() {
  std::string names;
  for (const BackendEntry& entry : backends()) names += (names.empty() ? "" : ", ") + std::string(entry.name);
  return names;
}

}  // namespace

std::span<const BackendEntry> backends() {
  static const BackendEntry kBackends[] = {
      kCudaBackend,
#ifdef MONE_HAVE_ONEDNN
      kOnednnBackend,
#endif
      kReferenceBackend,
  };
  return kBackends;
}

std::vector<std::string> backend_names() {
  std::vector<std::string> names;
  for (const BackendEntry& entry : backends()) names.emplace_back(entry.name);
  return names;
}

Result<std::unique_ptr<Backend>> choose_backend(const ModelConfig& config, const EngineOptions& options) {
  const char* variable = std::getenv("MONE_BACKEND");
  const std::string environment = variable ? variable : "";
  const std::string& wanted = options.backend.empty() ? environment : options.backend;
  const auto device = parse_device(options.device);
  if (!device) return device.error();
  const DeviceChoice::Kind kind = device.value().kind;
  std::string reasons;
  bool named = wanted.empty();
  for (const BackendEntry& entry : backends()) {
    if (!wanted.empty() && wanted != entry.name) continue;
    named = true;
    if (kind != DeviceChoice::kAuto && entry.on_cpu() != (kind == DeviceChoice::kCpu)) {
      if (!wanted.empty()) reasons = wanted + " does not run on device " + options.device;
      continue;
    }
    const DType dtype = options.dtype ? *options.dtype : entry.best_dtype(device.value().index);
    std::string why_not = entry.why_not(config, dtype);
    if (why_not.empty() && !entry.on_cpu()) why_not = entry.why_no_device(device.value().index, dtype);
    std::unique_ptr<Backend> backend;
    try {
      if (why_not.empty())
        backend = entry.create({dtype, options.threads, options.deterministic, device.value().index, &log_line});
    } catch (const DeviceError& error) {
      why_not = error.what();
    } catch (const ConfigError& error) {
      return Failure{error.what()};
    }
    if (!backend) {
      reasons += (reasons.empty() ? "" : "; ") + std::string(entry.name) + ": " + why_not;
      continue;
    }
    log_line(kLogInfo, "backend " + backend->name() + ", " + to_name(dtype) + ", " +
                           std::to_string(backend->threads()) +
                           " threads: " + (wanted.empty() ? "best that runs here" : "asked for") +
                           (reasons.empty() ? "" : " (" + reasons + ")"));
    return backend;
  }
  if (!named) return Failure{"there is no backend \"" + wanted + "\"; this build has " + known_names()};
  return Failure{"no backend can run the model: " + reasons};
}

}  // namespace mone
