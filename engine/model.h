/// A model: its config and its weights, validated, immutable, shared by everything.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/error.h"
#include "engine/export.h"
#include "engine/model_config.h"

namespace mone {

class Weights;

struct ModelOptions {
  /// Follow the preprocessor's JSON of a Hugging Face folder (size, range of the pixels) instead of what such
  /// weights were trained on, short side 8/7 of the image and pixels in [-1, 1]: the two differ where the
  /// published files do (spec section 1.2). The log says which it is.
  bool hf_compat = false;
};

class MONE_API Model {
 public:
  /// Maps and validates a safetensors file, or a Hugging Face folder of a plain ViViT (config.json and
  /// model.safetensors). An empty path means the default model (default_model_path()).
  static Result<std::shared_ptr<const Model>> load(const std::string& path, const ModelOptions& options = {});
  virtual ~Model() = default;
  virtual const ModelConfig& config() const = 0;
  virtual const Weights& weights() const = 0;
  /// Whether tokens are routed to nested experts. Else the model is plain: every token runs at the full
  /// width, whatever the budget.
  bool routed() const;
  virtual const std::string& path() const = 0;
  /// SHA-256 of the file, hex; of a folder: of the digests of its weights, config and, if that is followed,
  /// preprocessor.
  virtual const std::string& hash() const = 0;
  virtual const std::string& name()
      const = 0;  ///< provenance name, else the file's stem or the folder's name
  /// Lets go of mapped pages once a backend has packed the weights; they are read again if another one wants
  /// them.
  virtual void release_pages() const = 0;
};

/// $MONE_MODEL, else `default.safetensors` in $MONE_MODEL_PATH (colon-separated), else in the installed model
/// folder.
MONE_API std::string default_model_path();

/// What a model at `path` is read from: that file, or the files of a Hugging Face folder, whichever are
/// there.
MONE_API std::vector<std::string> model_files(const std::string& path);

}  // namespace mone
