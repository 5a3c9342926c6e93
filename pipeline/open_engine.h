/// How the program opens an engine and what it says about it.
#pragma once

#include <memory>
#include <string>

#include "engine/engine.h"
#include "pipeline/command_line.h"

namespace mone {

/// Warnings and errors of the engine go to standard error; with $MONE_LOG=info or debug, more.
void log_engine_to_stderr();

/// Loads `model` (empty: the default one) and makes an engine of it; null, with a line on standard error,
/// when that fails.
std::shared_ptr<Engine> open_engine(const ModelArguments& model, const EngineOptions& options);
std::shared_ptr<const Model> open_model(const ModelArguments& model);

}  // namespace mone
