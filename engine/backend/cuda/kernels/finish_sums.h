/// The second half of a product whose sums a library made: bias and the rest, as our own products have them
/// in one go.
#pragma once

#include "engine/backend/cuda/kernels/product.h"

namespace mone::cuda {

/// A thread takes two neighbouring outputs of a row.
template <class T>
struct FinishSums {
  static constexpr int kThreads = 256;

  Product p;
  const float* sums;  ///< [rows, outputs]

  MONE_BOTH static int pairs(const Product& p) { return ceil_div(p.outputs, 2); }
  MONE_BOTH static Grid grid(const Product& p) { return {p.rows, ceil_div(pairs(p), kThreads), 1}; }

  MONE_DEVICE void operator()() const {
    const int row = block_x(), column = (block_y() * kThreads + thread()) * 2;
    if (column >= p.columns(row)) return;
    const float* at = sums + static_cast<long long>(row) * p.outputs + column;
    finish<T>(p, row, column, at[0], column + 1 < p.outputs ? at[1] : 0);
  }
};

}  // namespace mone::cuda
