#include "engine/backend/cuda/compile_kernel.h"
#include "engine/backend/cuda/kernels/pictures.h"

namespace mone::cuda {

MONE_KERNEL(ResizePicture)
MONE_KERNEL(WriteStep)
MONE_KERNEL(LumaOfPicture)
MONE_KERNEL(MotionOfCells)

}  // namespace mone::cuda
