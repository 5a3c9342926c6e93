#include "engine/backend/cuda/compile_kernel.h"
#include "engine/backend/cuda/kernels/attention.h"

namespace mone::cuda {

MONE_KERNEL(FloatAttention)
MONE_KERNEL(TensorAttention<Bf16, 32>)
MONE_KERNEL(TensorAttention<Bf16, 64>)
MONE_KERNEL(TensorAttention<Bf16, 128>)
MONE_KERNEL(TensorAttention<F16, 32>)
MONE_KERNEL(TensorAttention<F16, 64>)
MONE_KERNEL(TensorAttention<F16, 128>)
MONE_KERNEL(TensorAttention<F16, 128, 1>)

}  // namespace mone::cuda
