/// Frames in the memory of a GPU to tubelets there, so that pixels need not pass through the host.
#pragma once

#include <memory>

#include "engine/cutter.h"
#include "engine/error.h"

namespace mone {

/// A cutter whose frames and tubelets lie in the memory of NVIDIA GPU number `gpu`; see Tubelet::gpu for what
/// takes them. Failure: there is no such device here, or this build has none; the sentence says which.
/// @throws ConfigError if the format cannot be kept (see check())
MONE_API Result<std::unique_ptr<Cutter>> make_gpu_cutter(int gpu, const TubeletFormat& format);

/// The CUcontext in which cutters and engines of GPU number `gpu` work, the device's primary one: they cannot
/// read what was allocated in another. It stays for the life of the process. Failure: as above.
MONE_API Result<void*> gpu_context(int gpu);

}  // namespace mone
