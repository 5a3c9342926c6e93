/// A model: its config and its weights, validated, immutable, shared by everything.
#pragma once

#include <memory>
#include <string>

#include "engine/error.h"
#include "engine/export.h"
#include "engine/model_config.h"

namespace mone {

class Weights;

class MONE_API Model {
 public:
  /// Maps and validates a safetensors file. An empty path means the default model (default_model_path()).
  static Result<std::shared_ptr<const Model>> load(const std::string& path);
  virtual ~Model() = default;
  virtual const ModelConfig& config() const = 0;
  virtual const Weights& weights() const = 0;
  virtual const std::string& path() const = 0;
  virtual const std::string& hash() const = 0;  ///< SHA-256 of the file, hex
  virtual const std::string& name() const = 0;  ///< provenance name, else the file's stem
  /// Lets go of mapped pages once a backend has packed the weights; they are read again if another one wants
  /// them.
  virtual void release_pages() const = 0;
};

/// $MONE_MODEL, else `default.safetensors` in $MONE_MODEL_PATH (colon-separated), else in the installed model
/// folder.
MONE_API std::string default_model_path();

}  // namespace mone
