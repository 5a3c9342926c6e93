/// What every kernel of the staircase product is told, and how a sum becomes a result.
///
/// y = W x + b on rows sorted by expert (spec section 4.3): `kInput` narrows the depth of a row tile to its
/// widest row's features, `kOutput` its columns. Experts' weights are parts of one W [outputs, inputs], so
/// they cost no memory.
#pragma once

#include "engine/backend/cuda/device_code.h"
#include "engine/backend/cuda/extents.h"
#include "engine/backend/cuda/kernel.h"

namespace mone::cuda {

enum class Narrow { kNothing, kInput, kOutput };

enum class Finish {
  kStore,     ///< out = sum + bias, as operand
  kGeluTanh,  ///< out = gelu(sum + bias), as operand
  kGeluErf,
  kResidual,  ///< out += gate * (sum + bias), f32
  kFloat,     ///< out = sum + bias, f32
  kEmbed      ///< out = sum + bias + position, f32, to its raster row
};

struct Product {
  const void* x = nullptr;  ///< operand [rows, ldx]
  const void* w = nullptr;  ///< operand [outputs, ldw]
  const float* bias = nullptr;
  void* out = nullptr;  ///< [rows, ldo]
  int ldx = 0, ldw = 0, ldo = 0;
  int rows = 0, inputs = 0, outputs = 0;
  Narrow narrow = Narrow::kNothing;
  Stairs stairs;
  Finish finish = Finish::kStore;
  const float* chosen = nullptr;  ///< kResidual: [rows], gate = 1 + alpha * chosen; null: 1
  float alpha = 0;
  const float* positions = nullptr;  ///< kEmbed: [cls + per_item, outputs]
  int per_item = 0, cls = 0;

  /// Inputs that a tile which begins at `row` sums over.
  MONE_BOTH int depth(int row) const {
    return narrow == Narrow::kInput ? smaller(inputs, round_up(stairs.width_of(row, inputs), kDepthStep))
                                    : inputs;
  }
  /// Outputs of a row.
  MONE_BOTH int columns(int row) const {
    return narrow == Narrow::kOutput ? stairs.width_of(row, outputs) : outputs;
  }
};

/// `quick`: approximate functions, whose error of 1e-6 is far below a 16-bit operand's rounding.
MONE_DEVICE float gelu_tanh(float x, bool quick) {
  const float u = 0.7978845608028654f * (x + 0.044715f * x * x * x);
  // tanh u = 1 - 2 / (1 + e^2u); 2 log2 e = 2.885...
  const float tanh_u = quick ? 1 - 2 * fast_reciprocal(1 + fast_exp2(2.885390081777927f * u)) : tanhf(u);
  return 0.5f * x * (1 + tanh_u);
}

MONE_DEVICE float gelu_erf(float x) { return 0.5f * x * (1 + erff(x * 0.7071067811865476f)); }

/// Sums of one row, columns `column` and, if `two`, the next, to where they go. T: the operand.
template <class T>
MONE_DEVICE void finish(const Product& p, int row, int column, float first, float second) {
  if (row >= p.rows) return;
  const int end = p.columns(row);
  if (column >= end) return;
  const bool two = column + 1 < end;
  first += p.bias[column];
  if (two) second += p.bias[column + 1];
  const long long at = static_cast<long long>(row) * p.ldo + column;
  switch (p.finish) {
    case Finish::kGeluTanh:
      first = gelu_tanh(first, sizeof(T) == 2), second = gelu_tanh(second, sizeof(T) == 2);
      break;
    case Finish::kGeluErf:
      first = gelu_erf(first), second = gelu_erf(second);
      break;
    case Finish::kResidual: {
      float* out = static_cast<float*>(p.out) + at;
      const float gate = p.chosen ? 1 + p.alpha * p.chosen[row] : 1;
      out[0] += gate * first;
      if (two) out[1] += gate * second;
      return;
    }
    case Finish::kFloat: {
      float* out = static_cast<float*>(p.out) + at;
      out[0] = first;
      if (two) out[1] = second;
      return;
    }
    case Finish::kEmbed: {
      const int item = row / p.per_item, place = p.cls + row % p.per_item;
      const float* pos = p.positions + static_cast<long long>(place) * p.outputs + column;
      float* out = static_cast<float*>(p.out) +
                   (static_cast<long long>(item) * (p.per_item + p.cls) + place) * p.ldo + column;
      out[0] = first + pos[0];
      if (two) out[1] = second + pos[1];
      return;
    }
    case Finish::kStore:
      break;
  }
  T* out = static_cast<T*>(p.out) + at;
  if constexpr (sizeof(T) == 2) {
    // A pair is one store where it is aligned, which it is but for odd widths.
    if (two && p.ldo % 2 == 0) {
      *reinterpret_cast<std::uint32_t*>(out) = pack2<T>(first, second);
      return;
    }
  }
  out[0] = from_float<T>(first);
  if (two) out[1] = from_float<T>(second);
}

}  // namespace mone::cuda
