#include "engine/backend/cuda/compile_kernel.h"
#include "engine/backend/cuda/kernels/routing.h"

namespace mone::cuda {

MONE_KERNEL(RouterProbs)
MONE_KERNEL(AssignExperts)

}  // namespace mone::cuda
