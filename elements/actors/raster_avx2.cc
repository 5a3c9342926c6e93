#include "elements/actors/raster.h"

namespace mone::actors {
namespace avx2 {
#include "elements/actors/raster_kernels.inc"
}  // namespace avx2

extern const RasterKernels kRasterAvx2 = {avx2::cone, avx2::shade, "avx2"};

}  // namespace mone::actors
