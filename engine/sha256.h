/// SHA-256 (FIPS 180-4): names a model file by its content.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace mone {

/// The digest of `bytes` as 64 lower-case hex digits.
std::string sha256_hex(std::span<const std::byte> bytes);

}  // namespace mone
