/// Pictures inside a page.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace mone {

std::string base64(std::span<const std::uint8_t> bytes);

/// "data:image/bmp;base64,…" of u8 [height, width, 3], R, G, B. BMP: no library, and every browser reads it.
std::string bmp_uri(std::span<const std::uint8_t> pixels, int width, int height);

}  // namespace mone
