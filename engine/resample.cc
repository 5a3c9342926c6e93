#include "engine/resample.h"

#include <algorithm>

namespace mone {
namespace {

void blend(const std::uint8_t* const* rows, const std::int16_t* weights, int taps, int bytes,
           std::int16_t* out) {
  constexpr int kStrip = 256;  // sums stay in the first cache
  for (int x = 0; x < bytes; x += kStrip) {
    std::int32_t sums[kStrip];
    const int n = std::min(kStrip, bytes - x);
    std::fill_n(sums, n, 1 << (kBlendShift - 1));
    for (int t = 0; t < taps; ++t) {
      const std::uint8_t* row = rows[t] + x;
      const std::int32_t weight = weights[t];
      for (int i = 0; i < n; ++i) sums[i] += weight * row[i];
    }
    for (int i = 0; i < n; ++i) out[x + i] = static_cast<std::int16_t>(sums[i] >> kBlendShift);
  }
}

void gather(const std::int16_t* in, const Axis& axis, std::uint16_t* out) {
  for (int o = 0; o < axis.outputs; ++o) {
    const std::int16_t* samples = in + axis.first[o] - axis.begin;
    const std::int16_t* weights = axis.weights.data() + static_cast<std::size_t>(o) * axis.taps;
    std::int32_t sum = 1 << (kGatherShift - 1);
    for (int t = 0; t < axis.count[o]; ++t) sum += samples[t] * weights[t];
    out[o] = static_cast<std::uint16_t>(sum >> kGatherShift);
  }
}

}  // namespace

const ResampleKernels& plain_kernels() {
  static constexpr ResampleKernels kernels{"plain", blend, gather};
  return kernels;
}

const ResampleKernels& best_kernels() {
  static const ResampleKernels& best = avx2_kernels() ? *avx2_kernels() : plain_kernels();
  return best;
}

}  // namespace mone
