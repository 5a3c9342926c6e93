/// Rows in the host's memory, as the kernels read them.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/backend/backend.h"
#include "engine/backend/onednn/kernels.h"
#include "engine/backend/onednn/memory.h"

namespace mone::cpu {

/// Elements between operand rows: an odd number of cache lines, so that the rows of a tile spread over all
/// sets of the first-level cache (3072 bf16 columns, packed, would fall into 2 of 64). Even, so that a pair
/// never leaves its row.
constexpr std::ptrdiff_t operand_stride(int columns, std::size_t element) {
  if (columns * element < 128) return (columns + 1) / 2 * 2;
  return static_cast<std::ptrdiff_t>((((columns * element + 63) / 64) | 1) * 64 / element);
}

/// Bytes between rows of an int8 operand: as above, with room for the row's scale at its end.
constexpr std::ptrdiff_t int8_stride(int columns) {
  return ((columns + 4 + 63) / 64 | 1) * static_cast<std::ptrdiff_t>(64);
}

/// kF32 rows are packed; operand rows are operand_stride() apart, for the width of the operation that reads
/// or writes them.
class CpuBuffer : public Buffer {
 public:
  CpuBuffer(std::int64_t elements, std::size_t element, bool padded)
      : memory_(size(elements, element, padded)) {}

  template <class T = void>
  T* as() const {
    return memory_.as<T>();
  }
  char* bytes() const { return memory_.as<char>(); }
  std::size_t size() const { return memory_.bytes(); }
  /// Moments of each row's columns past its expert's width, which nothing writes after gather() (identity
  /// I4); empty where something else has written the rows since.
  std::vector<Moments>& tails() { return tails_; }
  const std::vector<Moments>& tails() const { return tails_; }
  bool holds(std::int64_t elements, std::size_t element, bool padded) const {
    return memory_.bytes() >= size(elements, element, padded);
  }

 private:
  // Padded: operand_stride() is at most twice the columns, and what is not touched is not resident.
  static std::size_t size(std::int64_t elements, std::size_t element, bool padded) {
    return static_cast<std::size_t>(padded ? 2 * elements : elements) * element;
  }

  Memory memory_;
  std::vector<Moments> tails_;
};

inline const CpuBuffer& cpu(const Buffer& buffer) { return static_cast<const CpuBuffer&>(buffer); }
inline CpuBuffer& cpu(Buffer& buffer) { return static_cast<CpuBuffer&>(buffer); }

}  // namespace mone::cpu
