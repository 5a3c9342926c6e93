#include "tests/emulation/guarded_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace mone::emulation {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::byte kAround{0xa5};

std::size_t whole(std::size_t bytes, std::size_t unit) { return (bytes + unit - 1) / unit * unit; }

}  // namespace

GuardedMemory::GuardedMemory(std::size_t bytes) : inner_(whole(bytes ? bytes : 1, kPage)), bytes_(bytes) {
  void* pages = mmap(nullptr, inner_ + 2 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) throw std::bad_alloc();
  pages_ = static_cast<std::byte*>(pages);
  mprotect(pages_, kPage, PROT_NONE);
  mprotect(pages_ + kPage + inner_, kPage, PROT_NONE);
  data_ = pages_ + kPage + inner_ - whole(bytes, kAlign);
  std::fill(pages_ + kPage, data_, kAround);
  std::fill(data_ + bytes_, pages_ + kPage + inner_, kAround);
  std::memset(data_, 0xff, bytes_);
}

GuardedMemory::GuardedMemory(GuardedMemory&& other) noexcept { swap(other); }
GuardedMemory& GuardedMemory::operator=(GuardedMemory&& other) noexcept {
  swap(other);
  return *this;
}
GuardedMemory::~GuardedMemory() {
  if (pages_) munmap(pages_, inner_ + 2 * kPage);
}

void GuardedMemory::swap(GuardedMemory& other) noexcept {
  std::swap(pages_, other.pages_), std::swap(inner_, other.inner_);
  std::swap(data_, other.data_), std::swap(bytes_, other.bytes_);
}

bool GuardedMemory::intact() const {
  const auto untouched = [](std::byte b) { return b == kAround; };
  return std::all_of(pages_ + kPage, data_, untouched) &&
         std::all_of(data_ + bytes_, pages_ + kPage + inner_, untouched);
}

}  // namespace mone::emulation
