/// Reads and writes NumPy's .npy files, strictly: u8, C order, nothing before or after the elements.
/// Source: numpy.lib.format, versions 1.0 to 3.0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/error.h"

namespace mone {

/// A u8 array as it stands in the file.
struct NpyU8 {
  std::vector<std::size_t> shape;  ///< outermost axis first
  std::vector<std::uint8_t> data;  ///< C order, as many elements as the shape says
};

/// Parses the bytes of a .npy file. Failures say what the file has instead.
Result<NpyU8> parse_npy_u8(std::string_view bytes);

/// The same from a file; failures name it.
Result<NpyU8> read_npy_u8(const std::string& path);

/// Writes u8 elements in C order, as many as the shape says. @return empty, or what went wrong
std::string write_npy_u8(const std::string& path, const std::vector<std::size_t>& shape,
                         const std::vector<std::uint8_t>& data);

}  // namespace mone
