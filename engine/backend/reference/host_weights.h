/// The reference backend's memory and weights: f32 in both modes; in bf16 mode, what products read holds
/// values that bf16 can hold.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/backend/backend.h"

namespace mone::reference {

struct HostBuffer : Buffer {
  explicit HostBuffer(std::int64_t elements) : values(static_cast<std::size_t>(elements)) {}
  std::vector<float> values;
};

struct HostLinear : Linear {
  HostLinear(const LinearSpec& spec, DType dtype);
  bool int8() const { return !scales.empty(); }
  int in, out, experts;
  std::vector<float> transposed;         ///< [in, out], rounded in bf16 mode; empty in int8 mode
  std::vector<std::int8_t> transposed8;  ///< there, with
  std::vector<float> scales;             ///< [out]
  std::vector<float> bias;               ///< [out]
};

struct HostNorm : Norm {
  explicit HostNorm(const NormSpec& spec);
  int width() const { return static_cast<int>(weight.size()); }
  std::vector<float> weight, bias;  ///< [D]
  float eps;
};

struct HostEmbedding : Embedding {
  HostEmbedding(const EmbeddingSpec& spec, bool bf16);
  int width, tubelets, tokens;
  int depth;                     ///< pt * ph * pw * 3
  std::vector<float> kernel;     ///< [pt * ph * pw * 3, D], rounded in bf16 mode
  std::vector<float> bias, cls;  ///< [D]; cls empty: no class token
  std::vector<float> pos;        ///< [cls + tubelets * tokens, D]
  std::vector<float> pixel;      ///< [3, 256]: u8 -> normalised value, rounded in bf16 mode
};

struct HostRouter : Router {
  explicit HostRouter(const RouterSpec& spec);
  int experts, width;
  std::vector<float> transposed, bias;  ///< [D, E], [E]
  std::unique_ptr<HostNorm> norm;       ///< null: routed on the raw rows
};

}  // namespace mone::reference
