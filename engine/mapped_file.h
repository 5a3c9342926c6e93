/// A file's bytes, mapped read-only.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "engine/error.h"

namespace mone {

/// Owns the mapping; moves, does not copy. Replace a model file by renaming another over it: truncating a
/// mapped file in place kills its readers with SIGBUS.
class MappedFile {
 public:
  static Result<MappedFile> open(const std::string& path);
  /// No bytes.
  static Result<MappedFile> nothing() { return MappedFile({}); }
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return bytes_; }
  /// Lets the kernel take the pages back; they are read again when touched.
  void release_pages() const;

 private:
  explicit MappedFile(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::span<const std::byte> bytes_;
};

}  // namespace mone
