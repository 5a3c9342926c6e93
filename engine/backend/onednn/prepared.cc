#include "engine/backend/onednn/prepared.h"

#include "engine/bf16.h"

namespace mone::cpu {
namespace {

// [D, 3, positions] -> [D, positions, 3], the order in which a tubelet's pixels lie.
std::vector<float> channels_last(const TensorView& kernel, std::int64_t width, std::int64_t positions) {
  std::vector<float> moved(static_cast<std::size_t>(kernel.count()));
  for (std::int64_t o = 0; o < width; ++o)
    for (std::int64_t channel = 0; channel < 3; ++channel)
      for (std::int64_t p = 0; p < positions; ++p)
        moved[(o * positions + p) * 3 + channel] = kernel.at((o * 3 + channel) * positions + p);
  return moved;
}

template <class T>
void look_up(const std::array<T, 3 * 256>& table, const std::uint8_t* pixels, int depth, T* out) {
  for (int i = 0; i < depth; i += 3) {
    out[i] = table[pixels[i]];
    out[i + 1] = table[256 + pixels[i + 1]];
    out[i + 2] = table[512 + pixels[i + 2]];
  }
}

// The router works in f32 on our own kernels: rows of f32 buffers are packed.
Isa without_dnnl(Isa isa) {
  isa.dnnl_f32 = isa.dnnl_bf16 = false;
  return isa;
}

}  // namespace

CpuNorm::CpuNorm(const NormSpec& spec)
    : weight(to_floats(spec.weight)), bias(to_floats(spec.bias)), eps(static_cast<float>(spec.eps)) {}

CpuEmbedding::CpuEmbedding(const EmbeddingSpec& spec, bool bf16, const Isa& isa, ThreadTeam& team)
    : width(static_cast<int>(spec.kernel.shape[0])),
      tubelets(spec.tubelets),
      tokens(spec.tokens),
      depth(static_cast<int>(spec.kernel.count() / width)) {
  kernel = std::make_unique<PackedLinear>(channels_last(spec.kernel, width, depth / 3), to_floats(spec.bias),
                                          width, depth, Nesting::kInput, 1,
                                          bf16 ? Operand::kBf16 : Operand::kF32, isa, team);
  pos = to_floats(spec.pos);
  if (spec.cls.present()) {
    cls = to_floats(spec.cls);
    for (int i = 0; i < width; ++i) cls[i] += pos[i];
    pos.erase(pos.begin(), pos.begin() + width);
  }
  for (int channel = 0; channel < 3; ++channel)
    for (int u8 = 0; u8 < 256; ++u8) {
      const float value = (static_cast<float>(u8) * spec.scale - spec.mean[channel]) / spec.std[channel];
      pixel[channel * 256 + u8] = value;
      pixel_bf16[channel * 256 + u8] = Bf16{float_to_bf16(value)};
    }
}

void CpuEmbedding::normalise(const std::uint8_t* pixels, float* out) const {
  look_up(pixel, pixels, depth, out);
}
void CpuEmbedding::normalise(const std::uint8_t* pixels, Bf16* out) const {
  look_up(pixel_bf16, pixels, depth, out);
}

CpuRouter::CpuRouter(const RouterSpec& spec, const Isa& isa, ThreadTeam& team)
    : experts(static_cast<int>(spec.weight.shape[0])),
      width(static_cast<int>(spec.weight.shape[1])),
      linear(to_floats(spec.weight), to_floats(spec.bias), experts, width, Nesting::kInput, 1, Operand::kF32,
             without_dnnl(isa), team) {
  if (spec.norm.weight.present()) norm = std::make_unique<CpuNorm>(spec.norm);
}

}  // namespace mone::cpu
