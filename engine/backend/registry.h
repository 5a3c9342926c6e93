/// The backends this build knows, best first; `reference` is last and always there.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "engine/backend/backend.h"

namespace mone {

struct BackendEntry {
  const char* name;
  /// Empty if this machine and backend can run the model in that precision, else the reason, for the log.
  std::string (*why_not)(const ModelConfig& config, DType dtype);
  /// Whether bf16 runs in hardware here, so that it is the default.
  bool (*prefers_bf16)();
  std::unique_ptr<Backend> (*create)(const BackendOptions& options);

  // Of backends whose device is not the CPU; null for the others.
  /// Empty if there is a device of that number that computes in `dtype`, else the reason.
  std::string (*why_no_device)(int device, DType dtype) = nullptr;
  /// The default precision on that device.
  DType (*best_dtype)(int device) = nullptr;

  bool on_cpu() const { return why_no_device == nullptr; }
};

std::span<const BackendEntry> backends();

/// The backend an engine is to use: the one named by `options.backend`, else $MONE_BACKEND, else the first
/// that can run the model on `options.device`. Logs which and why.
Result<std::unique_ptr<Backend>> choose_backend(const ModelConfig& config, const EngineOptions& options);

}  // namespace mone
