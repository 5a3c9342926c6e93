#include "engine/backend/cuda/compile_kernel.h"
#include "engine/backend/cuda/kernels/rows.h"

namespace mone::cuda {

MONE_KERNEL(UnpackPixels<float>)
MONE_KERNEL(UnpackPixels<Bf16>)
MONE_KERNEL(UnpackPixels<F16>)
MONE_KERNEL(FillCls)
MONE_KERNEL(Assemble)
MONE_KERNEL(GatherRows)
MONE_KERNEL(Normalise<float>)
MONE_KERNEL(Normalise<Bf16>)
MONE_KERNEL(Normalise<F16>)
MONE_KERNEL(Pool)
MONE_KERNEL(GatherOperands<float>)
MONE_KERNEL(GatherOperands<Bf16>)
MONE_KERNEL(GatherOperands<F16>)

}  // namespace mone::cuda
