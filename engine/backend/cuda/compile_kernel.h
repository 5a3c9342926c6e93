/// Gives a kernel body its compiled form; included by kernels/*.cu only.
#pragma once

#include "engine/backend/cuda/kernel.h"

namespace mone::cuda {

#ifdef __CUDACC__
template <class Body>
__global__ void __launch_bounds__(Body::kThreads) run_kernel(const __grid_constant__ Body body) {
  body();
}
#define MONE_COMPILED(...) reinterpret_cast<const void*>(&run_kernel<__VA_ARGS__>), nullptr
#else
template <class Body>
void run_thread(const void* body) {
  (*static_cast<const Body*>(body))();
}
#define MONE_COMPILED(...) nullptr, &run_thread<__VA_ARGS__>
#endif

/// MONE_KERNEL(Body): defines kernel_of<Body>().
#define MONE_KERNEL(...)                                                                    \
  template <>                                                                               \
  const Kernel& kernel_of<__VA_ARGS__>() {                                                  \
    static const Kernel kernel = {#__VA_ARGS__, __VA_ARGS__::kThreads, sizeof(__VA_ARGS__), \
                                  MONE_COMPILED(__VA_ARGS__)};                              \
    return kernel;                                                                          \
  }

}  // namespace mone::cuda
