#include "engine/backend/onednn/memory.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>

namespace mone::cpu {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

}  // namespace

Memory::Memory(std::size_t bytes, bool huge) : bytes_(bytes) {
  if (bytes == 0) return;
  // Address space is cheap: a block starts on a huge page, and what is not touched is not resident.
  const std::size_t room = huge && bytes >= kHugePage ? bytes + kHugePage : bytes;
  void* mapped = mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  data_ = mapped;
  if (room == bytes) return;
  const auto begin = reinterpret_cast<std::uintptr_t>(mapped);
  const std::uintptr_t aligned = (begin + kHugePage - 1) / kHugePage * kHugePage;
  data_ = reinterpret_cast<void*>(aligned);
  // The slack on both sides goes back, in whole pages.
  constexpr std::size_t kPage = 4096;
  const std::uintptr_t end = (aligned + bytes + kPage - 1) / kPage * kPage;
  if (aligned > begin) munmap(mapped, aligned - begin);
  if (begin + room > end) munmap(reinterpret_cast<void*>(end), begin + room - end);
  madvise(data_, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);
}

Memory::~Memory() {
  if (data_) munmap(data_, bytes_);
}

}  // namespace mone::cpu
