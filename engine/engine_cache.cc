#include <sys/stat.h>

#include <map>
#include <mutex>
#include <optional>
#include <tuple>
#include <vector>

#include "engine/engine.h"

namespace mone {
namespace {

/// What the engines of one model differ by: backend, dtype, threads, deterministic, device.
using Asked = std::tuple<std::string, int, int, bool, std::string>;

Asked asked_of(const EngineOptions& o) {
  const std::string device = o.device == "auto" ? "" : o.device;  // two ways to ask for the same
  return {o.backend, o.dtype ? static_cast<int>(*o.dtype) : -1, o.threads, o.deterministic, device};
}

/// Tells a file from others, and from itself before a change, without reading it. The time of the last change
/// tells where a copy has kept the times of what it was copied from.
struct Stamp {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = 0;
  time_t modified = 0, changed = 0;
  long modified_ns = 0, changed_ns = 0;
  auto operator<=>(const Stamp&) const = default;
};

std::optional<Stamp> stamp_of(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0 || S_ISDIR(info.st_mode)) return std::nullopt;
  return Stamp{info.st_dev,         info.st_ino,          info.st_size,        info.st_mtim.tv_sec,
               info.st_ctim.tv_sec, info.st_mtim.tv_nsec, info.st_ctim.tv_nsec};
}

/// Of a model's files; nothing for those that are not there.
std::vector<std::optional<Stamp>> stamps_of(const std::string& path) {
  std::vector<std::optional<Stamp>> stamps;
  for (const std::string& file : model_files(path)) stamps.push_back(stamp_of(file));
  return stamps;
}

struct Cache {
  std::mutex mutex;
  std::map<std::tuple<std::vector<std::optional<Stamp>>, bool, Asked>, std::weak_ptr<Engine>> by_file;
  std::map<std::pair<std::string, Asked>, std::weak_ptr<Engine>> by_hash;
};

Cache& cache() {
  static Cache instance;
  return instance;
}

/// The engine of a model whose file is not known. Under the cache's lock.
Result<std::shared_ptr<Engine>> load(Cache& c, const std::string& path, const EngineOptions& options,
                                     const ModelOptions& model_options) {
  auto model = Model::load(path, model_options);
  if (!model) return model.error();
  auto& slot = c.by_hash[{model.value()->hash(), asked_of(options)}];
  if (auto engine = slot.lock()) return engine;
  auto engine = Engine::create(model.value(), options);
  if (engine) slot = engine.value();
  return engine;
}

}  // namespace

Result<std::shared_ptr<Engine>> shared_engine(const std::string& model_path, const EngineOptions& options,
                                              const ModelOptions& model_options) {
  Cache& c = cache();
  const std::lock_guard lock(c.mutex);
  std::erase_if(c.by_file, [](const auto& entry) { return entry.second.expired(); });
  std::erase_if(c.by_hash, [](const auto& entry) { return entry.second.expired(); });
  const std::string path = model_path.empty() ? default_model_path() : model_path;
  const auto stamps = stamps_of(path);
  const std::tuple key{stamps, model_options.hf_compat, asked_of(options)};
  if (const auto known = c.by_file.find(key); known != c.by_file.end())
    if (auto engine = known->second.lock()) return engine;
  auto engine = load(c, model_path, options, model_options);
  // A file that was replaced meanwhile is another one than was looked at.
  if (engine && stamps_of(path) == stamps) c.by_file[key] = engine.value();
  return engine;
}

}  // namespace mone
