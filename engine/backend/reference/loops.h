/// The arithmetic of the reference backend: every sum in a fixed order, so that a row's result depends on
/// nothing but that row. Sources: mone-vivit-spec.md sections 2 to 4 and 7.
#pragma once

#include <cstdint>
#include <span>

#include "engine/backend/backend.h"

namespace mone::reference {

/// acc[row][o] = sum over k < depth, ascending, of x[row * x_stride + k] * wt[k * wt_stride + o], f32.
/// @param wt   transposed weights [in, wt_stride], so that neighbouring outputs are neighbours in memory
/// @param acc  f32 [rows, outputs], packed
void product(const float* x, int x_stride, int rows, int depth, const float* wt, int wt_stride, int outputs,
             float* acc);

/// The same in int8: the sum is exact, times (x_scales[row] * w_scales[o]).
void product(const std::int8_t* x, int x_stride, int rows, int depth, const float* x_scales,
             const std::int8_t* wt, int wt_stride, int outputs, const float* w_scales, float* acc);

/// (x - mean) / sqrt(variance + eps) * weight + bias; statistics in two passes, f32.
void layer_norm(std::span<const float> row, const float* weight, const float* bias, float eps, float* out);

/// exp(x - max) / sum, in place.
void softmax(std::span<float> row);

float apply(Epilogue epilogue, float x);

}  // namespace mone::reference
