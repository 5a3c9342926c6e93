/// Every tensor of a model: name, shape, dtype (spec section 12), checked against the config.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/error.h"
#include "engine/export.h"
#include "engine/model_config.h"
#include "engine/safetensors.h"
#include "engine/tensor.h"

namespace mone {

/// What a file must (or may) hold.
struct TensorSpec {
  std::string name;
  Shape shape;
  bool f32_only = false;  ///< norms, biases, position tables and the router
  bool router = false;    ///< `mone.*`: all of them or none
};

/// The table for a config. `mone.alpha` is listed as [1]; [L] is accepted too.
MONE_API std::vector<TensorSpec> tensor_table(const ModelConfig& config);

/// Validated views into the file; the file must outlive them.
class Weights {
 public:
  /// Checks names, shapes, dtypes and that every value is finite; a failure names the tensor.
  /// @param name  names the file in failures
  static Result<Weights> from(const Safetensors& file, const ModelConfig& config, const std::string& name);

  /// @throws WeightsError if there is no such tensor
  const TensorView& at(const std::string& name) const;
  /// Not present() if the model has no such tensor.
  TensorView find(const std::string& name) const;
  /// Whether tokens are routed: more than one expert, and the `mone.*` tensors are there. Else the model is
  /// plain.
  bool routed() const { return routed_; }

 private:
  std::map<std::string, TensorView> tensors_;
  bool routed_ = false;
};

/// "spatial" (FE) or "encoder" (joint): the prefix of the first encoder's tensors.
const char* encoder_prefix(const ModelConfig& config);

}  // namespace mone
