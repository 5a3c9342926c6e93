#include "engine/huggingface.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "engine/clip.h"
#include "engine/half.h"
#include "tests/tiny_huggingface.h"

namespace mone {
namespace {

using nlohmann::json;
using test::RawTensor;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

using Tensors = std::map<std::string, RawTensor>;

test::TinyModel plain() { return test::tiny_plain_joint(); }
Tensors folder_tensors(bool now) { return test::huggingface_tensors(plain(), now); }
json folder_config() { return json::parse(test::huggingface_config(plain().config)); }

json preprocessor() { return json::parse(test::huggingface_preprocessor()); }

std::string bytes_of(const Tensors& tensors) { return test::safetensors_bytes(tensors, {{"format", "pt"}}); }

struct Loaded {
  std::string weights;  // what the model's views point into
  std::string failure, pixels;
  bool pixels_differ = false;
  ModelConfig config;
};

Loaded load(const json& config, const Tensors& tensors, std::optional<std::string> preprocess = {},
            bool follow = false) {
  Loaded loaded{bytes_of(tensors)};
  const std::string text = config.is_string() ? config.get<std::string>() : config.dump();
  const auto model = parse_huggingface(
      {"folder", text, preprocess ? std::optional<std::string_view>(*preprocess) : std::nullopt,
       std::as_bytes(std::span(loaded.weights))},
      follow);
  if (!model) {
    loaded.failure = model.error().text;
  } else {
    loaded.pixels = model.value().pixels;
    loaded.pixels_differ = model.value().pixels_differ;
    loaded.config = model.value().file.config;
  }
  return loaded;
}

/// load()'s failure after a change of the config.
std::string failure_with(const char* key, const json& value) {
  json config = folder_config();
  config[key] = value;
  return load(config, folder_tensors(true)).failure;
}

std::string failure_of_preprocessor(const char* key, const json& value) {
  json changed = preprocessor();
  changed[key] = value;
  return load(folder_config(), folder_tensors(true), changed.dump(), true).failure;
}

std::string write_folder(const std::string& name, const Tensors& tensors, const json& config) {
  const std::filesystem::path weights = test::temporary_file(name + ".safetensors", bytes_of(tensors));
  const std::filesystem::path folder = weights.parent_path() / name;
  std::filesystem::create_directories(folder);
  std::filesystem::rename(weights, folder / "model.safetensors");
  std::ofstream(folder / "config.json") << config.dump();
  return folder;
}

std::vector<float> logits_of(const std::string& path) {
  auto model = Model::load(path);
  if (!model) throw std::runtime_error(model.error().text);
  const auto engine = Engine::create(model.value(), {"reference", DType::kF32}).value();
  const ModelConfig& c = model.value()->config();
  std::vector<std::uint8_t> clip;
  for (int i = 0; i < c.nt(); ++i) {
    const auto tubelet = test::random_tubelet(c, i);
    clip.insert(clip.end(), tubelet.begin(), tubelet.end());
  }
  return classify_clip(*engine, {clip}).logits;
}

TEST(Huggingface, BothSpellingsComputeWhatOurOwnFileOfTheSameWeightsComputes) {
  const auto expected = logits_of(test::write_model(plain(), "plain.safetensors"));
  EXPECT_EQ(logits_of(write_folder("now", folder_tensors(true), folder_config())), expected);
  EXPECT_EQ(logits_of(write_folder("before", folder_tensors(false), folder_config())), expected);
}

TEST(Huggingface, AFolderIsNamedAndHashedByWhatIsInIt) {
  const auto a = Model::load(write_folder("some-vivit", folder_tensors(true), folder_config()) + "/").value();
  EXPECT_EQ(a->name(), "some-vivit");
  EXPECT_FALSE(a->routed());
  json config = folder_config();
  config["id2label"]["0"] = "another";
  const auto b = Model::load(write_folder("other-vivit", folder_tensors(true), config)).value();
  EXPECT_EQ(b->config().labels[0], "another");
  EXPECT_NE(a->hash(), b->hash());
}

TEST(Huggingface, TheConfigIsReadWithTheDefaultsOfVivit) {
  const auto parsed = parse_huggingface_config(R"({"model_type": "vivit"})", "config.json");
  ASSERT_TRUE(parsed) << parsed.error().text;
  const ModelConfig& c = parsed.value().model;
  EXPECT_EQ(c.D, 768);
  EXPECT_EQ(c.nt(), 16);
  EXPECT_EQ(c.tokens(), 196);
  EXPECT_EQ(c.resize_short, 256);
  EXPECT_EQ(c.rate_nominal, 6.25);
  EXPECT_EQ(c.act, Activation::kGeluTanh);
  EXPECT_EQ(c.E, 1);
  EXPECT_TRUE(parsed.value().qkv_bias);
}

TEST(Huggingface, AConfigThatCannotBeRunIsNamedWithItsKey) {
  const auto large = parse_huggingface_config(
      R"({"model_type": "vivit", "image_size": 4096, "num_frames": 86, "tubelet_size": [86, 16, 16]})",
      "config.json");
  EXPECT_THAT(large ? "" : large.error().text, HasSubstr("more than 268435456 bytes a tubelet"));
  const auto kept = parse_huggingface_config(
      R"({"model_type": "vivit", "image_size": 4096, "num_frames": 1024, "tubelet_size": [1, 512, 512]})",
      "config.json");
  EXPECT_THAT(kept ? "" : kept.error().text, HasSubstr("more than 1073741824 bytes a window"));
  EXPECT_EQ(load(folder_config(), folder_tensors(true)).failure, "");
  const std::tuple<const char*, json, const char*> cases[] = {
      {"model_type", "videomae", "\"videomae\""},
      {"hidden_size", 17, "hidden_size"},
      {"hidden_size", -1, "hidden_size"},
      {"hidden_size", "16", "hidden_size"},
      {"hidden_size", 1e300, "hidden_size"},
      {"intermediate_size", 48, "intermediate_size"},
      {"num_channels", 1, "num_channels"},
      {"num_frames", 5, "num_frames"},
      {"image_size", 15, "image_size"},
      {"image_size", json::array({16, 16, 16}), "image_size"},
      {"tubelet_size", json::array({2, 4}), "tubelet_size"},
      {"tubelet_size", json::array({0, 4, 4}), "tubelet_size"},
      {"hidden_act", "relu", "relu"},
      {"layer_norm_eps", nullptr, "layer_norm_eps"},
      {"id2label", json::array({"a"}), "id2label"},
      {"id2label", json{{"0", "a"}, {"2", "b"}}, "has no \"1\""},
      {"id2label", json{{"0", 7}}, "id2label"},
      {"qkv_bias", "no", "qkv_bias"}};
  for (const auto& [key, value, says] : cases)
    EXPECT_THAT(failure_with(key, value), AllOf(HasSubstr("folder/config.json"), HasSubstr(says))) << key;
  EXPECT_THAT(load("{\"model_type\": \"vivit\"", folder_tensors(true)).failure, HasSubstr("not JSON"));
  EXPECT_THAT(load(json::array(), folder_tensors(true)).failure, HasSubstr("must be an object"));
  EXPECT_THAT(load("{\"model_type\": \"vi\xff\"}", folder_tensors(true)).failure,
              HasSubstr("last read: '\"vi\xef\xbf\xbd'"));
}

TEST(Huggingface, WhatTheConfigSaysOfTheMathsAndTheNamesIsTaken) {
  json labels;
  for (int i = 0; i < 11; ++i) labels[std::to_string(i)] = std::string(1, static_cast<char>('a' + i));
  const json config{{"model_type", "vivit"},  {"hidden_act", "gelu"},       {"layer_norm_eps", 0.1},
                    {"image_size", {16, 48}}, {"tubelet_size", {4, 8, 16}}, {"id2label", labels},
                    {"qkv_bias", false}};
  const auto parsed = parse_huggingface_config(config.dump(), "config.json");
  ASSERT_TRUE(parsed) << parsed.error().text;
  const ModelConfig& c = parsed.value().model;
  EXPECT_FALSE(parsed.value().qkv_bias);
  EXPECT_EQ(c.act, Activation::kGeluErf);
  EXPECT_EQ(c.ln_eps, 0.1);
  EXPECT_EQ(std::pair(c.image_height, c.image_width), std::pair(16, 48));
  EXPECT_EQ(std::tuple(c.pt, c.ph, c.pw), std::tuple(4, 8, 16));
  EXPECT_EQ(c.resize_short, 18);
  EXPECT_EQ(c.C, 11);
  EXPECT_EQ(c.labels[2], "c");  // 10 stands before 2 in the JSON
  EXPECT_EQ(c.labels[10], "k");
  for (const auto& [word, act] :
       {std::pair("gelu_python", Activation::kGeluErf), std::pair("gelu_new", Activation::kGeluTanh),
        std::pair("gelu_pytorch_tanh", Activation::kGeluTanh)}) {
    const json one{{"model_type", "vivit"}, {"hidden_act", word}};
    EXPECT_EQ(parse_huggingface_config(one.dump(), "config.json").value().model.act, act) << word;
  }
}

TEST(Huggingface, LabelsWithoutNamesAreNumberedAfterTheHead) {
  json config = folder_config();
  config.erase("id2label");
  const Loaded loaded = load(config, folder_tensors(true));
  ASSERT_EQ(loaded.failure, "");
  EXPECT_EQ(loaded.config.C, 5);
  EXPECT_EQ(loaded.config.labels[4], "LABEL_4");
  for (const json& none : {json(nullptr), json::object()}) {
    config["id2label"] = none;
    EXPECT_EQ(load(config, folder_tensors(true)).config.labels, loaded.config.labels);
  }
  Tensors headless = folder_tensors(true);
  headless.erase("classifier.weight");
  EXPECT_THAT(load(config, headless).failure, HasSubstr("tensor classifier.weight is missing"));
}

TEST(Huggingface, TensorsAreNamedAsTheFileHasThem) {
  Tensors tensors = folder_tensors(false);
  tensors.erase("vivit.encoder.layer.1.attention.attention.key.weight");
  EXPECT_THAT(load(folder_config(), tensors).failure,
              AllOf(HasSubstr("folder/model.safetensors"),
                    HasSubstr("tensor vivit.encoder.layer.1.attention.attention.key.weight is missing")));
  tensors = folder_tensors(true);
  tensors["vivit.layers.0.mlp.fc1.bias"].shape = {8, 8};
  EXPECT_THAT(load(folder_config(), tensors).failure,
              AllOf(HasSubstr("vivit.layers.0.mlp.fc1.bias"), HasSubstr("[8, 8]"), HasSubstr("[64]")));
  tensors = folder_tensors(true);
  tensors["vivit.layers.0.adapter"] = {"F32", {1}, std::string(4, '\0')};
  EXPECT_THAT(load(folder_config(), tensors).failure, HasSubstr("vivit.layers.0.adapter is not one"));
  tensors = folder_tensors(true);
  const float nan = std::nanf("");
  std::memcpy(&tensors["vivit.layers.1.attention.v_proj.weight"].bytes[20], &nan, 4);
  EXPECT_THAT(load(folder_config(), tensors).failure,
              AllOf(HasSubstr("vivit.layers.1.attention.v_proj.weight"), HasSubstr("element 5")));
  tensors = folder_tensors(true);
  tensors["classifier.bias"] = {"I32", {5}, std::string(20, '\0')};
  EXPECT_THAT(load(folder_config(), tensors).failure, AllOf(HasSubstr("classifier.bias"), HasSubstr("I32")));
}

TEST(Huggingface, APoolerIsPassedOver) {
  Tensors tensors = folder_tensors(true);
  tensors["vivit.pooler.dense.bias"] = {"F32", {16}, std::string(64, '\0')};
  EXPECT_EQ(load(folder_config(), tensors).failure, "");
}

TEST(Huggingface, WithoutQkvBiasTheyAreZeroAndMayNotBeThere) {
  json config = folder_config();
  config["qkv_bias"] = false;
  Tensors zeros = folder_tensors(true), without = zeros;
  for (auto& [name, tensor] : zeros) {
    if (!name.ends_with("_proj.bias") || name.find("o_proj") != name.npos) continue;
    tensor.bytes.assign(tensor.bytes.size(), '\0');
    without.erase(name);
  }
  EXPECT_EQ(logits_of(write_folder("without", without, config)),
            logits_of(write_folder("zeros", zeros, folder_config())));
  EXPECT_THAT(load(folder_config(), without).failure, HasSubstr("q_proj.bias is missing"));
  EXPECT_THAT(load(config, zeros).failure, HasSubstr("_proj.bias is not one that the config asks for"));
}

TEST(Huggingface, HalfPrecisionIsWidenedExactly) {
  EXPECT_EQ(half_to_float(0x3c00), 1.0f);
  EXPECT_EQ(half_to_float(0xc000), -2.0f);
  EXPECT_EQ(half_to_float(0x0001), std::ldexp(1.0f, -24));
  EXPECT_EQ(half_to_float(0x03ff), std::ldexp(1023.0f, -24));
  EXPECT_EQ(half_to_float(0x7bff), 65504.0f);
  EXPECT_EQ(half_to_float(0x7c00), std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(half_to_float(0x7e00)));
  EXPECT_TRUE(std::signbit(half_to_float(0x8000)));

  Tensors half = folder_tensors(true), wide = half;
  for (auto& [name, tensor] : half) {  // ones and zeros, which every type holds
    const std::size_t count = tensor.bytes.size() / 4;
    tensor.dtype = "F16";
    tensor.bytes.clear();
    for (std::size_t i = 0; i < count; ++i) {
      const bool one = (i * 7 + name.size()) % 5 == 0;
      tensor.bytes += one ? std::string("\0\x3c", 2) : std::string(2, '\0');
      const float value = one;
      std::memcpy(&wide[name].bytes[i * 4], &value, 4);
    }
  }
  EXPECT_EQ(logits_of(write_folder("half", half, folder_config())),
            logits_of(write_folder("wide", wide, folder_config())));
  half["classifier.bias"].bytes[1] = '\x7c';
  EXPECT_THAT(load(folder_config(), half).failure, HasSubstr("classifier.bias"));
}

TEST(Huggingface, PixelsAreThoseOfTheTrainingUnlessThePreprocessorIsFollowed) {
  const auto range = [](const ModelConfig& c) {
    return std::pair((0 - c.mean[0]) / c.std[0], (255 * c.scale - c.mean[0]) / c.std[0]);
  };
  const Tensors tensors = folder_tensors(true);
  Loaded loaded = load(folder_config(), tensors);
  EXPECT_EQ(range(loaded.config), std::pair(-1.0, 1.0));
  EXPECT_FALSE(loaded.pixels_differ);
  EXPECT_THAT(loaded.pixels, HasSubstr("[-1, 1]"));

  loaded = load(folder_config(), tensors, preprocessor().dump());
  EXPECT_FALSE(loaded.pixels_differ);

  json usual = preprocessor();  // what VivitImageProcessor does unless told otherwise
  usual.erase("do_normalize");
  loaded = load(folder_config(), tensors, usual.dump());
  EXPECT_EQ(range(loaded.config), std::pair(-1.0, 1.0));
  EXPECT_TRUE(loaded.pixels_differ);
  EXPECT_THAT(loaded.pixels,
              AllOf(HasSubstr("in [-1, 1]"), HasSubstr("asks for [-3, 1]"), HasSubstr("hf-compat")));

  loaded = load(folder_config(), tensors, usual.dump(), true);
  EXPECT_NEAR(range(loaded.config).first, -3, 1e-12);
  EXPECT_NEAR(range(loaded.config).second, 1, 1e-12);
  EXPECT_THAT(loaded.pixels, AllOf(HasSubstr("in [-3, 1]"), HasSubstr("as its preprocessor says")));

  usual["size"] = {{"shortest_edge", 20}};
  usual["offset"] = false;
  usual["image_std"] = {1, 1, 1};
  loaded = load(folder_config(), tensors, usual.dump(), true);
  EXPECT_EQ(loaded.config.resize_short, 20);
  EXPECT_NEAR(range(loaded.config).first, -0.5, 1e-12);
  EXPECT_NEAR(range(loaded.config).second, 1.5, 1e-12);
}

TEST(Huggingface, APreprocessorThatCannotBeFollowedFailsOnlyWhereItIsFollowed) {
  const std::tuple<const char*, json, const char*> cases[] = {
      {"image_processor_type", "VideoMAEImageProcessor", "\"VideoMAEImageProcessor\""},
      {"image_processor_type", nullptr, "image_processor_type"},
      {"feature_extractor_type", "VideoMAEFeatureExtractor", "\"VideoMAEFeatureExtractor\""},
      {"resample", 3, "only 2, bilinear"},
      {"do_resize", false, "do_resize"},
      {"do_center_crop", false, "do_center_crop"},
      {"do_center_crop", 1, "do_center_crop"},
      {"size", json{{"height", 16}, {"width", 16}}, "size.shortest_edge"},
      {"size", json{{"shortest_edge", 8}}, "smaller than the crop"},
      {"size", 18, "size must be an object"},
      {"crop_size", json{{"height", 8}, {"width", 16}}, "crop_size"},
      {"rescale_factor", 0, "rescale_factor"},
      {"image_std", json::array({0, 1, 1}), "image_std"},
      {"image_mean", json::array({1}), "image_mean"}};
  for (const auto& [key, value, says] : cases)
    EXPECT_THAT(failure_of_preprocessor(key, value),
                AllOf(HasSubstr("folder/preprocessor_config.json"), HasSubstr(says)))
        << key;
  for (const char* broken : {"not JSON", ""}) {
    const Loaded loaded = load(folder_config(), folder_tensors(true), broken);
    EXPECT_EQ(loaded.failure, "");
    EXPECT_TRUE(loaded.pixels_differ);
    EXPECT_THAT(loaded.pixels, HasSubstr("is not followed"));
    EXPECT_THAT(load(folder_config(), folder_tensors(true), broken, true).failure, HasSubstr("not JSON"));
  }
  EXPECT_THAT(load(folder_config(), folder_tensors(true), {}, true).failure,
              HasSubstr("preprocessor_config.json: is not there"));
  json named = preprocessor();
  named["image_processor_type"] = "VivitImageProcessor";
  named["resample"] = 2;
  EXPECT_EQ(load(folder_config(), folder_tensors(true), named.dump(), true).failure, "");
}

TEST(Huggingface, FoldersThatHaveNoModelSayWhatToDo) {
  const std::string folder = write_folder("bare", folder_tensors(true), folder_config());
  std::filesystem::remove(folder + "/model.safetensors");
  EXPECT_THAT(Model::load(folder).error().text, HasSubstr("bare/model.safetensors"));
  for (const char* other : {"pytorch_model.bin.index.json", "pytorch_model.bin"}) {
    std::ofstream(folder + "/" + other) << "x";
    EXPECT_THAT(Model::load(folder).error().text, AllOf(HasSubstr(other), HasSubstr("convert.py")));
  }
  std::filesystem::remove(folder + "/config.json");
  ASSERT_EQ(::mkfifo((folder + "/config.json").c_str(), 0600), 0);  // of which open() would wait for a writer
  std::ofstream(folder + "/model.safetensors") << "x";
  EXPECT_THAT(Model::load(folder).error().text, HasSubstr("config.json: is not a file"));
  std::filesystem::remove(folder + "/config.json");
  EXPECT_THAT(Model::load(folder).error().text, HasSubstr("is a folder without config.json"));
  EXPECT_THAT(Model::load(test::write_model(plain()), {.hf_compat = true}).error().text,
              HasSubstr("is no folder"));
}

}  // namespace
}  // namespace mone
