#include "pipeline/open_engine.h"

#include <cstdlib>
#include <iostream>
#include <string_view>

namespace mone {

void log_engine_to_stderr() {
  const char* wanted = std::getenv("MONE_LOG");
  const std::string_view level = wanted ? wanted : "";
  const int most = level == "debug" ? 3 : level == "info" ? 2 : 1;
  set_log_sink([most](int line_level, const std::string& line) {
    if (line_level <= most) std::cerr << "mone: " + line + "\n";
  });
}

std::shared_ptr<const Model> open_model(const ModelArguments& model) {
  auto loaded = Model::load(model.model, model.options);
  if (loaded) return loaded.value();
  std::cerr << "mone: " << loaded.error().text << '\n';
  return nullptr;
}

std::shared_ptr<Engine> open_engine(const ModelArguments& model, const EngineOptions& options) {
  const auto loaded = open_model(model);
  if (!loaded) return nullptr;
  auto engine = Engine::create(loaded, options);
  if (engine) return engine.value();
  std::cerr << "mone: " << engine.error().text << '\n';
  return nullptr;
}

}  // namespace mone
