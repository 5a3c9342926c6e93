/// Reader of the safetensors container: u64 header length, JSON header, tensor bytes. Input is not trusted.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "engine/error.h"
#include "engine/tensor.h"

namespace mone {

/// One tensor as the header has it; `bytes` lies inside the file and has the size that dtype and shape ask
/// for.
struct SafetensorsEntry {
  std::string dtype;  ///< "F32", "BF16", "U8", ...
  Shape shape;
  std::span<const std::byte> bytes;
};

struct Safetensors {
  std::map<std::string, std::string> metadata;
  std::map<std::string, SafetensorsEntry> tensors;
};

/// Headers beyond this are refused: 400 labels and 300 tensors take 50 KB.
inline constexpr std::uint64_t kMaxHeaderBytes = 16u << 20;

/// @param file  the whole file; the result points into it
/// @param name  names the file in failures
/// Fails, naming the tensor, on anything the format does not allow: a header that does not fit, names given
/// twice, unknown dtypes, sizes that overflow or differ from the shape, tensors that overlap, leave holes or
/// leave the file.
Result<Safetensors> parse_safetensors(std::span<const std::byte> file, const std::string& name);

}  // namespace mone
