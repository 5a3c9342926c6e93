// The config's JSON from anyone: it parses to something consistent or fails with a reason.
#include <cstdlib>

#include "engine/model_config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parsed = mone::parse_model_config({reinterpret_cast<const char*>(data), size});
  if (!parsed) {
    if (parsed.error().text.empty()) std::abort();
    return 0;
  }
  const mone::ModelConfig& c = parsed.value();
  if (c.D < 1 || c.nt() < 1 || c.tokens() < 1 || c.tubelet_bytes() < 1 || c.D % c.H != 0) std::abort();
  return 0;
}
