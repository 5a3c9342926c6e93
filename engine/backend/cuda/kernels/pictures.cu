#include "engine/backend/cuda/compile_kernel.h"
#include "engine/backend/cuda/kernels/pictures.h"

namespace mone::cuda {

MONE_KERNEL(ResizePicture)
MONE_KERNEL(WriteStep)

}  // namespace mone::cuda
