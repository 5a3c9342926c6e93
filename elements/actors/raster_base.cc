#include "elements/actors/raster.h"

namespace mone::actors {
namespace base {
#include "elements/actors/raster_kernels.inc"
}  // namespace base

extern const RasterKernels kRasterBase = {base::cone, base::shade, "base"};

}  // namespace mone::actors
