/// How a kernel is named and launched. A kernel is a struct: its members are the arguments, its operator() is
/// what each thread does, kThreads how many make a block.
#pragma once

#include <cstddef>

namespace mone::cuda {

struct Grid {
  int x = 1, y = 1, z = 1;
};

/// A compiled kernel.
struct Kernel {
  const char* name;
  int threads;
  std::size_t argument_bytes;
  const void* symbol;                    ///< of the CUDA runtime; null in the emulation
  void (*run_thread)(const void* body);  ///< one thread on the host; null in CUDA
};

/// The compiled form of `Body`, defined in kernels/*.cu for the bodies listed there.
template <class Body>
const Kernel& kernel_of();

}  // namespace mone::cuda
