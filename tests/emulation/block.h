/// Runs a kernel on the host: every thread of a block as a fiber of its own, so that barriers and what a warp
/// does together mean what they mean on a device.
///
/// A fiber runs until it has to wait for others. Copies to shared memory happen as late as the kernel allows,
/// and shared memory begins as NaN, so a missing wait or barrier shows in the results; so does running the
/// threads in another order (Order).
#pragma once

#include <cstddef>

#include "engine/backend/cuda/kernel.h"

namespace mone::emulation {

enum class Order { kForward, kBackward };

/// All blocks of a launch, one after the other, in the calling thread.
/// @throws std::logic_error if threads wait for each other for ever
void run_grid(const cuda::Kernel& kernel, cuda::Grid grid, std::size_t shared_bytes, const void* argument,
              Order order);

}  // namespace mone::emulation
