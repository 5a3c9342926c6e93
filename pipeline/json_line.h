/// JSON as the program prints it: keys in the order they are written, one object a line.
#pragma once

#include <nlohmann/json.hpp>
#include <ostream>

namespace mone {

using Json = nlohmann::ordered_json;

/// File names need not be UTF-8: what is not becomes U+FFFD.
inline void write_line(std::ostream& out, const Json& object) {
  out << object.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n' << std::flush;
}

}  // namespace mone
