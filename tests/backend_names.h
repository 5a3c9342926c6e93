/// Every backend of this build, for tests that run on each of them.
#pragma once

#include <string>
#include <vector>

#include "engine/backend/registry.h"

namespace mone::test {

inline std::vector<std::string> backend_names() {
  std::vector<std::string> names;
  for (const BackendEntry& entry : backends()) names.push_back(entry.name);
  return names;
}

}  // namespace mone::test
