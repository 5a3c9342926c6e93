#include "engine/backend/reference/host_weights.h"

#include <algorithm>

#include "engine/int8.h"

namespace mone::reference {
namespace {

std::vector<float> transpose(const TensorView& matrix) {
  const std::int64_t rows = matrix.shape[0], columns = matrix.shape[1];
  std::vector<float> result(static_cast<std::size_t>(rows * columns));
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < columns; ++c) result[c * rows + r] = matrix.at(r * columns + c);
  return result;
}

void round(std::vector<float>& values) {
  std::transform(values.begin(), values.end(), values.begin(), round_to_bf16);
}

}  // namespace

HostLinear::HostLinear(const LinearSpec& spec, DType dtype)
    : in(static_cast<int>(spec.weight.shape[1])),
      out(static_cast<int>(spec.weight.shape[0])),
      experts(spec.experts),
      transposed(transpose(spec.weight)),
      bias(to_floats(spec.bias)) {
  if (dtype == DType::kInt8 && !spec.read_out) {
    std::vector<std::int8_t> rows(transposed.size());
    const std::vector<float> weights = to_floats(spec.weight);
    for (int o = 0; o < out; ++o)
      scales.push_back(quantise({weights.data() + std::int64_t{o} * in, static_cast<std::size_t>(in)},
                                rows.data() + std::int64_t{o} * in));
    transposed8.resize(rows.size());
    for (std::int64_t o = 0; o < out; ++o)
      for (std::int64_t i = 0; i < in; ++i) transposed8[i * out + o] = rows[o * in + i];
    transposed.clear();
  } else if (dtype != DType::kF32) {
    round(transposed);
  }
}

HostNorm::HostNorm(const NormSpec& spec)
    : weight(to_floats(spec.weight)), bias(to_floats(spec.bias)), eps(static_cast<float>(spec.eps)) {}

HostEmbedding::HostEmbedding(const EmbeddingSpec& spec, bool bf16)
    : width(static_cast<int>(spec.kernel.shape[0])),
      tubelets(spec.tubelets),
      tokens(spec.tokens),
      depth(static_cast<int>(spec.kernel.count() / width)),
      kernel(static_cast<std::size_t>(spec.kernel.count())),
      bias(to_floats(spec.bias)),
      pos(to_floats(spec.pos)),
      pixel(3 * 256) {
  if (spec.cls.present()) cls = to_floats(spec.cls);
  // [D, 3, pt * ph * pw] -> [pt * ph * pw, 3, D], the order in which a tubelet's pixels lie.
  const std::int64_t positions = depth / 3;
  for (std::int64_t o = 0; o < width; ++o)
    for (std::int64_t channel = 0; channel < 3; ++channel)
      for (std::int64_t p = 0; p < positions; ++p)
        kernel[(p * 3 + channel) * width + o] = spec.kernel.at((o * 3 + channel) * positions + p);
  for (int channel = 0; channel < 3; ++channel)
    for (int u8 = 0; u8 < 256; ++u8)
      pixel[channel * 256 + u8] =
          (static_cast<float>(u8) * spec.scale - spec.mean[channel]) / spec.std[channel];
  if (bf16) round(kernel), round(pixel);
}

HostRouter::HostRouter(const RouterSpec& spec)
    : experts(static_cast<int>(spec.weight.shape[0])),
      width(static_cast<int>(spec.weight.shape[1])),
      transposed(transpose(spec.weight)),
      bias(to_floats(spec.bias)) {
  if (spec.norm.weight.present()) norm = std::make_unique<HostNorm>(spec.norm);
}

}  // namespace mone::reference
