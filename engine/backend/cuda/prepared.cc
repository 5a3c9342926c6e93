#include "engine/backend/cuda/prepared.h"

#include <cstring>

namespace mone::cuda {
namespace {

template <class T>
DeviceMemory upload_as(Runtime& runtime, const std::vector<float>& values, int inputs, int stride,
                       const What& what) {
  const std::size_t lines = values.size() / static_cast<std::size_t>(inputs);
  std::vector<T> padded(lines * static_cast<std::size_t>(stride), from_float<T>(0));
  for (std::size_t line = 0; line < lines; ++line)
    for (int i = 0; i < inputs; ++i) padded[line * stride + i] = from_float<T>(values[line * inputs + i]);
  DeviceMemory memory(runtime, padded.size() * sizeof(T), what);
  runtime.upload(memory.as(), padded.data(), memory.bytes(), what);
  return memory;
}

int extent(const TensorView& view, int axis) { return static_cast<int>(view.shape[axis]); }

}  // namespace

DeviceMemory upload_floats(Runtime& runtime, const std::vector<float>& values, const What& what) {
  DeviceMemory memory(runtime, values.size() * 4, what);
  runtime.upload(memory.as(), values.data(), memory.bytes(), what);
  return memory;
}

DeviceMemory upload_operands(Runtime& runtime, const std::vector<float>& values, int inputs, Operand operand,
                             const What& what) {
  DeviceMemory memory;
  with_operand(operand, [&](auto tag) {
    memory = upload_as<decltype(tag)>(runtime, values, inputs, line_of(inputs), what);
  });
  return memory;
}

CudaBuffer::CudaBuffer(Runtime& runtime, std::int64_t elements, std::size_t element_bytes)
    : memory(runtime, static_cast<std::size_t>(elements) * element_bytes,
             {"rows (KiB)", static_cast<int>(static_cast<std::size_t>(elements) * element_bytes / 1024)}) {
  runtime.zero(memory.as(), memory.bytes(), {"zeroing rows"});
}

CudaLinear::CudaLinear(Runtime& runtime, const LinearSpec& spec, Operand operand)
    : in(extent(spec.weight, 1)),
      out(extent(spec.weight, 0)),
      experts(spec.experts),
      nesting(spec.nesting),
      weight(upload_operands(runtime, to_floats(spec.weight), in, operand, {"weights", out, in})),
      bias(upload_floats(runtime, to_floats(spec.bias), {"bias", out})) {}

CudaNorm::CudaNorm(Runtime& runtime, const NormSpec& spec)
    : width(extent(spec.weight, 0)),
      eps(static_cast<float>(spec.eps)),
      weight(upload_floats(runtime, to_floats(spec.weight), {"norm", width})),
      bias(upload_floats(runtime, to_floats(spec.bias), {"norm", width})) {}

CudaEmbedding::CudaEmbedding(Runtime& runtime, const EmbeddingSpec& spec, Operand operand)
    : width(extent(spec.kernel, 0)),
      tubelets(spec.tubelets),
      tokens(spec.tokens),
      depth(static_cast<int>(spec.kernel.count() / width)),
      cls(spec.cls.present()) {
  const What what{"embedding", width, depth};
  // [D, 3, pt * ph * pw] -> [D, pt * ph * pw, 3], the order in which a tubelet's pixels lie.
  const std::int64_t places = depth / 3;
  std::vector<float> values(static_cast<std::size_t>(spec.kernel.count()));
  for (std::int64_t o = 0; o < width; ++o)
    for (std::int64_t channel = 0; channel < 3; ++channel)
      for (std::int64_t place = 0; place < places; ++place)
        values[(o * places + place) * 3 + channel] = spec.kernel.at((o * 3 + channel) * places + place);
  kernel = upload_operands(runtime, values, depth, operand, what);
  bias = upload_floats(runtime, to_floats(spec.bias), what);
  std::vector<float> pos = to_floats(spec.pos);
  positions = upload_floats(runtime, pos, what);
  pos.resize(width);
  for (int i = 0; i < width && cls; ++i) pos[i] += spec.cls.at(i);
  cls_pos = upload_floats(runtime, pos, what);
  std::vector<float> table(3 * 256);
  for (int channel = 0; channel < 3; ++channel)
    for (int u8 = 0; u8 < 256; ++u8)
      table[channel * 256 + u8] =
          (static_cast<float>(u8) * spec.scale - spec.mean[channel]) / spec.std[channel];
  pixel = upload_operands(runtime, table, 256, operand, what);
}

CudaRouter::CudaRouter(Runtime& runtime, const RouterSpec& spec)
    : experts(extent(spec.weight, 0)),
      width(extent(spec.weight, 1)),
      weight(upload_floats(runtime, to_floats(spec.weight), {"router", experts, width})),
      bias(upload_floats(runtime, to_floats(spec.bias), {"router", experts})) {
  if (spec.norm.weight.present()) norm = std::make_unique<CudaNorm>(runtime, spec.norm);
}

}  // namespace mone::cuda
