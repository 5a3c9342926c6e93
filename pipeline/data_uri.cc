#include "pipeline/data_uri.h"

#include <algorithm>
#include <vector>

namespace mone {
namespace {

constexpr std::uint32_t kHeaderBytes = 54;

void put(std::vector<std::uint8_t>& out, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

}  // namespace

std::string base64(std::span<const std::uint8_t> bytes) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) group = group << 8 | (j < count ? bytes[i + j] : 0);
    for (std::size_t j = 0; j < 4; ++j) text += j <= count ? kDigits[group >> (18 - 6 * j) & 63] : '=';
  }
  return text;
}

std::string bmp_uri(std::span<const std::uint8_t> pixels, int width, int height) {
  const std::uint32_t line = (static_cast<std::uint32_t>(width) * 3 + 3) / 4 * 4;
  const std::uint32_t size = line * static_cast<std::uint32_t>(height);
  std::vector<std::uint8_t> out = {'B', 'M'};
  put(out, kHeaderBytes + size, 4);
  put(out, 0, 4);
  put(out, kHeaderBytes, 4);
  put(out, 40, 4);
  put(out, static_cast<std::uint32_t>(width), 4);
  put(out, static_cast<std::uint32_t>(height), 4);
  put(out, 1, 2);
  put(out, 24, 2);
  for (const std::uint32_t value : {0u, size, 2835u, 2835u, 0u, 0u}) put(out, value, 4);
  for (int y = height - 1; y >= 0; --y) {  // rows from the bottom, B G R, padded to four bytes
    const std::size_t begin = out.size();
    for (int x = 0; x < width; ++x)
      for (int c = 2; c >= 0; --c) out.push_back(pixels[(static_cast<std::size_t>(y) * width + x) * 3 + c]);
    out.resize(begin + line);
  }
  return "data:image/bmp;base64," + base64(out);
}

}  // namespace mone
