#include "engine/weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "engine/model.h"
#include "engine/sha256.h"
#include "tests/tiny_model.h"

namespace mone {
namespace {

using test::RawTensor;
using testing::AllOf;
using testing::HasSubstr;

std::string load_failure(const std::string& bytes) {
  const auto model = Model::load(test::temporary_file("hostile.safetensors", bytes));
  return model ? "" : model.error().text;
}

std::map<std::string, std::string> metadata(const test::TinyModel& model = test::tiny_fe()) {
  return {{"format", "mone-vivit/1"}, {"config", test::config_json(model.config)}};
}

/// The failure after one tensor of a valid model has been changed.
template <class Change>
std::string failure_after(const char* tensor, Change change) {
  auto tensors = test::model_tensors(test::tiny_fe());
  change(tensors.at(tensor));
  return load_failure(test::safetensors_bytes(tensors, metadata()));
}

/// A file with this header and 8 bytes of data.
std::string failure_of_header(std::string header) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(std::uint64_t{header.size()} >> (8 * i));
  bytes += header + std::string(8, '\0');
  const auto parsed = parse_safetensors(std::as_bytes(std::span(bytes)), "file");
  return parsed ? "" : parsed.error().text;
}

TEST(Model, LoadsWhatItsConfigSays) {
  const std::string path = test::write_model(test::tiny_fe(), "tiny-model.safetensors");
  const auto loaded = Model::load(path);
  ASSERT_TRUE(loaded) << loaded.error().text;
  const Model& model = *loaded.value();
  EXPECT_EQ(model.config().D, 16);
  EXPECT_EQ(model.name(), "tiny");
  EXPECT_EQ(model.path(), path);
  const std::string bytes = test::model_bytes(test::tiny_fe());
  EXPECT_EQ(model.hash(), sha256_hex(std::as_bytes(std::span(bytes))));
  EXPECT_TRUE(model.weights().routed());
  EXPECT_EQ(model.weights().at("head.weight").shape, (Shape{5, 16}));
  EXPECT_FALSE(model.weights().find("encoder.pos_embed").present());
  EXPECT_THROW(model.weights().at("encoder.pos_embed"), WeightsError);
}

TEST(Model, IsNamedAfterItsFileWithoutProvenance) {
  test::TinyModel tiny = test::tiny_fe();
  tiny.config.provenance.name.clear();
  EXPECT_EQ(Model::load(test::write_model(tiny, "nameless.safetensors")).value()->name(), "nameless");
}

TEST(Model, WithoutRouterIsPlain) {
  test::TinyModel tiny = test::tiny_fe();
  tiny.routed = false;
  EXPECT_FALSE(Model::load(test::write_model(tiny)).value()->weights().routed());
}

TEST(Model, MissingFilesAndFoldersFailWithTheirName) {
  EXPECT_THAT(Model::load("/nonexistent/x.safetensors").error().text,
              AllOf(HasSubstr("/nonexistent/x.safetensors"), HasSubstr("No such file")));
  EXPECT_THAT(Model::load("/").error().text, HasSubstr("is a folder without config.json"));
}

TEST(Model, AnotherFormatIsRefusedAndANewerOneSaysUpdate) {
  auto other = metadata();
  const auto tensors = test::model_tensors(test::tiny_fe());
  other["format"] = "mone-vivit/2";
  EXPECT_THAT(load_failure(test::safetensors_bytes(tensors, other)),
              AllOf(HasSubstr("mone-vivit/2"), HasSubstr("update")));
  other["format"] = "pt";
  EXPECT_THAT(load_failure(test::safetensors_bytes(tensors, other)), HasSubstr("format is \"pt\""));
  EXPECT_THAT(load_failure(test::safetensors_bytes(tensors, {})), HasSubstr("without the metadata"));
}

TEST(Model, AFileCutAnywhereFails) {
  const std::string bytes = test::model_bytes(test::tiny_fe());
  for (std::size_t size = 0; size < bytes.size(); size += size < 32 ? 1 : 997)
    EXPECT_NE(load_failure(bytes.substr(0, size)), "") << size;
  EXPECT_THAT(load_failure(bytes + "x"), HasSubstr("belong to no tensor"));
}

TEST(Weights, AMissingTensorIsNamed) {
  auto tensors = test::model_tensors(test::tiny_fe());
  tensors.erase("temporal.blocks.0.mlp.fc2.bias");
  EXPECT_THAT(load_failure(test::safetensors_bytes(tensors, metadata())),
              HasSubstr("tensor temporal.blocks.0.mlp.fc2.bias is missing"));
  tensors = test::model_tensors(test::tiny_fe());
  tensors.erase("mone.alpha");  // a router without its gate is neither plain nor nested
  EXPECT_THAT(load_failure(test::safetensors_bytes(tensors, metadata())),
              HasSubstr("tensor mone.alpha is missing"));
}

TEST(Weights, ATensorTooManyIsNamed) {
  auto tensors = test::model_tensors(test::tiny_fe());
  tensors["spatial.blocks.2.norm1.weight"] = {"F32", {1}, std::string(4, '\0')};
  EXPECT_THAT(load_failure(test::safetensors_bytes(tensors, metadata())),
              HasSubstr("tensor spatial.blocks.2.norm1.weight is not one"));
}

TEST(Weights, AWrongShapeIsNamedWithTheRightOne) {
  EXPECT_THAT(failure_after("head.weight",
                            [](RawTensor& t) {
                              t.shape = {16, 5};
                            }),
              AllOf(HasSubstr("head.weight"), HasSubstr("[16, 5]"), HasSubstr("[5, 16]")));
}

TEST(Weights, AWrongDtypeIsNamed) {
  EXPECT_THAT(failure_after("head.weight",
                            [](RawTensor& t) {
                              t.dtype = "F16";
                              t.bytes.resize(t.bytes.size() / 2);
                            }),
              AllOf(HasSubstr("head.weight"), HasSubstr("F16")));
  EXPECT_THAT(failure_after("head.bias",
                            [](RawTensor& t) {
                              t.dtype = "BF16";
                              t.bytes.resize(t.bytes.size() / 2);
                            }),
              AllOf(HasSubstr("head.bias"), HasSubstr("must be F32")));
}

TEST(Weights, ValuesThatAreNotFiniteAreNamed) {
  for (const float bad : {std::nanf(""), std::numeric_limits<float>::infinity()})
    EXPECT_THAT(
        failure_after("spatial.norm.weight", [&](RawTensor& t) { std::memcpy(&t.bytes[12], &bad, 4); }),
        AllOf(HasSubstr("spatial.norm.weight"), HasSubstr("element 3")));
  test::TinyModel tiny = test::tiny_fe();
  tiny.bf16 = true;
  auto tensors = test::model_tensors(tiny);
  tensors.at("head.weight").bytes[3] = '\x7f';
  tensors.at("head.weight").bytes[2] = '\xc0';
  EXPECT_THAT(load_failure(test::safetensors_bytes(tensors, metadata())),
              AllOf(HasSubstr("head.weight"), HasSubstr("element 1")));
}

TEST(Weights, AlphaMustLieBelowOne) {
  for (const float bad : {1.0f, -0.1f}) {
    test::TinyModel tiny = test::tiny_fe();
    tiny.alpha = {bad};
    EXPECT_THAT(load_failure(test::model_bytes(tiny)), HasSubstr("mone.alpha"));
  }
  test::TinyModel per_layer = test::tiny_fe();
  per_layer.alpha = {0.1f, 0.2f};
  EXPECT_EQ(load_failure(test::model_bytes(per_layer)), "");
}

TEST(Safetensors, HeadersThatLieAboutTheirLengthFail) {
  EXPECT_THAT(load_failure(std::string(8, '\xff')), HasSubstr("no safetensors file"));
  EXPECT_THAT(load_failure(std::string("\x40\0\0\0\0\0\0\0{}", 10)),
              HasSubstr("truncated inside its header"));
  EXPECT_THAT(load_failure("PK\3\4"), HasSubstr("no safetensors file"));
}

TEST(Safetensors, TensorsThatDoNotFillTheFileExactlyFail) {
  const auto entry = [](const char* name, const char* offsets, const char* shape = "[1]") {
    return std::string("\"") + name + R"(": {"dtype": "F32", "shape": )" + shape + R"(, "data_offsets": )" +
           offsets + "}";
  };
  EXPECT_EQ(failure_of_header("{" + entry("a", "[0, 4]") + ", " + entry("b", "[4, 8]") + "}"), "");
  EXPECT_THAT(failure_of_header("{" + entry("a", "[0, 4]") + ", " + entry("b", "[2, 6]") + "}"),
              HasSubstr("overlaps"));
  EXPECT_THAT(failure_of_header("{" + entry("a", "[4, 8]") + "}"), HasSubstr("hole before tensor a"));
  EXPECT_THAT(failure_of_header("{" + entry("a", "[0, 4]") + "}"), HasSubstr("4 bytes at the end"));
  EXPECT_THAT(failure_of_header("{" + entry("a", "[0, 16]", "[4]") + "}"), HasSubstr("truncated"));
  EXPECT_THAT(failure_of_header("{" + entry("a", "[8, 4]") + "}"), HasSubstr("data_offsets"));
  EXPECT_THAT(failure_of_header("{" + entry("a", "[0, 8]", "[3]") + "}"),
              HasSubstr("needs 12 bytes and has 8"));
  EXPECT_THAT(failure_of_header("{" + entry("a", "[-4, 4]") + "}"), HasSubstr("data_offsets"));
  EXPECT_THAT(failure_of_header("{" + entry("a", "[0.0, 4.0]") + "}"), HasSubstr("data_offsets"));
}

TEST(Safetensors, ShapesThatOverflowFail) {
  for (const char* shape : {"[4294967296, 4294967296]", "[18446744073709551615, 2]",
                            "[9223372036854775807, 0, 9]", "[1, 1, 1, 1, 1, 1, 1, 1, 2]"}) {
    const std::string why = failure_of_header(std::string(R"({"big": {"dtype": "F32", "shape": )") + shape +
                                              R"(, "data_offsets": [0, 8]}})");
    EXPECT_THAT(why, HasSubstr("tensor big")) << shape;
  }
}

TEST(Safetensors, NamesGivenTwiceAndStrangeEntriesFail) {
  const std::string a = R"("a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]})";
  EXPECT_THAT(failure_of_header("{" + a + ", " + a + "}"), HasSubstr("\"a\" appears twice"));
  EXPECT_THAT(failure_of_header("[]"), HasSubstr("not an object"));
  EXPECT_THAT(failure_of_header(R"({"a": 5})"), HasSubstr("tensor a must have"));
  EXPECT_THAT(failure_of_header(R"({"a": {"dtype": "F7", "shape": [2], "data_offsets": [0, 8]}})"),
              HasSubstr("F7"));
  EXPECT_THAT(failure_of_header(R"({"a": {"dtype": 7, "shape": [2], "data_offsets": [0, 8]}})"),
              HasSubstr("dtype"));
  EXPECT_THAT(failure_of_header(R"({"__metadata__": {"k": 5}, )" + a + "}"), HasSubstr("metadata k"));
  EXPECT_THAT(failure_of_header(R"({"a": [[[[[[]]]]]]})"), HasSubstr("nested"));
  EXPECT_THAT(failure_of_header("{\"\xff\": 1}"), HasSubstr("not JSON"));
  EXPECT_THAT(failure_of_header("{"), HasSubstr("not JSON"));
}

}  // namespace
}  // namespace mone
