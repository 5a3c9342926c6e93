#include "engine/backend/cuda/compile_kernel.h"
#include "engine/backend/cuda/kernels/finish_sums.h"
#include "engine/backend/cuda/kernels/float_product.h"
#include "engine/backend/cuda/kernels/tensor_product.h"
#include "engine/backend/cuda/kernels/warpgroup_product.h"

namespace mone::cuda {

MONE_KERNEL(FloatProduct)
MONE_KERNEL(WideTensorProduct<Bf16>)
MONE_KERNEL(WideTensorProduct<F16>)
MONE_KERNEL(NarrowTensorProduct<Bf16>)
MONE_KERNEL(NarrowTensorProduct<F16>)
MONE_KERNEL(WarpgroupProduct<Bf16>)
MONE_KERNEL(WarpgroupProduct<F16>)
MONE_KERNEL(FinishSums<Bf16>)
MONE_KERNEL(FinishSums<F16>)

}  // namespace mone::cuda
