/// Shape, element type and a view of someone else's memory: what a weight looks like before a backend packs
/// it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "engine/bf16.h"

namespace mone {

enum class ElementType { kF32, kBf16 };

/// Extents, outermost first; rank 0 to 5.
using Shape = std::vector<std::int64_t>;

/// "[768, 3, 2, 16, 16]"
std::string to_string(const Shape& shape);
inline std::int64_t element_count(const Shape& shape) {
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) count *= extent;
  return count;
}

/// Elements of one tensor in C order, owned by someone else. `data` may be unaligned (safetensors promises
/// nothing).
struct TensorView {
  ElementType type = ElementType::kF32;
  Shape shape;
  const std::byte* data = nullptr;

  bool present() const { return data != nullptr; }
  std::int64_t count() const { return element_count(shape); }
  /// Element `i` in C order, as f32 (exact for both types).
  float at(std::int64_t i) const {
    if (type == ElementType::kBf16) {
      std::uint16_t bits;
      std::memcpy(&bits, data + i * 2, 2);
      return bf16_to_float(bits);
    }
    float value;
    std::memcpy(&value, data + i * 4, 4);
    return value;
  }
};

/// Position of the first value that is not finite, or -1.
std::int64_t first_not_finite(const TensorView& view);

/// All elements of `view` as f32, in C order.
std::vector<float> to_floats(const TensorView& view);

/// Rows [begin, begin + rows) of the outermost axis: the query rows of a stacked [3D, D] matrix, say.
TensorView slice_rows(const TensorView& view, std::int64_t begin, std::int64_t rows);

}  // namespace mone
