#include "engine/model_file.h"

#include "engine/safetensors.h"

namespace mone {
namespace {

constexpr const char* kFormat = "mone-vivit/1";
constexpr const char* kFormatFamily = "mone-vivit/";

/// The config's JSON, or why this file is not one of ours.
Result<std::string> config_text(const Safetensors& file, const std::string& name) {
  const auto format = file.metadata.find("format");
  const auto config = file.metadata.find("config");
  if (format == file.metadata.end() || config == file.metadata.end())
    return Failure{name + ": is a safetensors file without the metadata \"format\" and \"config\" of a " +
                   kFormat + " model; of a Hugging Face model give the folder that it lies in"};
  if (format->second != kFormat) {
    const bool family = format->second.rfind(kFormatFamily, 0) == 0;
    return Failure{name + ": format is \"" + format->second + "\", this version reads " + kFormat +
                   (family ? "; update gst-mone" : "")};
  }
  return config->second;
}

}  // namespace

Result<ModelFile> parse_model_file(std::span<const std::byte> bytes, const std::string& name) {
  const auto file = parse_safetensors(bytes, name);
  if (!file) return file.error();
  const auto text = config_text(file.value(), name);
  if (!text) return text.error();
  auto config = parse_model_config(text.value());
  if (!config) return Failure{name + ": " + config.error().text};
  auto weights = Weights::from(file.value(), config.value(), name);
  if (!weights) return weights.error();
  return ModelFile{std::move(config).value(), std::move(weights).value()};
}

}  // namespace mone
