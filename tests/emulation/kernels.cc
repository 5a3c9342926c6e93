// Every kernel, compiled as plain C++.
#include "engine/backend/cuda/kernels/attention.cu"
#include "engine/backend/cuda/kernels/pictures.cu"
#include "engine/backend/cuda/kernels/products.cu"
#include "engine/backend/cuda/kernels/routing.cu"
#include "engine/backend/cuda/kernels/rows.cu"
