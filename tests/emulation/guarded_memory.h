/// Memory that ends, to 16 bytes, where a page begins that faults: a kernel that reads or writes past its
/// buffer ends the test there. Before it lies another such page; what is left of the pages in between is
/// known and looked at again.
#pragma once

#include <cstddef>

namespace mone::emulation {

class GuardedMemory {
 public:
  /// As little aligned as kernels may assume, so that no overrun hides in padding; all bits set (NaN).
  static constexpr std::size_t kAlign = 16;

  explicit GuardedMemory(std::size_t bytes);
  GuardedMemory(GuardedMemory&& other) noexcept;
  GuardedMemory& operator=(GuardedMemory&& other) noexcept;
  ~GuardedMemory();

  void* get() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  /// Whether nobody wrote around it, where no page guards it.
  bool intact() const;

 private:
  void swap(GuardedMemory& other) noexcept;

  std::byte* pages_ = nullptr;  // guard, memory, guard
  std::size_t inner_ = 0;       // bytes between the guards
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace mone::emulation
