#include "elements/actors/raster.h"

namespace mone::actors {

extern const RasterKernels kRasterBase;
#ifdef MONE_ACTORS_X86
extern const RasterKernels kRasterAvx2, kRasterAvx512;
#endif

const RasterKernels& raster_kernels() {
#ifdef MONE_ACTORS_X86
  static const RasterKernels& best =
      __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
              __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw")
          ? kRasterAvx512
      : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? kRasterAvx2
                                                                        : kRasterBase;
  return best;
#else
  return kRasterBase;
#endif
}

}  // namespace mone::actors
