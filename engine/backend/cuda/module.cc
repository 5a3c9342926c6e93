#include "engine/backend/cuda/module.h"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <vector>

namespace mone {
namespace {

struct Module {
  const BackendEntry* entry = nullptr;
  std::string why_not;
};

/// Where the module may be, likeliest first.
std::vector<std::string> places() {
  if (const char* forced = std::getenv("MONE_CUDA_MODULE")) return {forced};
  std::vector<std::string> paths;
  Dl_info self;
  if (dladdr(reinterpret_cast<const void*>(&backends), &self) && self.dli_fname) {
    const auto folder = std::filesystem::path(self.dli_fname).parent_path();
    paths.push_back(folder / "gst-mone" / "libmone-cuda.so");
    paths.push_back(folder / "backend" / "cuda" / "libmone-cuda.so");
  }
  paths.emplace_back(MONE_MODULE_DIR "/libmone-cuda.so");
  return paths;
}

Module open_module() {
  for (const std::string& path : places()) {
    std::error_code error;
    if (!std::filesystem::exists(path, error)) continue;
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) return {nullptr, path + " cannot be opened: " + dlerror()};
    const auto function = reinterpret_cast<CudaModuleFunction>(dlsym(library, kCudaModuleSymbol));
    const BackendEntry* entry = function ? function(MONE_VERSION) : nullptr;
    if (!entry)
      return {nullptr, path + " belongs to another version than " MONE_VERSION "; build both together"};
    return {entry, {}};
  }
  std::string looked;
  for (const std::string& path : places()) looked += (looked.empty() ? "" : ", ") + path;
  return {nullptr, "libmone-cuda.so is not here (looked for " + looked +
                       "); build with -Dcuda=enabled and install, or set MONE_CUDA_MODULE"};
}

const Module& module() {
  static const Module opened = open_module();  // never closed: CUDA does not bear it
  return opened;
}

std::string why_not(const ModelConfig& config, DType dtype) {
  return module().entry ? module().entry->why_not(config, dtype) : module().why_not;
}
std::string why_no_device(int device, DType dtype) {
  return module().entry ? module().entry->why_no_device(device, dtype) : module().why_not;
}
DType best_dtype(int device) { return module().entry ? module().entry->best_dtype(device) : DType::kF32; }
std::unique_ptr<Backend> create(const BackendOptions& options) {
  if (!module().entry) throw ConfigError("cuda: " + module().why_not);
  return module().entry->create(options);
}

std::unique_ptr<Cutter> make_cutter(int device, const TubeletFormat& format) {
  if (!module().entry) throw DeviceError("cuda: " + module().why_not);
  return module().entry->make_cutter(device, format);
}

void* context(int device) {
  if (!module().entry) throw DeviceError("cuda: " + module().why_not);
  return module().entry->context(device);
}

}  // namespace

const BackendEntry kCudaBackend = {"cuda",         &why_not,     &best_dtype, &create,
                                   &why_no_device, &make_cutter, &context};

}  // namespace mone
