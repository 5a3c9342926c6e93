/// Weights, rows and routing in the device's memory.
#pragma once

#include <memory>
#include <vector>

#include "engine/backend/backend.h"
#include "engine/backend/cuda/kernels/rows.h"
#include "engine/backend/cuda/runtime.h"

namespace mone::cuda {

/// What products read: f32, bf16, or f16 where there is no bf16.
enum class Operand { kFloat, kBf16, kF16 };

inline std::size_t bytes_of(Operand operand) { return operand == Operand::kFloat ? 4 : 2; }
/// Distance of an operand's lines in elements: whole 16-byte pieces, as tensor cores' loads want them.
inline int line_of(int inputs) { return round_up(inputs, 8); }

/// Calls action(T{}) with the operand's type.
template <class Action>
void with_operand(Operand operand, Action action) {
  switch (operand) {
    case Operand::kFloat:
      return action(float{});
    case Operand::kBf16:
      return action(Bf16{});
    case Operand::kF16:
      return action(F16{});
  }
}

DeviceMemory upload_floats(Runtime& runtime, const std::vector<float>& values, const What& what);
/// lines [lines, inputs] as operands, padded with zeros to line_of(inputs).
DeviceMemory upload_operands(Runtime& runtime, const std::vector<float>& values, int inputs, Operand operand,
                             const What& what);

struct CudaBuffer : Buffer {
  CudaBuffer(Runtime& runtime, std::int64_t elements, std::size_t element_bytes);
  float* floats() const { return memory.as<float>(); }
  DeviceMemory memory;
  DeviceMemory tails;        ///< Moments of each row's frozen part, once gather() has made room
  bool tails_known = false;  ///< until something else writes the rows
};

struct CudaLinear : Linear {
  CudaLinear(Runtime& runtime, const LinearSpec& spec, Operand operand);
  int in, out, experts;
  Nesting nesting;
  DeviceMemory weight;  ///< operand [out, line_of(in)]
  DeviceMemory bias;    ///< f32 [out]
};

struct CudaNorm : Norm {
  CudaNorm(Runtime& runtime, const NormSpec& spec);
  int width;
  float eps;
  DeviceMemory weight, bias;
};

struct CudaEmbedding : Embedding {
  CudaEmbedding(Runtime& runtime, const EmbeddingSpec& spec, Operand operand);
  int width, tubelets, tokens, depth, cls;
  DeviceMemory kernel;     ///< operand [D, line_of(depth)], a tubelet's pixels in their order
  DeviceMemory bias;       ///< f32 [D]
  DeviceMemory positions;  ///< f32 [cls + tubelets * tokens, D]
  DeviceMemory cls_pos;    ///< f32 [D]: class token and its position
  DeviceMemory pixel;      ///< operand [3, 256]: u8 -> normalised
};

struct CudaRouter : Router {
  CudaRouter(Runtime& runtime, const RouterSpec& spec);
  int experts, width;
  DeviceMemory weight, bias;
  std::unique_ptr<CudaNorm> norm;  ///< null: routed on the raw rows
};

}  // namespace mone::cuda
