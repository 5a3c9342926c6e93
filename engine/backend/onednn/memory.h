/// Zeroed memory that starts on a page.
#pragma once

#include <cstddef>
#include <utility>

namespace mone::cpu {

class Memory {
 public:
  Memory() = default;
  /// @param huge  ask for huge pages: for weights, which are read once a step, front to back; with 4 KiB
  /// pages every 64th
  ///              line would wait for a page walk
  /// @throws std::bad_alloc
  explicit Memory(std::size_t bytes, bool huge = false);
  ~Memory();
  Memory(Memory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  Memory& operator=(Memory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }

  template <class T = void>
  T* as() const {
    return static_cast<T*>(data_);
  }
  std::size_t bytes() const { return bytes_; }

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace mone::cpu
