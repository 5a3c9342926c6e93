#include <map>
#include <mutex>
#include <tuple>

#include "engine/engine.h"

namespace mone {
namespace {

using Key = std::tuple<std::string, std::string, int, int, bool, std::string>;

Key key_of(const Model& model, const EngineOptions& o) {
  const std::string device = o.device == "auto" ? "" : o.device;  // two ways to ask for the same
  return {model.hash(), o.backend,       o.dtype ? static_cast<int>(*o.dtype) : -1,
          o.threads,    o.deterministic, device};
}

struct Cache {
  std::mutex mutex;
  std::map<Key, std::weak_ptr<Engine>> engines;
};

Cache& cache() {
  static Cache instance;
  return instance;
}

}  // namespace

Result<std::shared_ptr<Engine>> shared_engine(const std::string& model_path, const EngineOptions& options,
                                              const ModelOptions& model_options) {
  auto model = Model::load(model_path, model_options);
  if (!model) return model.error();
  Cache& c = cache();
  const std::lock_guard lock(c.mutex);
  std::erase_if(c.engines, [](const auto& entry) { return entry.second.expired(); });
  auto& slot = c.engines[key_of(*model.value(), options)];
  if (auto engine = slot.lock()) return engine;
  auto engine = Engine::create(model.value(), options);
  if (engine) slot = engine.value();
  return engine;
}

}  // namespace mone
