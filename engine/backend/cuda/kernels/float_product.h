/// The staircase product in f32: no tensor cores, so no rounding of operands (TF32 off).
#pragma once

#include "engine/backend/cuda/kernels/product.h"

namespace mone::cuda {

/// A tile of 64 rows x 64 outputs, 16 inputs at a time; a thread makes 4 x 4. Sums go over inputs one by one,
/// ascending.
struct FloatProduct {
  static constexpr int kThreads = 256;
  static constexpr int kTile = 64, kTurn = 16;
  // 4 more, so that a turn's transposed stores spread over the banks and rows stay aligned to 16 bytes.
  static constexpr int kStride = kTile + 4;
  static constexpr int kSharedBytes = 2 * kTurn * kStride * 4;

  Product p;

  MONE_BOTH static Grid grid(const Product& p) {
    return {ceil_div(p.outputs, kTile), ceil_div(p.rows, kTile), 1};
  }

  /// lines [kTile] x inputs [kTurn] of an operand, transposed: tile[input][line].
  MONE_DEVICE void fetch(float* tile, const void* from, int ld, int first, int end, int k0, int depth) const {
    const float* source = static_cast<const float*>(from);
    for (int i = thread(); i < kTile * kTurn; i += kThreads) {
      const int line = i / kTurn, k = k0 + i % kTurn;
      const bool valid = first + line < end && k < depth;
      tile[i % kTurn * kStride + line] = valid ? source[static_cast<long long>(first + line) * ld + k] : 0;
    }
  }

  MONE_DEVICE void operator()() const {
    const int row0 = block_y() * kTile, output0 = block_x() * kTile;
    if (output0 >= p.columns(row0)) return;
    const int depth = p.depth(row0);
    float* x = reinterpret_cast<float*>(shared_memory());
    float* w = x + kTurn * kStride;
    float sums[4][4]{};
    const int my_row = thread() / 16 * 4, my_output = thread() % 16 * 4;
    for (int k0 = 0; k0 < depth; k0 += kTurn) {
      fetch(x, p.x, p.ldx, row0, p.rows, k0, depth);
      fetch(w, p.w, p.ldw, output0, p.outputs, k0, depth);
      sync_block();
      for (int k = 0; k < kTurn; ++k) {
        float a[4], b[4];
        for (int i = 0; i < 4; ++i) {
          a[i] = x[k * kStride + my_row + i];
          b[i] = w[k * kStride + my_output + i];
        }
        for (int i = 0; i < 4; ++i)
          for (int j = 0; j < 4; ++j) sums[i][j] += a[i] * b[j];
      }
      sync_block();
    }
    for (int i = 0; i < 4; ++i)
      for (int j = 0; j < 4; j += 2)
        finish<float>(p, row0 + my_row + i, output0 + my_output + j, sums[i][j], sums[i][j + 1]);
  }
};

}  // namespace mone::cuda
