/// JSON from files nobody vouches for: no exceptions, a depth limit, and every key once.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "engine/error.h"
#include "engine/export.h"

namespace mone {

/// @param what       names the text in the failure: "config", "header of model.safetensors"
/// @param max_depth  objects and arrays inside each other
MONE_API Result<nlohmann::json> parse_json(std::string_view text, const std::string& what,
                                           int max_depth = 16);

}  // namespace mone
