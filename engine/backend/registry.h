/// The backends this build knows, best first; `reference` is last and always there.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "engine/backend/backend.h"
#include "engine/cutter.h"

namespace mone {

struct BackendEntry {
  const char* name;
  /// Empty if this machine and backend can run the model in that precision, else the reason, for the log.
  std::string (*why_not)(const ModelConfig& config, DType dtype);
  /// The default precision: the shortest that runs in hardware here without changing a model's answers much.
  /// @param device  number of the GPU; nothing to a backend of the CPU
  DType (*best_dtype)(int device);
  std::unique_ptr<Backend> (*create)(const BackendOptions& options);

  // Of backends whose device is not the CPU; null for the others.
  /// Empty if there is a device of that number that computes in `dtype`, else the reason.
  std::string (*why_no_device)(int device, DType dtype) = nullptr;

  /// See make_gpu_cutter(). @throws ConfigError, DeviceError
  std::unique_ptr<Cutter> (*make_cutter)(int device, const TubeletFormat& format) = nullptr;
  /// See gpu_context(). @throws DeviceError
  void* (*context)(int device) = nullptr;

  bool on_cpu() const { return why_no_device == nullptr; }
};

std::span<const BackendEntry> backends();

/// The backend an engine is to use: the one named by `options.backend`, else $MONE_BACKEND, else the first
/// that can run the model on `options.device`. Logs which and why.
Result<std::unique_ptr<Backend>> choose_backend(const ModelConfig& config, const EngineOptions& options);

}  // namespace mone
