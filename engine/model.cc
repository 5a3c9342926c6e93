#include "engine/model.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "engine/huggingface.h"
#include "engine/log.h"
#include "engine/mapped_file.h"
#include "engine/model_file.h"
#include "engine/sha256.h"

namespace mone {
namespace {

class MappedModel : public Model {
 public:
  MappedModel(MappedFile file, ModelFile parsed, std::string path, std::string hash)
      : file_(std::move(file)),
        config_(std::move(parsed.config)),
        weights_(std::move(parsed.weights)),
        path_(std::move(path)),
        hash_(std::move(hash)),
        name_(config_.provenance.name) {
    if (name_.empty()) name_ = name_of(path_);
    file_.release_pages();
  }
  const ModelConfig& config() const override { return config_; }
  const Weights& weights() const override { return weights_; }
  const std::string& path() const override { return path_; }
  const std::string& hash() const override { return hash_; }
  const std::string& name() const override { return name_; }
  void release_pages() const override { file_.release_pages(); }

 private:
  static std::string name_of(const std::filesystem::path& path) {
    std::error_code ignored;
    if (!std::filesystem::is_directory(path, ignored)) return path.stem().string();
    return std::filesystem::absolute(path / "", ignored).lexically_normal().parent_path().filename().string();
  }

  MappedFile file_;
  ModelConfig config_;
  Weights weights_;
  std::string path_, hash_, name_;
};

Result<std::shared_ptr<const Model>> load_file(const std::string& path) {
  auto mapped = MappedFile::open(path);
  if (!mapped) return mapped.error();
  auto file = parse_model_file(mapped.value().bytes(), path);
  if (!file) return file.error();
  std::string hash = sha256_hex(mapped.value().bytes());
  log_line(kLogDebug, path + ": read, SHA-256 " + hash);
  return std::shared_ptr<const Model>(std::make_shared<MappedModel>(
      std::move(mapped).value(), std::move(file).value(), path, std::move(hash)));
}

bool exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

/// Why there are no weights in a folder, and what to do.
Failure no_weights(const std::string& path) {
  for (const char* other :
       {"/pytorch_model.bin", "/pytorch_model.bin.index.json", "/model.safetensors.index.json"})
    if (exists(path + other))
      return Failure{path + ": has " + (other + 1) +
                     " and no model.safetensors; samples/training/convert.py " + "makes a model file of it"};
  return Failure{path + kHuggingfaceWeightsFile + ": No such file or directory"};
}

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

Result<std::shared_ptr<const Model>> load_folder(const std::string& path, const ModelOptions& options) {
  if (!exists(path + kHuggingfaceConfigFile))
    return Failure{path + ": is a folder without config.json; a model is a file, or a Hugging Face folder " +
                   "with config.json and model.safetensors"};
  if (!exists(path + kHuggingfaceWeightsFile)) return no_weights(path);
  const std::string preprocessor_path = path + kHuggingfacePreprocessorFile;
  auto config = MappedFile::open(path + kHuggingfaceConfigFile);
  if (!config) return config.error();
  const bool has_preprocessor = exists(preprocessor_path);
  auto preprocessor = has_preprocessor ? MappedFile::open(preprocessor_path) : MappedFile::nothing();
  if (!preprocessor) return preprocessor.error();
  auto weights = MappedFile::open(path + kHuggingfaceWeightsFile);
  if (!weights) return weights.error();

  HuggingfaceFolder folder{path, text_of(config.value()), {}, weights.value().bytes()};
  if (has_preprocessor) folder.preprocessor = text_of(preprocessor.value());
  auto model = parse_huggingface(folder, options.hf_compat);
  if (!model) return model.error();
  log_line(model.value().pixels_differ ? kLogWarning : kLogInfo, model.value().pixels);
  std::string digests = sha256_hex(weights.value().bytes()) + sha256_hex(config.value().bytes());
  if (options.hf_compat) digests += sha256_hex(preprocessor.value().bytes());
  return std::shared_ptr<const Model>(
      std::make_shared<MappedModel>(std::move(weights).value(), std::move(model.value().file), path,
                                    sha256_hex(std::as_bytes(std::span(digests)))));
}

std::optional<std::string> environment(const char* name) {
  const char* value = std::getenv(name);
  return value && *value ? std::optional<std::string>(value) : std::nullopt;
}

/// Where the default model was looked for, and what to do.
Failure no_default_model() {
  const std::string other = "name a model (--model, in the elements model=), or set MONE_MODEL to one";
  if (const auto model = environment("MONE_MODEL"))
    return Failure{*model +
                   ": No such file or directory, and MONE_MODEL says that it is the default model; " + other};
  const auto folders = environment("MONE_MODEL_PATH");
  return Failure{std::string("there is no default model: no default.safetensors in ") + MONE_MODEL_DIR +
                 (folders ? ", nor in MONE_MODEL_PATH, " + *folders : ", and MONE_MODEL_PATH is not set") +
                 "; " + other + ", or MONE_MODEL_PATH to a folder with a default.safetensors"};
}

}  // namespace

Result<std::shared_ptr<const Model>> Model::load(const std::string& given, const ModelOptions& options) {
  const std::string path = given.empty() ? default_model_path() : given;
  if (given.empty() && !exists(path)) return no_default_model();
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return load_folder(path, options);
  if (options.hf_compat)
    return Failure{path + ": is no folder; hf-compat follows the preprocessor of a Hugging Face folder"};
  return load_file(path);
}

bool Model::routed() const { return weights().routed(); }

std::string default_model_path() {
  if (const auto model = environment("MONE_MODEL")) return *model;
  const std::string installed = std::string(MONE_MODEL_DIR) + "/default.safetensors";
  const std::string folders = environment("MONE_MODEL_PATH").value_or("");
  for (std::size_t begin = 0; begin < folders.size();) {
    const std::size_t end = std::min(folders.find(':', begin), folders.size());
    const std::string path = folders.substr(begin, end - begin) + "/default.safetensors";
    std::error_code ignored;
    if (end > begin && std::filesystem::exists(path, ignored)) return path;
    begin = end + 1;
  }
  return installed;
}

std::vector<std::string> model_files(const std::string& path) {
  return {path, path + kHuggingfaceConfigFile, path + kHuggingfacePreprocessorFile,
          path + kHuggingfaceWeightsFile};
}

}  // namespace mone
