#include "engine/huggingface.h"

#include <cmath>
#include <map>
#include <sstream>

namespace mone {
namespace {

/// Our name of a part of a block to theirs: as transformers 5 saves it, and as 4 did.
struct PartName {
  std::vector<const char*> now, before;
};
const std::map<std::string, PartName> kParts = {
    {"norm1", {{"layernorm_before"}, {"layernorm_before"}}},
    {"norm2", {{"layernorm_after"}, {"layernorm_after"}}},
    {"attn.qkv",
     {{"attention.q_proj", "attention.k_proj", "attention.v_proj"},
      {"attention.attention.query", "attention.attention.key", "attention.attention.value"}}},
    {"attn.proj", {{"attention.o_proj"}, {"attention.output.dense"}}},
    {"mlp.fc1", {{"mlp.fc1"}, {"intermediate.dense"}}},
    {"mlp.fc2", {{"mlp.fc2"}, {"output.dense"}}},
};
const std::map<std::string, std::string> kWhole = {
    {"embed.tubelet.weight", "vivit.embeddings.patch_embeddings.projection.weight"},
    {"embed.tubelet.bias", "vivit.embeddings.patch_embeddings.projection.bias"},
    {"encoder.cls_token", "vivit.embeddings.cls_token"},
    {"encoder.pos_embed", "vivit.embeddings.position_embeddings"},
    {"encoder.norm.weight", "vivit.layernorm.weight"},
    {"encoder.norm.bias", "vivit.layernorm.bias"},
    {"head.weight", "classifier.weight"},
    {"head.bias", "classifier.bias"},
};

/// The names under which this file has our tensors.
class Names {
 public:
  Names(const Safetensors& file, bool qkv_bias)
      : now_(file.tensors.count("vivit.layers.0.layernorm_before.weight") != 0), qkv_bias_(qkv_bias) {}

  /// None of a tensor that this model lacks, which is zeros here.
  std::vector<std::string> of(const std::string& ours) const {
    if (!qkv_bias_ && ours.ends_with(".attn.qkv.bias")) return {};
    if (const auto whole = kWhole.find(ours); whole != kWhole.end()) return {whole->second};
    constexpr std::string_view kBlocks = "encoder.blocks.";
    const std::size_t layer_end = ours.find('.', kBlocks.size()), kind = ours.rfind('.');
    if (ours.rfind(kBlocks, 0) != 0 || layer_end >= kind) return {ours};
    const std::string block = (now_ ? "vivit.layers." : "vivit.encoder.layer.") +
                              ours.substr(kBlocks.size(), layer_end + 1 - kBlocks.size());
    const PartName& part = kParts.at(ours.substr(layer_end + 1, kind - layer_end - 1));
    std::vector<std::string> theirs;
    for (const char* name : now_ ? part.now : part.before) theirs.push_back(block + name + ours.substr(kind));
    return theirs;
  }

 private:
  bool now_, qkv_bias_;
};

/// Of a model without id2label: as many as the head has outputs, named as transformers does.
Result<std::vector<std::string>> numbered_labels(const Safetensors& file, const std::string& name) {
  const auto head = file.tensors.find("classifier.weight");
  if (head == file.tensors.end() || head->second.shape.empty() || head->second.shape[0] < 1 ||
      head->second.shape[0] > 100000)
    return Failure{name + ": tensor classifier.weight is missing or has no rows: a model that classifies " +
                   "has one, and id2label in its config"};
  std::vector<std::string> labels;
  for (std::int64_t i = 0; i < head->second.shape[0]; ++i) labels.push_back("LABEL_" + std::to_string(i));
  return labels;
}

/// "[-1, 1] from a short side of 256"
std::string pixels_text(const ModelConfig& c) {
  std::ostringstream text;
  text.precision(3);
  const auto value = [&](double u8) { return (u8 * c.scale - c.mean[0]) / c.std[0]; };
  text << "[" << value(0) << ", " << value(255) << "] from a short side of " << c.resize_short;
  return text.str();
}

bool same_input(const ModelConfig& a, const ModelConfig& b) {
  const auto near = [](double x, double y) { return std::abs(x - y) <= 1e-5; };
  if (a.resize_short != b.resize_short) return false;
  for (int i = 0; i < 3; ++i)
    for (const double u8 : {0.0, 255.0})
      if (!near((u8 * a.scale - a.mean[i]) / a.std[i], (u8 * b.scale - b.mean[i]) / b.std[i])) return false;
  return true;
}

/// Chooses the input and says which.
Result<ModelConfig> settle_input(const HuggingfaceFolder& folder, const ModelConfig& trained, bool follow,
                                 HuggingfaceModel& model) {
  const std::string what = folder.name + kHuggingfacePreprocessorFile;
  if (!folder.preprocessor) {
    if (follow) return Failure{what + ": is not there, and hf-compat is to follow it"};
    model.pixels = folder.name + ": pixels in " + pixels_text(trained) + ", as such weights are trained";
    return trained;
  }
  auto asked = follow_huggingface_preprocessor(*folder.preprocessor, what, trained);
  if (follow && !asked) return asked.error();
  model.pixels_differ = !asked || !same_input(asked.value(), trained);
  if (follow) {
    model.pixels =
        folder.name + ": pixels in " + pixels_text(asked.value()) + ", as its preprocessor says" +
        (model.pixels_differ ? ", not in " + pixels_text(trained) + " as such weights are trained" : "");
    return asked;
  }
  model.pixels = folder.name + ": pixels in " + pixels_text(trained) + ", as such weights are trained" +
                 (!model.pixels_differ ? ""
                  : asked              ? "; its preprocessor asks for " + pixels_text(asked.value()) +
                                ", which hf-compat would follow"
                          : "; its preprocessor is not followed: " + asked.error().text);
  return trained;
}

}  // namespace

Result<HuggingfaceModel> parse_huggingface(const HuggingfaceFolder& folder, bool follow_preprocessor) {
  auto parsed = parse_huggingface_config(folder.config, folder.name + kHuggingfaceConfigFile);
  if (!parsed) return parsed.error();
  ModelConfig& trained = parsed.value().model;
  const std::string weights_name = folder.name + kHuggingfaceWeightsFile;
  const auto file = parse_safetensors(folder.weights, weights_name);
  if (!file) return file.error();
  if (trained.labels.empty()) {
    auto labels = numbered_labels(file.value(), weights_name);
    if (!labels) return labels.error();
    trained.labels = std::move(labels).value();
    trained.C = static_cast<int>(std::ssize(trained.labels));
  }
  HuggingfaceModel model;
  auto config = settle_input(folder, trained, follow_preprocessor, model);
  if (!config) return config.error();

  const Names names(file.value(), parsed.value().qkv_bias);
  auto weights = Weights::from_foreign(
      file.value(), config.value(), weights_name, [&](const std::string& ours) { return names.of(ours); },
      [](const std::string& theirs) { return theirs.rfind("vivit.pooler.", 0) == 0; });
  if (!weights) return weights.error();
  model.file = {std::move(config).value(), std::move(weights).value()};
  return model;
}

}  // namespace mone
