#include "engine/backend/cuda/library.h"

#include <dlfcn.h>

#include <filesystem>

namespace mone::cuda {

Result<const LibraryEntry*> open_library(const std::string& folder, const std::string& module) {
  const std::string path = std::filesystem::path(folder) / module;
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return Failure{path + " is not here: it was not built"};
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) return Failure{module + " cannot be opened: " + dlerror()};
  const auto function = reinterpret_cast<LibraryFunction>(dlsym(library, kLibrarySymbol));
  const LibraryEntry* entry = function ? function(MONE_VERSION) : nullptr;
  if (!entry) return Failure{path + " belongs to another version than " MONE_VERSION "; build both together"};
  return entry;
}

std::string own_folder() {
  Dl_info self;
  if (!dladdr(reinterpret_cast<const void*>(&own_folder), &self) || !self.dli_fname) return ".";
  return std::filesystem::path(self.dli_fname).parent_path();
}

}  // namespace mone::cuda
