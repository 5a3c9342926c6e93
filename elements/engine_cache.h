/// Engines by what they were made from: elements that ask for the same one share it, weights and threads.
#pragma once

#include <memory>
#include <string>

#include "engine/engine.h"

namespace mone {

/// Loads the model (empty path: the default one) and gives the engine that some element of this process
/// already holds for a model of the same hash and the same options, or makes one. It lives as long as
/// somebody holds it. Waits while another thread makes an engine.
Result<std::shared_ptr<Engine>> shared_engine(const std::string& model_path, const EngineOptions& options);

}  // namespace mone
