#include "engine/model_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/tiny_model.h"

namespace mone {
namespace {

using nlohmann::json;
using testing::HasSubstr;

json valid() { return json::parse(test::config_json(test::tiny_fe().config)); }

std::string failure(const json& config) {
  const auto parsed = parse_model_config(config.dump());
  return parsed ? "" : parsed.error().text;
}
/// The failure after one key has been given another value.
std::string failure_with(const char* pointer, const json& value) {
  json config = valid();
  config[json::json_pointer(pointer)] = value;
  return failure(config);
}

TEST(ModelConfig, ReadsEveryKey) {
  const auto parsed = parse_model_config(R"({
    "variant": "joint", "D": 768, "H": 12, "L": 12, "Lt": 0, "E": 3, "C": 2, "image": [224, 192], "frames": 32,
    "tubelet": [2, 16, 8], "rate": {"min": 4.0, "nominal": 6.25, "max": 12.5}, "resize_short": 256, "fit": "pad",
    "crop": "motion", "planes": "luma-motion", "act": "gelu_erf", "ln_eps": 1e-5, "classifier": "gap",
    "cls_policy": "routed", "router_input": "ln1", "gate": "off", "w_form": "frac", "beta": 9.0, "delta": 3.0,
    "train_ec": [0.2, 0.9], "input": {"scale": 0.004, "mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]},
    "labels": ["abseiling", "caf\u00e9"], "provenance": {"name": "n", "trained_on": "t", "terms": "c"}})");
  ASSERT_TRUE(parsed) << parsed.error().text;
  const ModelConfig& c = parsed.value();
  EXPECT_EQ(c.variant, Variant::kJoint);
  EXPECT_EQ(std::vector({c.D, c.H, c.L, c.Lt, c.E, c.C}), std::vector({768, 12, 12, 0, 3, 2}));
  EXPECT_EQ(std::vector({c.image_height, c.image_width, c.frames, c.pt, c.ph, c.pw}),
            std::vector({224, 192, 32, 2, 16, 8}));
  EXPECT_EQ(std::vector({c.nt(), c.nh(), c.nw(), c.tokens()}), std::vector({16, 14, 24, 336}));
  EXPECT_EQ(std::vector({c.rate_min, c.rate_nominal, c.rate_max}), std::vector({4.0, 6.25, 12.5}));
  EXPECT_EQ(c.resize_short, 256);
  EXPECT_EQ(c.fit, Fit::kPad);
  EXPECT_EQ(c.crop, CropMode::kMotion);
  EXPECT_EQ(c.planes, Planes::kLumaMotion);
  EXPECT_EQ(c.act, Activation::kGeluErf);
  EXPECT_EQ(c.ln_eps, 1e-5);
  EXPECT_EQ(c.classifier, Classifier::kGap);
  EXPECT_EQ(c.cls_policy, ClsPolicy::kRouted);
  EXPECT_EQ(c.router_input, RouterInput::kLn1);
  EXPECT_FALSE(c.gate);
  EXPECT_EQ(c.w_form, WForm::kFrac);
  EXPECT_EQ(std::vector({c.beta, c.delta}), std::vector({9.0, 3.0}));
  EXPECT_EQ(c.train_ec, (std::array{0.2, 0.9}));
  EXPECT_EQ(c.scale, 0.004);
  EXPECT_EQ(c.mean, (std::array{0.1, 0.2, 0.3}));
  EXPECT_EQ(c.std, (std::array{0.4, 0.5, 0.6}));
  EXPECT_EQ(c.labels, (std::vector<std::string>{"abseiling", "café"}));
  EXPECT_EQ(c.provenance.terms, "c");
}

TEST(ModelConfig, WithoutProvenanceIsValid) {
  json config = valid();
  config.erase("provenance");
  EXPECT_EQ(failure(config), "");
}

TEST(ModelConfig, EveryOtherKeyIsRequired) {
  const json whole = valid();
  for (const auto& [key, value] : whole.items()) {
    if (key == "provenance") continue;
    json config = whole;
    config.erase(key);
    EXPECT_THAT(failure(config), HasSubstr(key + " is missing"));
  }
}

TEST(ModelConfig, UnknownKeysAreNamed) {
  EXPECT_THAT(failure_with("/colour", 1), HasSubstr("colour is not a key"));
  EXPECT_THAT(failure_with("/rate/hertz", 1), HasSubstr("rate.hertz is not a key"));
  EXPECT_THAT(failure_with("/input/gain", 1), HasSubstr("input.gain is not a key"));
  EXPECT_THAT(failure_with("/provenance/author", "a"), HasSubstr("provenance.author is not a key"));
}

TEST(ModelConfig, WordsOutsideTheListAreNamedWithThoseInside) {
  EXPECT_THAT(failure_with("/variant", "model3"),
              HasSubstr("variant is \"model3\"; this version knows fe, joint"));
  EXPECT_THAT(failure_with("/planes", "flow"), HasSubstr("rgb, luma-motion"));
  EXPECT_THAT(failure_with("/gate", "maybe"), HasSubstr("gate"));
}

TEST(ModelConfig, ValuesOutOfRangeAreNamed) {
  EXPECT_THAT(failure_with("/D", -4), HasSubstr("D is -4"));
  EXPECT_THAT(failure_with("/D", 1e30), HasSubstr("D must be a whole number"));
  EXPECT_THAT(failure_with("/D", 18446744073709551615u), HasSubstr("D is"));
  EXPECT_THAT(failure_with("/D", "16"), HasSubstr("D must be a whole number"));
  EXPECT_THAT(failure_with("/E", 6), HasSubstr("E is 6"));
  EXPECT_THAT(failure_with("/rate/nominal", 0), HasSubstr("rate.nominal is 0"));
  EXPECT_THAT(failure_with("/rate/nominal", 100), HasSubstr("min <= nominal <= max"));
  EXPECT_THAT(failure_with("/input/std", {0.5, 0.0, 0.5}), HasSubstr("input.std is 0"));
  EXPECT_THAT(failure_with("/input/mean", {0.5, 0.5}), HasSubstr("input.mean must be an array of 3"));
  EXPECT_THAT(failure_with("/image", {16.5, 20}), HasSubstr("image must hold whole numbers"));
  EXPECT_THAT(failure_with("/train_ec", {0.9, 0.1}), HasSubstr("train_ec"));
  EXPECT_THAT(failure_with("/labels", {"a"}), HasSubstr("labels has 1 entries for C = 5"));
  EXPECT_THAT(failure_with("/labels", {1, 2, 3, 4, 5}), HasSubstr("labels must be an array of strings"));
  EXPECT_THAT(failure_with("/rate", 5), HasSubstr("config: rate must be an object"));
}

TEST(ModelConfig, SizesMustFitEachOther) {
  EXPECT_THAT(failure_with("/H", 3), HasSubstr("D is 16, not a multiple of H = 3"));
  EXPECT_THAT(failure_with("/D", 12), HasSubstr("D is 12, not a multiple of 2^(E-1)"));
  EXPECT_THAT(failure_with("/frames", 5), HasSubstr("frames is 5"));
  EXPECT_THAT(failure_with("/image", {16, 18}), HasSubstr("image is 18"));
  EXPECT_THAT(failure_with("/Lt", 0), HasSubstr("Lt is 0"));
  EXPECT_THAT(failure_with("/variant", "joint"), HasSubstr("Lt must be 0"));
  EXPECT_THAT(failure_with("/image", {4096, 4096}), HasSubstr("at most 65536"));
  json large = valid();  // 4.3 GB a tubelet: no int holds that
  large["image"] = {4096, 4096}, large["tubelet"] = {86, 16, 16}, large["frames"] = 86;
  EXPECT_THAT(failure(large), HasSubstr("larger than 268435456 bytes"));
  json kept = valid();  // 50 MB a tubelet, of which a stream of a joint model would keep 1024
  kept["variant"] = "joint", kept["Lt"] = 0;
  kept["image"] = {4096, 4096}, kept["tubelet"] = {1, 512, 512}, kept["frames"] = 1024;
  EXPECT_THAT(failure(kept), HasSubstr("frames of 1024 make a window larger than 1073741824 bytes"));
}

TEST(ModelConfig, TextThatIsNoConfigFails) {
  for (const char* text : {"", "nonsense", "[]", "null", "{", "{\"D\": NaN}", "\xff\xfe"})
    EXPECT_FALSE(parse_model_config(text)) << text;
  EXPECT_FALSE(parse_model_config(std::string(100000, '[')));
}

TEST(ModelConfig, AKeyGivenTwiceFails) {
  std::string text = valid().dump();
  text.insert(1, "\"D\": 32, ");
  const auto parsed = parse_model_config(text);
  ASSERT_FALSE(parsed);
  EXPECT_THAT(parsed.error().text, HasSubstr("\"D\" appears twice"));
}

}  // namespace
}  // namespace mone
