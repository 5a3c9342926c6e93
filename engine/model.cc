#include "engine/model.h"

#include <cstdlib>
#include <filesystem>
#include <optional>

#include "engine/mapped_file.h"
#include "engine/model_file.h"
#include "engine/sha256.h"

namespace mone {
namespace {

class MappedModel : public Model {
 public:
  MappedModel(MappedFile file, ModelFile parsed, std::string path)
      : file_(std::move(file)),
        config_(std::move(parsed.config)),
        weights_(std::move(parsed.weights)),
        path_(std::move(path)) {
    hash_ = sha256_hex(file_.bytes());
    name_ = config_.provenance.name;
    if (name_.empty()) name_ = std::filesystem::path(path_).stem().string();
    file_.release_pages();
  }
  const ModelConfig& config() const override { return config_; }
  const Weights& weights() const override { return weights_; }
  const std::string& path() const override { return path_; }
  const std::string& hash() const override { return hash_; }
  const std::string& name() const override { return name_; }
  void release_pages() const override { file_.release_pages(); }

 private:
  MappedFile file_;
  ModelConfig config_;
  Weights weights_;
  std::string path_, hash_, name_;
};

std::optional<std::string> environment(const char* name) {
  const char* value = std::getenv(name);
  return value && *value ? std::optional<std::string>(value) : std::nullopt;
}

}  // namespace

Result<std::shared_ptr<const Model>> Model::load(const std::string& given) {
  const std::string path = given.empty() ? default_model_path() : given;
  auto mapped = MappedFile::open(path);
  if (!mapped) return mapped.error();
  auto file = parse_model_file(mapped.value().bytes(), path);
  if (!file) return file.error();
  return std::shared_ptr<const Model>(
      std::make_shared<MappedModel>(std::move(mapped).value(), std::move(file).value(), path));
}

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

}  // namespace mone
