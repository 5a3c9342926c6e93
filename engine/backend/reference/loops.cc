#include "engine/backend/reference/loops.h"

#include <algorithm>
#include <cmath>

namespace mone::reference {
namespace {

// A tile's sums stay in the first-level cache (8 x 64 f32 = 2 KB) while the weights stream by once per 8
// rows.
constexpr int kRows = 8, kOutputs = 64;

/// Sums `n` values in 16 lanes that are then added as a tree: fast, and more accurate than one running sum.
template <class Value>
float lane_sum(int n, Value value) {
  float lanes[16]{};
  int i = 0;
  for (; i + 16 <= n; i += 16)
    for (int l = 0; l < 16; ++l) lanes[l] += value(i + l);
  for (int l = 0; i < n; ++i, ++l) lanes[l] += value(i);
  for (int half = 8; half; half /= 2)
    for (int l = 0; l < half; ++l) lanes[l] += lanes[l + half];
  return lanes[0];
}

void product_tile(const float* x, int x_stride, int rows, int depth, const float* wt, int wt_stride,
                  int outputs, float* acc, int acc_stride) {
  float sums[kRows][kOutputs]{};
  for (int k = 0; k < depth; ++k) {
    const float* w = wt + std::int64_t{k} * wt_stride;
    for (int r = 0; r < rows; ++r) {
      const float value = x[std::int64_t{r} * x_stride + k];
      if (outputs == kOutputs)
        for (int o = 0; o < kOutputs; ++o) sums[r][o] += value * w[o];
      else
        for (int o = 0; o < outputs; ++o) sums[r][o] += value * w[o];
    }
  }
  for (int r = 0; r < rows; ++r) std::copy_n(sums[r], outputs, acc + std::int64_t{r} * acc_stride);
}

}  // namespace

void product(const float* x, int x_stride, int rows, int depth, const float* wt, int wt_stride, int outputs,
             float* acc) {
  for (int o = 0; o < outputs; o += kOutputs)
    for (int r = 0; r < rows; r += kRows)
      product_tile(x + std::int64_t{r} * x_stride, x_stride, std::min(kRows, rows - r), depth, wt + o,
                   wt_stride, std::min(kOutputs, outputs - o), acc + std::int64_t{r} * outputs + o, outputs);
}

void product(const std::int8_t* x, int x_stride, int rows, int depth, const float* x_scales,
             const std::int8_t* wt, int wt_stride, int outputs, const float* w_scales, float* acc) {
  for (int r = 0; r < rows; ++r, x += x_stride)
    for (int o = 0; o < outputs; o += kOutputs) {
      std::int32_t sums[kOutputs]{};
      const int count = std::min(kOutputs, outputs - o);
      for (int k = 0; k < depth; ++k)
        for (int i = 0; i < count; ++i) sums[i] += x[k] * wt[std::int64_t{k} * wt_stride + o + i];
      for (int i = 0; i < count; ++i) *acc++ = static_cast<float>(sums[i]) * (x_scales[r] * w_scales[o + i]);
    }
}

void layer_norm(std::span<const float> row, const float* weight, const float* bias, float eps, float* out) {
  const int n = static_cast<int>(row.size());
  const float mean = lane_sum(n, [&](int i) { return row[i]; }) / static_cast<float>(n);
  const float variance =
      lane_sum(n, [&](int i) { return (row[i] - mean) * (row[i] - mean); }) / static_cast<float>(n);
  const float inverse = 1 / std::sqrt(variance + eps);
  for (int i = 0; i < n; ++i) out[i] = (row[i] - mean) * inverse * weight[i] + bias[i];
}

void softmax(std::span<float> row) {
  const float largest = *std::max_element(row.begin(), row.end());
  for (float& value : row) value = std::exp(value - largest);
  const float sum = lane_sum(static_cast<int>(row.size()), [&](int i) { return row[i]; });
  for (float& value : row) value /= sum;
}

float apply(Epilogue epilogue, float x) {
  switch (epilogue) {
    case Epilogue::kGeluTanh:
      return 0.5f * x * (1 + std::tanh(0.7978845608028654f * (x + 0.044715f * x * x * x)));
    case Epilogue::kGeluErf:
      return 0.5f * x * (1 + std::erf(x * 0.7071067811865476f));
    case Epilogue::kNone:
      break;
  }
  return x;
}

}  // namespace mone::reference
