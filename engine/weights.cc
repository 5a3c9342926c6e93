#include "engine/weights.h"

namespace mone {
namespace {

void add_linear(std::vector<TensorSpec>& table, const std::string& name, int out, int in) {
  table.push_back({name + ".weight", {out, in}});
  table.push_back({name + ".bias", {out}, true});
}

void add_norm(std::vector<TensorSpec>& table, const std::string& name, int width) {
  table.push_back({name + ".weight", {width}, true});
  table.push_back({name + ".bias", {width}, true});
}

void add_encoder(std::vector<TensorSpec>& table, const std::string& prefix, int layers, int positions,
                 const ModelConfig& c) {
  const bool cls = c.classifier == Classifier::kToken;
  if (cls) table.push_back({prefix + ".cls_token", {c.D}});
  table.push_back({prefix + ".pos_embed", {positions + cls, c.D}, true});
  for (int i = 0; i < layers; ++i) {
    const std::string block = prefix + ".blocks." + std::to_string(i);
    add_norm(table, block + ".norm1", c.D);
    add_linear(table, block + ".attn.qkv", 3 * c.D, c.D);
    add_linear(table, block + ".attn.proj", c.D, c.D);
    add_norm(table, block + ".norm2", c.D);
    add_linear(table, block + ".mlp.fc1", 4 * c.D, c.D);
    add_linear(table, block + ".mlp.fc2", c.D, 4 * c.D);
  }
  add_norm(table, prefix + ".norm", c.D);
}

/// Empty if `entry` is the tensor that `spec` asks for.
std::string check_tensor(const TensorSpec& spec, const SafetensorsEntry& entry, const ModelConfig& config,
                         TensorView& view) {
  const bool per_layer = spec.name == "mone.alpha" && entry.shape == Shape{config.L};
  if (entry.shape != spec.shape && !per_layer)
    return "has shape " + to_string(entry.shape) + "; the config asks for " + to_string(spec.shape);
  if (entry.dtype != "F32" && (entry.dtype != "BF16" || spec.f32_only))
    return "is " + entry.dtype + "; it must be F32" + (spec.f32_only ? "" : " or BF16");
  view = {entry.dtype == "F32" ? ElementType::kF32 : ElementType::kBf16, entry.shape, entry.bytes.data()};
  if (const std::int64_t at = first_not_finite(view); at >= 0)
    return "holds " + std::to_string(view.at(at)) + " at element " + std::to_string(at);
  if (spec.name == "mone.alpha")
    for (std::int64_t i = 0; i < view.count(); ++i)
      if (!(view.at(i) >= 0 && view.at(i) < 1))
        return "is " + std::to_string(view.at(i)) + "; it must lie in [0, 1)";
  return "";
}

}  // namespace

const char* encoder_prefix(const ModelConfig& config) {
  return config.variant == Variant::kFe ? "spatial" : "encoder";
}

std::vector<TensorSpec> tensor_table(const ModelConfig& c) {
  std::vector<TensorSpec> table;
  table.push_back({"embed.tubelet.weight", {c.D, 3, c.pt, c.ph, c.pw}});
  table.push_back({"embed.tubelet.bias", {c.D}, true});
  const bool fe = c.variant == Variant::kFe;
  add_encoder(table, encoder_prefix(c), c.L, c.tokens() * (fe ? 1 : c.nt()), c);
  if (fe) add_encoder(table, "temporal", c.Lt, c.nt(), c);
  add_linear(table, "head", c.C, c.D);
  table.push_back({"mone.router.weight", {c.E, c.D}, true, true});
  table.push_back({"mone.router.bias", {c.E}, true, true});
  table.push_back({"mone.alpha", {1}, true, true});
  return table;
}

Result<Weights> Weights::from(const Safetensors& file, const ModelConfig& config, const std::string& name) {
  const auto failed = [&](const std::string& tensor, const std::string& why) {
    return Failure{name + ": tensor " + tensor + " " + why};
  };
  Weights weights;
  bool any_router = false;
  const auto table = tensor_table(config);
  for (const TensorSpec& spec : table) any_router |= spec.router && file.tensors.count(spec.name);
  for (const TensorSpec& spec : table) {
    const auto found = file.tensors.find(spec.name);
    if (found == file.tensors.end()) {
      if (spec.router && !any_router) continue;
      return failed(spec.name, "is missing");
    }
    if (const std::string why = check_tensor(spec, found->second, config, weights.tensors_[spec.name]);
        !why.empty())
      return failed(spec.name, why);
  }
  for (const auto& [tensor, entry] : file.tensors)
    if (!weights.tensors_.count(tensor)) return failed(tensor, "is not one that the config asks for");
  weights.routed_ = any_router && config.E > 1;
  return weights;
}

const TensorView& Weights::at(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) throw WeightsError("the model has no tensor " + name);
  return found->second;
}

TensorView Weights::find(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? TensorView{} : found->second;
}

}  // namespace mone
