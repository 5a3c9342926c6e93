/// Every backend that runs here, for tests that run on each of them.
#pragma once

#include <string>
#include <tuple>
#include <vector>

#include "engine/backend/registry.h"

namespace mone::test {

inline std::vector<std::string> backend_names() {
  std::vector<std::string> names;
  for (const BackendEntry& entry : backends())
    if (entry.why_not({}, DType::kF32).empty()) names.push_back(entry.name);
  return names;
}

/// (backend, dtype), as far as this machine runs them.
using BackendCase = std::tuple<std::string, DType>;

inline std::vector<BackendCase> backend_cases(const std::string& except = "") {
  std::vector<BackendCase> cases;
  for (const BackendEntry& entry : backends())
    for (const DType dtype : {DType::kF32, DType::kBf16, DType::kInt8})
      if (entry.name != except && entry.why_not({}, dtype).empty()) cases.emplace_back(entry.name, dtype);
  return cases;
}

inline std::string case_name(const BackendCase& c) { return std::get<0>(c) + "_" + to_name(std::get<1>(c)); }

}  // namespace mone::test
