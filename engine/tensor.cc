#include "engine/tensor.h"

#include <cmath>

namespace mone {

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

std::int64_t first_not_finite(const TensorView& view) {
  const std::int64_t count = view.count();
  for (std::int64_t i = 0; i < count; ++i)
    if (!std::isfinite(view.at(i))) return i;
  return -1;
}

std::vector<float> to_floats(const TensorView& view) {
  std::vector<float> values(static_cast<std::size_t>(view.count()));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = view.at(static_cast<std::int64_t>(i));
  return values;
}

TensorView slice_rows(const TensorView& view, std::int64_t begin, std::int64_t rows) {
  TensorView slice = view;
  const std::int64_t row_bytes = view.count() / view.shape[0] * (view.type == ElementType::kBf16 ? 2 : 4);
  slice.data += begin * row_bytes;
  slice.shape[0] = rows;
  return slice;
}

}  // namespace mone
