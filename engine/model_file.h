/// The model file format: config and weights out of the bytes of a safetensors file (spec section 12).
#pragma once

#include <span>
#include <string>

#include "engine/error.h"
#include "engine/model_config.h"
#include "engine/weights.h"

namespace mone {

struct ModelFile {
  ModelConfig config;
  Weights weights;  ///< views into the bytes
};

/// @param bytes  the whole file, from whoever; the result points into it
/// @param name   names the file in failures
Result<ModelFile> parse_model_file(std::span<const std::byte> bytes, const std::string& name);

}  // namespace mone
