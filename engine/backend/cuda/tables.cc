#include "engine/backend/cuda/tables.h"

#include <algorithm>
#include <string_view>

namespace mone::cuda {
namespace {

std::size_t hash_of(std::span<const std::byte> content) {
  return std::hash<std::string_view>()({reinterpret_cast<const char*>(content.data()), content.size()});
}

}  // namespace

Tables::Handle Tables::find(std::span<const std::byte> content) {
  const std::size_t hash = hash_of(content);
  const auto [begin, end] = index_.equal_range(hash);
  for (auto it = begin; it != end; ++it) {
    if (!std::ranges::equal(it->second->content, content)) continue;
    entries_.splice(entries_.begin(), entries_, it->second);
    return it->second->memory;
  }
  const What what{"plan table", static_cast<int>(content.size())};
  auto memory = std::make_shared<DeviceMemory>(runtime_, content.size(), what);
  runtime_.upload(memory->as(), content.data(), content.size(), what);
  entries_.push_front({{content.begin(), content.end()}, memory});
  index_.emplace(hash, entries_.begin());
  if (entries_.size() > limit_) {
    const auto oldest = std::prev(entries_.end());
    const auto [first, last] = index_.equal_range(hash_of(oldest->content));
    for (auto it = first; it != last; ++it) {
      if (it->second != oldest) continue;
      index_.erase(it);
      break;
    }
    entries_.erase(oldest);
  }
  return memory;
}

}  // namespace mone::cuda
