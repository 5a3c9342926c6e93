/// Every tensor of a model: name, shape, dtype (spec section 12), checked against the config.
#pragma once

#include <functional>
#include <map>
#include <memory>
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

/// Validated views into the file, which must outlive them, and what had to be put together.
class Weights {
 public:
  /// Checks names, shapes, dtypes and that every value is finite; a failure names the tensor.
  /// @param name  names the file in failures
  static Result<Weights> from(const Safetensors& file, const ModelConfig& config, const std::string& name);
  /// The same for a plain model of another library. Axes of extent 1 in front do not count, norms and biases
  /// may be bf16, and f16 is widened. A failure names the tensor as the file does.
  /// @param names    the file's tensors that, stacked along the first axis, are ours; none: zeros
  /// @param ignored  whether a tensor may be there for nothing
  static Result<Weights> from_foreign(
      const Safetensors& file, const ModelConfig& config, const std::string& name,
      const std::function<std::vector<std::string>(const std::string& ours)>& names,
      const std::function<bool(const std::string& theirs)>& ignored);

  /// @throws WeightsError if there is no such tensor
  const TensorView& at(const std::string& name) const;
  /// Not present() if the model has no such tensor.
  TensorView find(const std::string& name) const;
  /// Whether tokens are routed: more than one expert, and the `mone.*` tensors are there. Else the model is
  /// plain.
  bool routed() const { return routed_; }

 private:
  /// Memory for a tensor that the file does not hold as it is.
  std::byte* allocate(std::size_t bytes);
  TensorView stack(const Shape& shape, const std::vector<const SafetensorsEntry*>& parts);

  std::map<std::string, TensorView> tensors_;
  std::vector<std::unique_ptr<std::byte[]>> stacked_;
  bool routed_ = false;
};

/// "spatial" (FE) or "encoder" (joint): the prefix of the first encoder's tensors.
const char* encoder_prefix(const ModelConfig& config);

}  // namespace mone
