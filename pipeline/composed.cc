#include "pipeline/composed.h"

#include <glib.h>

#include <memory>

namespace mone {

std::string composed(const std::string& text) {
  const std::unique_ptr<char, void (*)(void*)> whole(
      g_utf8_normalize(text.data(), static_cast<gssize>(text.size()), G_NORMALIZE_NFC), g_free);
  return whole ? whole.get() : text;
}

}  // namespace mone
