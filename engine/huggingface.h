/// Plain ViViT (model 1, joint) as Hugging Face transformers saves it: a folder with config.json and
/// model.safetensors, both spellings of the tensor names (spec section 12). Nothing in it is trusted.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/error.h"
#include "engine/model_file.h"

namespace mone {

/// The files of the folder.
inline constexpr const char* kHuggingfaceConfigFile = "/config.json";
inline constexpr const char* kHuggingfacePreprocessorFile = "/preprocessor_config.json";  // need not be there
inline constexpr const char* kHuggingfaceWeightsFile = "/model.safetensors";

/// What lies in the folder, as bytes.
struct HuggingfaceFolder {
  std::string name;                              ///< names the folder in failures
  std::string_view config;                       ///< config.json
  std::optional<std::string_view> preprocessor;  ///< preprocessor_config.json, if there is one
  std::span<const std::byte> weights;
};

struct HuggingfaceModel {
  ModelFile file;
  /// What the picture's values are and whether the folder's preprocessor would have them otherwise (spec
  /// section 1.2): for the log.
  std::string pixels;
  bool pixels_differ =
      false;  ///< from what the preprocessor asks for, or from what the weights were trained on
};

/// The weights are the published ones' kind: trained on pixels in [-1, 1], short side resized to 8/7 of the
/// image, centre crop.
/// @param follow_preprocessor  take size, scale, offset, mean and std from the preprocessor's JSON instead
/// Fails with the file and the key or tensor. Tensors that are not f32 or bf16 once stacked are copied; the
/// result points into `folder` for the others.
Result<HuggingfaceModel> parse_huggingface(const HuggingfaceFolder& folder, bool follow_preprocessor);

struct HuggingfaceConfig {
  ModelConfig model;     ///< with as many labels as id2label has; none if it is absent
  bool qkv_bias = true;  ///< false: queries, keys and values have no biases
};
Result<HuggingfaceConfig> parse_huggingface_config(std::string_view json, const std::string& what);
/// Overwrites the input fields of `config`. @param what  names the text in failures
Result<ModelConfig> follow_huggingface_preprocessor(std::string_view json, const std::string& what,
                                                    ModelConfig config);

}  // namespace mone
