/// Marks of functions that a GPU's kernels share with the host.
#pragma once

#ifdef __CUDACC__
#define MONE_DEVICE __device__ __forceinline__
#define MONE_BOTH __host__ __device__ __forceinline__
#define MONE_UNROLL _Pragma("unroll")
#else
#define MONE_DEVICE inline
#define MONE_BOTH inline
#define MONE_UNROLL
#endif
