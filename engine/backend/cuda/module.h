/// The CUDA backend as its users see it: a shared module that is opened at run time, so that one build of the
/// library and the plug-ins runs with and without a GPU and links nothing of CUDA.
#pragma once

#include "engine/backend/registry.h"

namespace mone {

/// Stands for the module: it is opened when first asked. Without it, why_not() says where it was looked for:
/// $MONE_CUDA_MODULE, else beside libmone.so (`gst-mone/` or, in a build folder, `backend/cuda/`), else where
/// it is installed.
extern const BackendEntry kCudaBackend;

/// What a module exports, by this name: its entry, or null if it was built from another version than the
/// caller.
inline constexpr const char* kCudaModuleSymbol = "mone_cuda_backend";
using CudaModuleFunction = const BackendEntry* (*)(const char* version);

}  // namespace mone
