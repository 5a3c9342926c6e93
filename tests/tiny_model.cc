#include "tests/tiny_model.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/bf16.h"
#include "engine/weights.h"

namespace mone::test {
namespace {

using nlohmann::json;

/// Numbers that are the same everywhere, as std:: distributions are not.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15ull + 1) {}
  /// In [0, 1). Source: splitmix64.
  double uniform() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return static_cast<double>((z ^ z >> 31) >> 11) / 9007199254740992.0;
  }
  /// Mean 0, deviation 1, bounded: twelve uniform numbers.
  float normal() {
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += uniform();
    return static_cast<float>(sum);
  }

 private:
  std::uint64_t state_;
};

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

/// Mean and deviation of a tensor's values: large enough that every part of the model shows in the logits.
std::pair<float, float> distribution(const TensorSpec& spec) {
  const bool weight = ends_with(spec.name, ".weight");
  if (weight && spec.name.find(".norm") != std::string::npos) return {1.0f, 0.2f};
  if (spec.name == "mone.router.weight") return {0.0f, 0.6f};
  if (!weight) return {0.0f, spec.shape.size() == 2 || ends_with(spec.name, "cls_token") ? 0.4f : 0.2f};
  double inputs = 1;
  for (std::size_t i = 1; i < spec.shape.size(); ++i) inputs *= static_cast<double>(spec.shape[i]);
  return {0.0f, static_cast<float>((spec.name == "head.weight" ? 1.5 : 1.0) / std::sqrt(inputs))};
}

void append(std::string& bytes, float value, bool bf16) {
  if (bf16) {
    const std::uint16_t bits = float_to_bf16(value);
    bytes.append(reinterpret_cast<const char*>(&bits), 2);
  } else {
    bytes.append(reinterpret_cast<const char*>(&value), 4);
  }
}

const char* word(int value, std::initializer_list<const char*> words) { return words.begin()[value]; }

struct TemporaryFolder {
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "mone-test-XXXXXX").string();
    if (!::mkdtemp(pattern.data())) std::abort();
    path = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::filesystem::path path;
};

}  // namespace

TinyModel tiny_fe() {
  TinyModel model;
  ModelConfig& c = model.config;
  c.D = 16, c.H = 2, c.L = 2, c.Lt = 1, c.E = 4, c.C = 5;
  c.image_height = 16, c.image_width = 20, c.frames = 6, c.pt = 2, c.ph = c.pw = 4;
  c.rate_min = 4, c.rate_nominal = 6.25, c.rate_max = 12.5;
  c.resize_short = 18;
  c.train_ec = {0.15, 1.0};
  c.mean = c.std = {0.5, 0.5, 0.5};
  c.labels = {"walk", "run", "wave", "clap", "nothing"};
  c.provenance.name = "tiny";
  return model;
}

TinyModel tiny_joint() {
  TinyModel model = tiny_fe();
  model.config.variant = Variant::kJoint;
  model.config.Lt = 0;
  model.config.image_width = 16;
  return model;
}

std::string config_json(const ModelConfig& c) {
  json provenance = json::object();
  if (!c.provenance.name.empty()) provenance["name"] = c.provenance.name;
  if (!c.provenance.trained_on.empty()) provenance["trained_on"] = c.provenance.trained_on;
  if (!c.provenance.terms.empty()) provenance["terms"] = c.provenance.terms;
  return json{
      {"variant", word(int(c.variant), {"fe", "joint"})},
      {"D", c.D},
      {"H", c.H},
      {"L", c.L},
      {"Lt", c.Lt},
      {"E", c.E},
      {"C", c.C},
      {"image", {c.image_height, c.image_width}},
      {"frames", c.frames},
      {"tubelet", {c.pt, c.ph, c.pw}},
      {"rate", {{"min", c.rate_min}, {"nominal", c.rate_nominal}, {"max", c.rate_max}}},
      {"resize_short", c.resize_short},
      {"fit", word(int(c.fit), {"crop", "pad"})},
      {"crop", word(int(c.crop), {"full", "motion"})},
      {"planes", word(int(c.planes), {"rgb", "luma-motion"})},
      {"act", word(int(c.act), {"gelu_tanh", "gelu_erf"})},
      {"ln_eps", c.ln_eps},
      {"classifier", word(int(c.classifier), {"token", "gap"})},
      {"cls_policy", word(int(c.cls_policy), {"full", "routed"})},
      {"router_input", word(int(c.router_input), {"raw", "ln1"})},
      {"gate", c.gate ? "on" : "off"},
      {"w_form", word(int(c.w_form), {"prod", "frac"})},
      {"beta", c.beta},
      {"delta", c.delta},
      {"train_ec", c.train_ec},
      {"input", {{"scale", c.scale}, {"mean", c.mean}, {"std", c.std}}},
      {"labels", c.labels},
      {"provenance", provenance},
  }
      .dump();
}

std::map<std::string, RawTensor> model_tensors(const TinyModel& model) {
  std::map<std::string, RawTensor> tensors;
  Random random(model.seed);
  for (TensorSpec spec : tensor_table(model.config)) {
    if (spec.router && !model.routed) continue;
    const bool alpha = spec.name == "mone.alpha";
    if (alpha) spec.shape = {std::ssize(model.alpha)};
    const bool bf16 = model.bf16 && !spec.f32_only;
    RawTensor tensor{bf16 ? "BF16" : "F32", {spec.shape.begin(), spec.shape.end()}, {}};
    const auto [mean, deviation] = distribution(spec);
    for (std::int64_t i = 0; i < element_count(spec.shape); ++i)
      append(tensor.bytes, alpha ? model.alpha[i] : mean + deviation * random.normal(), bf16);
    tensors[spec.name] = std::move(tensor);
  }
  return tensors;
}

std::string safetensors_bytes(const std::map<std::string, RawTensor>& tensors,
                              const std::map<std::string, std::string>& metadata) {
  json header = json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::string data;
  for (const auto& [name, tensor] : tensors) {
    header[name] = {{"dtype", tensor.dtype},
                    {"shape", tensor.shape},
                    {"data_offsets", {data.size(), data.size() + tensor.bytes.size()}}};
    data += tensor.bytes;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(text.size() >> (8 * i));
  return bytes + text + data;
}

std::string model_bytes(const TinyModel& model) {
  return safetensors_bytes(model_tensors(model),
                           {{"format", "mone-vivit/1"}, {"config", config_json(model.config)}});
}

std::string temporary_file(const std::string& name, const std::string& bytes) {
  static const TemporaryFolder folder;
  const std::string path = folder.path / name;
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

std::string write_model(const TinyModel& model, const std::string& name) {
  return temporary_file(name, model_bytes(model));
}

std::vector<unsigned char> random_tubelet(const ModelConfig& c, unsigned seed) {
  Random random(seed + 7777u);
  std::vector<unsigned char> pixels;
  const int token_bytes = c.pt * c.ph * c.pw * 3;
  for (int token = 0; token < c.tokens(); ++token) {
    const double level = 255 * random.uniform();
    for (int i = 0; i < token_bytes; ++i)
      pixels.push_back(
          static_cast<unsigned char>(std::clamp(level + 80 * (random.uniform() - 0.5), 0.0, 255.0)));
  }
  return pixels;
}

}  // namespace mone::test
