#include "engine/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "engine/clip.h"
#include "tests/tiny_huggingface.h"

namespace mone {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;

std::shared_ptr<const Model> tiny() { return Model::load(test::write_model(test::tiny_fe())).value(); }

/// An environment variable for the time of a test.
struct Environment {
  Environment(const char* name, const std::string& value) : name_(name) { ::setenv(name, value.c_str(), 1); }
  ~Environment() { ::unsetenv(name_); }
  const char* name_;
};

TEST(Engine, UsesTheBackendItIsAskedFor) {
  const auto engine = Engine::create(tiny(), {"reference", DType::kBf16}).value();
  EXPECT_EQ(engine->backend(), "reference");
  EXPECT_EQ(engine->dtype(), DType::kBf16);
  EXPECT_GE(engine->threads(), 1);
}

TEST(Engine, TakesTheBackendFromTheEnvironmentUnlessAskedOtherwise) {
  const Environment variable("MONE_BACKEND", "reference");
  EXPECT_EQ(Engine::create(tiny(), {}).value()->backend(), "reference");
  const Environment wrong("MONE_BACKEND", "abacus");
  EXPECT_THAT(Engine::create(tiny(), {}).error().text, HasSubstr("no backend \"abacus\"; this build has"));
  EXPECT_EQ(Engine::create(tiny(), {"reference"}).value()->backend(), "reference");
}

TEST(Engine, LogsWhichBackendItChoseAndWhy) {
  std::vector<std::string> lines;
  set_log_sink([&](int, const std::string& line) { lines.push_back(line); });
  const auto chosen = Engine::create(tiny(), {"reference", DType::kF32});
  set_log_sink({});
  EXPECT_TRUE(chosen);
  EXPECT_THAT(lines, Contains(HasSubstr("backend reference, f32, 1 threads: asked for")));
}

TEST(Engine, WarnsOnceWhenTheRouterGivesNan) {
  auto tensors = test::model_tensors(test::tiny_fe());
  std::string& weights = tensors.at("embed.tubelet.weight").bytes;
  const float huge = 3e38f;  // finite, as it must be, but sums of it are not
  for (std::size_t i = 0; i < weights.size(); i += 4) std::memcpy(&weights[i], &huge, 4);
  const std::string bytes = test::safetensors_bytes(
      tensors, {{"format", "mone-vivit/1"}, {"config", test::config_json(test::tiny_fe().config)}});
  const auto engine =
      Engine::create(Model::load(test::temporary_file("huge.safetensors", bytes)).value(), {"reference"})
          .value();
  std::vector<std::string> lines;
  set_log_sink([&](int level, const std::string& line) {
    if (level == 1) lines.push_back(line);
  });
  const auto stream = engine->new_stream();
  const auto pixels = test::random_tubelet(test::tiny_fe().config, 1);
  for (int i = 0; i < 3; ++i) stream->push({pixels}, 0.5);
  set_log_sink({});
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_THAT(lines[0], HasSubstr("router gave NaN"));
}

TEST(Engine, NeedsAModel) {
  EXPECT_THAT(Engine::create(nullptr, {}).error().text, HasSubstr("needs a model"));
}

TEST(Engine, StreamsKeepTheirEngineAlive) {
  std::unique_ptr<Stream> stream = Engine::create(tiny(), {}).value()->new_stream();
  const auto pixels = test::random_tubelet(test::tiny_fe().config, 1);
  EXPECT_EQ(std::ssize(stream->push({pixels}, 1).logits), 5);
}

/// How often models are read while this lives.
struct Loads {
  Loads() {
    set_log_sink([this](int, const std::string& line) {
      count += line.find(": read, SHA-256 ") != std::string::npos ||
               line.find(": pixels in ") != std::string::npos;
    });
  }
  ~Loads() { set_log_sink({}); }
  int count = 0;
};

TEST(EngineCache, AFileIsReadOnceUntilItIsReplaced) {
  const std::string path = test::write_model(test::tiny_fe(), "shared.safetensors");
  const EngineOptions options{"reference"};
  Loads loads;
  const auto first = shared_engine(path, options).value();
  EXPECT_EQ(first, shared_engine(path, options).value());
  const auto slash = path.rfind('/');
  EXPECT_EQ(first, shared_engine(path.substr(0, slash) + "/." + path.substr(slash), options).value());
  EXPECT_EQ(loads.count, 1);

  const std::string copy = path + ".copy";
  std::filesystem::copy_file(path, copy);
  EXPECT_EQ(first, shared_engine(copy, options).value()) << "the same content";
  EXPECT_EQ(loads.count, 2);
  EXPECT_NE(first, shared_engine(path, {"reference", DType::kBf16}).value());

  // Of the same size and time, as a copy that keeps times would be.
  test::TinyModel changed = test::tiny_fe();
  changed.seed = 2;
  const auto when = std::filesystem::last_write_time(path);
  const std::string other = test::write_model(changed, "other.safetensors");
  ASSERT_EQ(std::filesystem::file_size(other), std::filesystem::file_size(path));
  std::filesystem::last_write_time(other, when);
  std::filesystem::rename(other, path);
  EXPECT_NE(first, shared_engine(path, options).value());
}

TEST(EngineCache, AFileIsReadAgainWhenNobodyHoldsItsEngine) {
  const std::string path = test::write_model(test::tiny_fe(), "released.safetensors");
  Loads loads;
  ASSERT_TRUE(shared_engine(path, {"reference"}));
  ASSERT_TRUE(shared_engine(path, {"reference"}));
  EXPECT_EQ(loads.count, 2);
}

TEST(EngineCache, OfAFolderEveryFileCounts) {
  const std::string folder = std::filesystem::path(testing::TempDir()) / "mone-engine-cache";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const test::TinyModel model = test::tiny_plain_joint();
  const auto write = [&](const char* name, const std::string& bytes) {
    std::ofstream(folder + "/" + name, std::ios::binary) << bytes;
  };
  write("model.safetensors", test::safetensors_bytes(test::huggingface_tensors(model, true), {}));
  write("config.json", test::huggingface_config(model.config));
  const EngineOptions options{"reference"};
  Loads loads;
  const auto first = shared_engine(folder, options).value();
  EXPECT_EQ(first, shared_engine(folder, options).value());
  EXPECT_EQ(loads.count, 1);
  EXPECT_FALSE(shared_engine(folder, options, {.hf_compat = true})) << "there is no preprocessor";
  write("preprocessor_config.json", test::huggingface_preprocessor());
  EXPECT_NE(first, shared_engine(folder, options, {.hf_compat = true}).value());
  write("config.json", test::huggingface_config(model.config) + "\n");
  EXPECT_NE(first, shared_engine(folder, options).value());
  std::filesystem::remove_all(folder);
}

TEST(EngineCache, ThreadsThatAskAtOnceReadItOnce) {
  const std::string path = test::write_model(test::tiny_fe(), "at_once.safetensors");
  std::atomic<int> loads = 0;
  set_log_sink([&](int, const std::string& line) { loads += line.find(": read, SHA-256 ") != line.npos; });
  std::vector<std::shared_ptr<Engine>> engines(4);
  {
    std::vector<std::jthread> threads;
    for (auto& engine : engines)
      threads.emplace_back([&engine, &path] { engine = shared_engine(path, {"reference"}).value(); });
  }
  set_log_sink({});
  EXPECT_EQ(loads, 1);
  for (const auto& engine : engines) EXPECT_EQ(engine, engines[0]);
}

TEST(Engine, AMissingDefaultModelSaysWhereItWasLookedForAndWhatToDo) {
  const auto why = [] { return Model::load("").error().text; };
  {
    const Environment model("MONE_MODEL", "/somewhere/mine.safetensors");
    EXPECT_THAT(why(), AllOf(HasSubstr("/somewhere/mine.safetensors"), HasSubstr("MONE_MODEL says"),
                             HasSubstr("--model"), HasSubstr("model=")));
  }
  if (std::filesystem::exists(default_model_path())) GTEST_SKIP() << "a default model is installed";
  EXPECT_THAT(why(), AllOf(HasSubstr("no default.safetensors in /"), HasSubstr("MONE_MODEL_PATH is not set"),
                           HasSubstr("--model"), HasSubstr("MONE_MODEL to one")));
  const Environment folders("MONE_MODEL_PATH", "/nonexistent:/neither");
  EXPECT_THAT(why(), HasSubstr("nor in MONE_MODEL_PATH, /nonexistent:/neither"));
}

TEST(Engine, TheDefaultModelIsFoundThroughTheEnvironment) {
  {
    const Environment model("MONE_MODEL", "/somewhere/mine.safetensors");
    EXPECT_EQ(default_model_path(), "/somewhere/mine.safetensors");
  }
  const std::string path = test::write_model(test::tiny_fe(), "default.safetensors");
  const std::string folder = path.substr(0, path.rfind('/'));
  const Environment folders("MONE_MODEL_PATH", "/nonexistent:" + folder);
  EXPECT_EQ(default_model_path(), path);
  EXPECT_TRUE(Model::load(""));
}

TEST(Clip, RefusesWhatDoesNotFitTheModel) {
  const auto engine = Engine::create(tiny(), {"reference"}).value();
  const ModelConfig& c = engine->model().config();
  const std::vector<std::uint8_t> pixels(c.frames * c.image_height * c.image_width * 3);
  EXPECT_THROW(classify_clip(*engine, {std::span(pixels).first(10)}), ShapeError);
  EXPECT_THROW(classify_clip(*engine, {pixels, 0.0}), ConfigError);
  const std::vector<std::uint8_t> few(3), wrong(c.nt() * c.tokens(), 4);
  EXPECT_THROW(classify_clip(*engine, {pixels, 1.0, few}), ShapeError);
  EXPECT_THROW(classify_clip(*engine, {pixels, 1.0, wrong}), ConfigError);
}

TEST(Clip, GivesWhatAStreamGivesAfterTheSameTubelets) {
  const auto engine = Engine::create(tiny(), {"reference", DType::kF32}).value();
  const ModelConfig& c = engine->model().config();
  std::vector<std::uint8_t> frames(c.frames * c.image_height * c.image_width * 3);
  for (std::size_t i = 0; i < frames.size(); ++i) frames[i] = static_cast<std::uint8_t>(i * i / 7 % 251);
  const ClipResult clip = classify_clip(*engine, {frames, 0.4});

  const auto stream = engine->new_stream();
  std::vector<float> streamed;
  for (int t = 0; t < c.nt(); ++t) {
    std::vector<std::uint8_t> tubelet;  // [tokens, pt, ph, pw, 3]
    for (int token = 0; token < c.tokens(); ++token)
      for (int a = 0; a < c.pt; ++a)
        for (int y = 0; y < c.ph; ++y) {
          const int row = token / c.nw() * c.ph + y, column = token % c.nw() * c.pw;
          const int at = (((t * c.pt + a) * c.image_height + row) * c.image_width + column) * 3;
          tubelet.insert(tubelet.end(), frames.begin() + at, frames.begin() + at + c.pw * 3);
        }
    const auto logits = stream->push({tubelet}, 0.4).logits;
    streamed.assign(logits.begin(), logits.end());
  }
  EXPECT_EQ(clip.logits, streamed);
}

}  // namespace
}  // namespace mone
