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
};

std::span<const BackendEntry> backends();

/// The backend an engine is to use: the one named by `options.backend`, else $MONE_BACKEND, else the first
/// that can run the model. Logs which and why.
Result<std::unique_ptr<Backend>> choose_backend(const ModelConfig& config, const EngineOptions& options);

}  // namespace mone
