#include "elements/actors/raster.h"

namespace mone::actors {
namespace avx512 {
#include "elements/actors/raster_kernels.inc"
}  // namespace avx512

extern const RasterKernels kRasterAvx512 = {avx512::cone, avx512::shade, "avx512"};

}  // namespace mone::actors
