// A Hugging Face folder from anyone: config.json, preprocessor_config.json and model.safetensors one after
// the other with a 0 byte between. It loads or fails with a reason, whichever way the preprocessor is taken,
// and what loads is a plain model with every tensor of the table.
#include <cstdlib>
#include <string_view>

#include "engine/huggingface.h"

namespace {

using namespace mone;

/// Text up to the first 0 byte, which is taken off `rest` with it.
std::string_view take_text(std::string_view& rest) {
  const std::size_t end = rest.find('\0');
  const std::string_view text = rest.substr(0, end);
  rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
  return text;
}

void check(const ModelFile& file) {
  if (file.weights.routed() || file.config.E != 1 || std::ssize(file.config.labels) != file.config.C)
    std::abort();
  for (const TensorSpec& spec : tensor_table(file.config)) {
    if (spec.router) continue;
    const TensorView& view = file.weights.at(spec.name);
    if (view.shape != spec.shape) std::abort();
    volatile float last = view.at(view.count() - 1);  // inside its memory
    (void)last;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  HuggingfaceFolder folder{"fuzzed"};
  folder.config = take_text(rest);
  if (const auto preprocessor = take_text(rest); !preprocessor.empty()) folder.preprocessor = preprocessor;
  folder.weights = std::as_bytes(std::span(rest));
  for (const bool follow : {false, true}) {
    const auto model = parse_huggingface(folder, follow);
    if (!model && model.error().text.empty()) std::abort();
    if (model) check(model.value().file);
  }
  return 0;
}
