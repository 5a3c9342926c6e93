/// Separable antialiased bilinear resampling in fixed point: the same integers, so the same pixels, on every
/// machine and whichever kernels run.
///
/// The filter is the triangle of Pillow and of torchvision's antialias=True: as wide as one output pixel when
/// shrinking, plain bilinear when enlarging.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/samples.h"

namespace mone {

/// Which samples of a line make each output, and with which weights.
struct Axis {
  int outputs = 0;
  int taps = 0;            ///< weights per output, a multiple of kTapStep, zeros behind the last one
  std::vector<int> first;  ///< [outputs] first sample
  std::vector<int> count;  ///< [outputs] samples that count
  std::vector<std::int16_t> weights;  ///< [outputs, taps], each row sums to 1 << kWeightBits
  int begin = 0, end = 0;             ///< samples that any output uses
};
constexpr int kTapStep = 16;  // one AVX2 register of i16

/// @param start, step  in samples (sample k spans k to k + 1): output o is centred at start + (o + 0.5) step
/// @param begin, end   samples that may be used; at the edges the filter is cut and weighs the rest
Axis make_axis(double start, double step, int outputs, int begin, int end);

/// The two passes over one line. Every implementation gives the same bits.
struct ResampleKernels {
  const char* name;
  /// out[i] = round(sum_t weights[t] rows[t][i] >> (kWeightBits - kBlendBits)), i in [0, bytes)
  void (*blend)(const std::uint8_t* const* rows, const std::int16_t* weights, int taps, int bytes,
                std::int16_t* out);
  /// out[o] = round(sum_t axis.weights[o][t] in[axis.first[o] - axis.begin + t] >> ...), kSampleBits
  /// fractional bits. `in` is readable for axis.taps samples behind the last one.
  void (*gather)(const std::int16_t* in, const Axis& axis, std::uint16_t* out);
};

const ResampleKernels& plain_kernels();
/// Null where this CPU has no AVX2.
const ResampleKernels* avx2_kernels();
/// The fastest that runs here.
const ResampleKernels& best_kernels();

}  // namespace mone
