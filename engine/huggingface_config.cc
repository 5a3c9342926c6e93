// config.json and preprocessor_config.json of a transformers ViViT. Keys that are absent have the defaults of
// VivitConfig and VivitImageProcessor; keys of no interest here are passed over.
#include <algorithm>
#include <cmath>

#include "engine/huggingface.h"
#include "engine/json_reader.h"

namespace mone {
namespace {

using nlohmann::json;

constexpr int kMaxTokens = 65536;
constexpr int kMaxLabels = 100000;
constexpr int kBilinear = 2;  // of PIL's filters

/// One number for a square, or [height, width].
void read_size(JsonReader& reader, const char* key, int& height, int& width) {
  if (!reader.has(key)) return;
  const json* field = reader.object(key);
  if (field && field->is_array()) return reader.integers<2>(key, {&height, &width}, 1, 4096);
  reader.integer(key, height, 1, 4096);
  width = height;
}

void read_activation(JsonReader& reader, ModelConfig& c) {
  if (!reader.has("hidden_act")) return;
  int position = 0;
  reader.choice("hidden_act", position,
                {"gelu_fast", "gelu_new", "gelu_pytorch_tanh", "gelu", "gelu_python"});
  c.act = position < 3 ? Activation::kGeluTanh : Activation::kGeluErf;
}

/// {"0": "abseiling", "1": …}
void read_labels(JsonReader& reader, ModelConfig& c) {
  if (!reader.has("id2label")) return;
  const json* labels = reader.object("id2label");
  if (!labels || labels->is_null() || (labels->is_object() && labels->empty())) return;
  if (!labels->is_object() || labels->size() > kMaxLabels)
    return reader.fail("id2label", "must name 1 to " + std::to_string(kMaxLabels) + " labels");
  for (std::size_t i = 0; i < labels->size(); ++i) {
    const auto label = labels->find(std::to_string(i));
    if (label == labels->end()) return reader.fail("id2label", "has no \"" + std::to_string(i) + "\"");
    if (!label->is_string())
      return reader.fail("id2label", "has a \"" + std::to_string(i) + "\" that is not a string");
    c.labels.push_back(label->get<std::string>());
  }
  c.C = static_cast<int>(std::ssize(c.labels));
}

void check_together(JsonReader& reader, const ModelConfig& c, int wide) {
  const auto divides = [&](const char* key, int value, int by, const char* what) {
    if (value % by)
      reader.fail(key,
                  "is " + std::to_string(value) + ", not a multiple of " + what + " = " + std::to_string(by));
  };
  divides("hidden_size", c.D, c.H, "num_attention_heads");
  divides("num_frames", c.frames, c.pt, "tubelet_size[0]");
  divides("image_size", c.image_height, c.ph, "tubelet_size[1]");
  divides("image_size", c.image_width, c.pw, "tubelet_size[2]");
  if (wide != 4 * c.D)
    reader.fail("intermediate_size", "is " + std::to_string(wide) + "; only 4 times hidden_size can be run");
  if (std::int64_t{c.tokens()} * c.nt() > kMaxTokens)
    reader.fail("image_size", "and tubelet_size give more than " + std::to_string(kMaxTokens) + " tokens");
  if (tubelet_bytes(c.image_width, c.image_height, c.pt) > kMaxTubeletBytes)
    reader.fail("tubelet_size",
                "and image_size give more than " + std::to_string(kMaxTubeletBytes) + " bytes a tubelet");
  if (std::int64_t{c.nt()} * c.tubelet_bytes() > kMaxWindowBytes)
    reader.fail("num_frames",
                "and image_size give more than " + std::to_string(kMaxWindowBytes) + " bytes a window");
}

Result<json> parse_config_file(std::string_view text, const std::string& what) {
  if (text.size() > kMaxHeaderBytes)
    return Failure{what + ": is " + std::to_string(text.size()) + " bytes long, which no config is"};
  return parse_json(text, what);
}

std::string known_type(const json& config) {
  const auto type = config.find("model_type");
  return type != config.end() && type->is_string() ? type->get<std::string>() : "";
}

}  // namespace

Result<HuggingfaceConfig> parse_huggingface_config(std::string_view text, const std::string& what) {
  const auto parsed = parse_config_file(text, what);
  if (!parsed) return parsed.error();
  std::string failure;
  JsonReader reader(parsed.value(), what, "", failure);
  if (!failure.empty()) return Failure{failure};
  if (const std::string type = known_type(parsed.value()); type != "vivit")
    return Failure{what + ": model_type is \"" + type + "\"; of Hugging Face's models only vivit can be run"};

  HuggingfaceConfig result;
  ModelConfig& c = result.model;
  c.variant = Variant::kJoint;
  c.D = 768, c.H = 12, c.L = 12, c.Lt = 0, c.E = 1;
  c.image_height = c.image_width = 224;
  c.frames = 32;
  c.pt = 2, c.ph = c.pw = 16;
  int channels = 3, wide = 3072;
  const auto size = [&](const char* key, int& value, int high) {
    if (reader.has(key)) reader.integer(key, value, 1, high);
  };
  size("hidden_size", c.D, 8192);
  size("num_attention_heads", c.H, 256);
  size("num_hidden_layers", c.L, 128);
  size("intermediate_size", wide, 4 * 8192);
  size("num_frames", c.frames, 1024);
  size("num_channels", channels, 1024);
  read_size(reader, "image_size", c.image_height, c.image_width);
  if (reader.has("tubelet_size")) reader.integers<3>("tubelet_size", {&c.pt, &c.ph, &c.pw}, 1, 4096);
  if (reader.has("layer_norm_eps")) reader.number("layer_norm_eps", c.ln_eps, 0, 1);
  if (channels != 3) reader.fail("num_channels", "is " + std::to_string(channels) + "; only 3 can be run");
  if (reader.has("qkv_bias")) reader.boolean("qkv_bias", result.qkv_bias);
  read_activation(reader, c);
  read_labels(reader, c);
  if (failure.empty()) check_together(reader, c, wide);
  if (!failure.empty()) return Failure{failure};

  // Kinetics as ViViT saw it: every second frame of 25 a second. The trained range around it is ours.
  c.rate_min = 8.0 / c.pt, c.rate_nominal = 12.5 / c.pt, c.rate_max = 25.0 / c.pt;
  c.resize_short = static_cast<int>(std::lround(std::min(c.image_height, c.image_width) * 8 / 7.0));
  c.mean.fill(0.5), c.std.fill(0.5);
  c.train_ec = {1, 1};
  return result;
}

namespace {

/// Other models' processors have other defaults for the same keys.
void check_processor(JsonReader& reader) {
  std::string type = "VivitImageProcessor", older;
  reader.optional("image_processor_type", type);
  if (!reader.has("image_processor_type")) reader.optional("feature_extractor_type", older);
  if (!older.empty() && older != "VivitFeatureExtractor") type = older;
  if (type != "VivitImageProcessor" && type != "VivitImageProcessorFast")
    reader.fail("image_processor_type", "is \"" + type + "\"; only VivitImageProcessor can be followed");
}

/// Size and crop: the short side to a length, then the middle.
void follow_size(JsonReader& reader, const std::string& what, ModelConfig& c, std::string& failure) {
  bool resize = true, crop = true;
  if (reader.has("do_resize")) reader.boolean("do_resize", resize);
  if (reader.has("do_center_crop")) reader.boolean("do_center_crop", crop);
  if (!resize) reader.fail("do_resize", "is false; pictures of any size cannot be run");
  if (!crop) reader.fail("do_center_crop", "is false; only the middle of the resized picture can be run");
  int filter = kBilinear;
  if (reader.has("resample")) reader.integer("resample", filter, 0, 5);
  if (filter != kBilinear)
    reader.fail("resample", "is " + std::to_string(filter) + "; only 2, bilinear, can be followed");
  int shortest = 256;
  if (reader.has("size")) {
    if (const json* object = reader.object("size")) {
      JsonReader size(*object, what, "size.", failure);
      size.integer("shortest_edge", shortest, 1, 8192);
    }
  }
  int height = 224, width = 224;
  if (reader.has("crop_size")) {
    if (const json* object = reader.object("crop_size")) {
      JsonReader size(*object, what, "crop_size.", failure);
      size.integer("height", height, 1, 4096);
      size.integer("width", width, 1, 4096);
    }
  }
  const auto by = [](int h, int w) { return std::to_string(h) + "x" + std::to_string(w); };
  if (height != c.image_height || width != c.image_width)
    reader.fail("crop_size", "is " + by(height, width) + " and the model's image_size " +
                                 by(c.image_height, c.image_width));
  if (shortest < std::max(height, width)) reader.fail("size", "has a shortest_edge smaller than the crop");
  c.resize_short = shortest;
}

/// pixel = ((u8 * factor - offset) - mean) / std, of which each half can be off.
void follow_values(JsonReader& reader, ModelConfig& c) {
  bool rescale = true, offset = true, normalize = true;
  double factor = 1 / 127.5;
  std::array<double, 3> mean{0.5, 0.5, 0.5}, std{0.5, 0.5, 0.5};
  if (reader.has("do_rescale")) reader.boolean("do_rescale", rescale);
  if (reader.has("offset")) reader.boolean("offset", offset);
  if (reader.has("do_normalize")) reader.boolean("do_normalize", normalize);
  if (reader.has("rescale_factor")) reader.number("rescale_factor", factor, 1e-9, 1000);
  if (reader.has("image_mean")) reader.numbers("image_mean", mean, -1e6, 1e6);
  if (reader.has("image_std")) reader.numbers("image_std", std, 1e-9, 1e6);
  if (offset && !rescale) offset = false;
  c.scale = rescale ? factor : 1;
  for (int i = 0; i < 3; ++i) {
    c.mean[i] = (offset ? 1 : 0) + (normalize ? mean[i] : 0);
    c.std[i] = normalize ? std[i] : 1;
  }
}

}  // namespace

Result<ModelConfig> follow_huggingface_preprocessor(std::string_view text, const std::string& what,
                                                    ModelConfig config) {
  const auto parsed = parse_config_file(text, what);
  if (!parsed) return parsed.error();
  std::string failure;
  JsonReader reader(parsed.value(), what, "", failure);
  check_processor(reader);
  follow_size(reader, what, config, failure);
  follow_values(reader, config);
  if (!failure.empty()) return Failure{failure};
  return config;
}

}  // namespace mone
