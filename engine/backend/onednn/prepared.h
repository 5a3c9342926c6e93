/// What the backend keeps of the weights that are not linear layers.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "engine/backend/onednn/packed_linear.h"

namespace mone::cpu {

struct CpuNorm : Norm {
  explicit CpuNorm(const NormSpec& spec);
  int width() const { return static_cast<int>(weight.size()); }
  std::vector<float> weight, bias;  ///< [D]
  float eps;
};

struct CpuEmbedding : Embedding {
  CpuEmbedding(const EmbeddingSpec& spec, bool bf16, const Isa& isa, ThreadTeam& team);
  /// One token's pixels, u8 [pt, ph, pw, 3], as operand.
  void normalise(const std::uint8_t* pixels, float* out) const;
  void normalise(const std::uint8_t* pixels, Bf16* out) const;

  int width, tubelets, tokens;
  int depth;  ///< pt * ph * pw * 3
  std::unique_ptr<PackedLinear> kernel;
  std::vector<float> cls;              ///< [D] with its position added; empty: no class token
  std::vector<float> pos;              ///< [tubelets * tokens, D]
  std::array<float, 3 * 256> pixel{};  ///< [channel, u8]: normalised value
  std::array<Bf16, 3 * 256> pixel_bf16{};
};

struct CpuRouter : Router {
  CpuRouter(const RouterSpec& spec, const Isa& isa, ThreadTeam& team);
  int experts, width;
  PackedLinear linear;            ///< f32 whatever the mode
  std::unique_ptr<CpuNorm> norm;  ///< null: routed on the raw rows
};

}  // namespace mone::cpu
