/// What kernels are written in: the few things a GPU's threads can do together, by plain names.
///
/// Compiled by nvcc these are CUDA and PTX. Compiled by a C++ compiler they are only declared;
/// tests/emulation defines them, so that whole kernels run on the host, thread by thread, where there is no
/// GPU.
#pragma once

#include <cstdint>
#ifndef __CUDACC__
#include <cmath>
#endif

#include "engine/backend/cuda/numbers.h"

namespace mone::cuda {

/// Outputs of group_multiply_add(), and how many sums each thread of the group holds.
constexpr int kGroupOutputs = 128, kGroupSums = kGroupOutputs / 2;

#ifdef __CUDACC__

extern __shared__ __align__(1024) unsigned char mone_shared[];

MONE_DEVICE int thread() { return static_cast<int>(threadIdx.x); }
MONE_DEVICE int block_x() { return static_cast<int>(blockIdx.x); }
MONE_DEVICE int block_y() { return static_cast<int>(blockIdx.y); }
MONE_DEVICE int block_z() { return static_cast<int>(blockIdx.z); }
/// The block's shared memory, of the size it was launched with; aligned to 1024 bytes.
MONE_DEVICE unsigned char* shared_memory() { return mone_shared; }
MONE_DEVICE void sync_block() { __syncthreads(); }

// Among the 32 threads of a warp, all of which must come here.
MONE_DEVICE float shuffle_xor(float value, int mask) { return __shfl_xor_sync(~0u, value, mask); }
MONE_DEVICE int shuffle_xor(int value, int mask) { return __shfl_xor_sync(~0u, value, mask); }
MONE_DEVICE float shuffle(float value, int lane) { return __shfl_sync(~0u, value, lane); }
MONE_DEVICE std::uint32_t ballot(bool predicate) { return __ballot_sync(~0u, predicate); }
MONE_DEVICE void sync_warp() { __syncwarp(); }
MONE_DEVICE int ones(std::uint32_t bits) { return __popc(bits); }

MONE_DEVICE std::uint32_t shared_address(const void* p) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(p));
}

/// 16 bytes from global to shared memory, or 16 zero bytes if `valid` is false (the address is then not
/// read). Both aligned to 16. Done once copy_async_wait() says so and the block has synchronised.
MONE_DEVICE void copy_async16(void* to, const void* from, bool valid) {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from),
               "r"(valid ? 16 : 0)
               : "memory");
#else
  *static_cast<uint4*>(to) = valid ? *static_cast<const uint4*>(from) : uint4{0, 0, 0, 0};
#endif
}
/// Ends a group of this thread's copies.
MONE_DEVICE void copy_async_commit() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}
/// Waits until at most `kPending` of this thread's groups, the newest ones, are under way.
template <int kPending>
MONE_DEVICE void copy_async_wait() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
#endif
}

/// Four 8x8 matrices of 16-bit numbers from shared memory: lane l gives the address of row l % 8 of matrix l
/// / 8, and gets from matrix i, in r[i], elements (l / 4, 2 (l % 4)) and the one after it.
MONE_DEVICE void load_matrices(std::uint32_t (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(row))
               : "memory");
}
/// The same, each matrix transposed.
MONE_DEVICE void load_matrices_transposed(std::uint32_t (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(row))
               : "memory");
}

/// c [16, 8] += a [16, 16] b [16, 8], the warp together, f32 sums. Lane l holds of c (l / 4, 2 (l % 4)), the
/// one after it, and both 8 rows below; a's quarters and b's halves as load_matrices() gives them.
MONE_DEVICE void multiply_add(Bf16, float (&c)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                              std::uint32_t b1) {
#if __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, "
      "%2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#else
  __trap();  // the backend offers no bf16 there
#endif
}
MONE_DEVICE void multiply_add(F16, float (&c)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                              std::uint32_t b1) {
#if __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, "
      "%1, "
      "%2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#else
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(b0));
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[2]), "r"(a[3]), "r"(b1));
#endif
}

// Of four warps together, on sm_90a. What group_multiply_add() started is done when group_wait() returns;
// until then nothing touches its sums or the shared memory that it reads.
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
#define MONE_HAS_GROUPS
#endif

/// Shared memory that this thread has written, copies that have arrived included, is seen by
/// group_multiply_add() once the block has synchronised.
MONE_DEVICE void fence_for_tensor_cores() {
#ifdef MONE_HAS_GROUPS
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#endif
}
MONE_DEVICE void hold(float (&c)[kGroupSums]) {  // the compiler moves no use of the sums across this
  MONE_UNROLL
  for (int i = 0; i < kGroupSums; ++i) asm volatile("" : "+f"(c[i])::"memory");
}
MONE_DEVICE void group_begin(float (&c)[kGroupSums]) {
  hold(c);
#ifdef MONE_HAS_GROUPS
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#endif
}
#ifdef MONE_HAS_GROUPS
#define MONE_GROUP_MULTIPLY_ADD(formats)                                                                    \
  asm volatile("wgmma.mma_async.sync.aligned.m64n128k16.f32." formats                                       \
               " {"                                                                                         \
               "%0, %1, %2, %3, %4, %5, %6, %7, "                                                           \
               "%8, %9, %10, %11, %12, %13, %14, %15, "                                                     \
               "%16, %17, %18, %19, %20, %21, %22, %23, "                                                   \
               "%24, %25, %26, %27, %28, %29, %30, %31, "                                                   \
               "%32, %33, %34, %35, %36, %37, %38, %39, "                                                   \
               "%40, %41, %42, %43, %44, %45, %46, %47, "                                                   \
               "%48, %49, %50, %51, %52, %53, %54, %55, "                                                   \
               "%56, %57, %58, %59, %60, %61, %62, %63}, %64, %65, 1, 1, 1, 0, 0;"                          \
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3]), "+f"(c[4]), "+f"(c[5]), "+f"(c[6]),        \
                 "+f"(c[7]), "+f"(c[8]), "+f"(c[9]), "+f"(c[10]), "+f"(c[11]), "+f"(c[12]), "+f"(c[13]),    \
                 "+f"(c[14]), "+f"(c[15]), "+f"(c[16]), "+f"(c[17]), "+f"(c[18]), "+f"(c[19]), "+f"(c[20]), \
                 "+f"(c[21]), "+f"(c[22]), "+f"(c[23]), "+f"(c[24]), "+f"(c[25]), "+f"(c[26]), "+f"(c[27]), \
                 "+f"(c[28]), "+f"(c[29]), "+f"(c[30]), "+f"(c[31]), "+f"(c[32]), "+f"(c[33]), "+f"(c[34]), \
                 "+f"(c[35]), "+f"(c[36]), "+f"(c[37]), "+f"(c[38]), "+f"(c[39]), "+f"(c[40]), "+f"(c[41]), \
                 "+f"(c[42]), "+f"(c[43]), "+f"(c[44]), "+f"(c[45]), "+f"(c[46]), "+f"(c[47]), "+f"(c[48]), \
                 "+f"(c[49]), "+f"(c[50]), "+f"(c[51]), "+f"(c[52]), "+f"(c[53]), "+f"(c[54]), "+f"(c[55]), \
                 "+f"(c[56]), "+f"(c[57]), "+f"(c[58]), "+f"(c[59]), "+f"(c[60]), "+f"(c[61]), "+f"(c[62]), \
                 "+f"(c[63])                                                                                \
               : "l"(a), "l"(b))
#else
#define MONE_GROUP_MULTIPLY_ADD(formats) __trap()  // the backend offers it on sm_90a only
#endif
/// c [64, 128] += a [64, 16] b [128, 16]^T, sums in f32: warp w of the group holds rows 16 w on, as of
/// multiply_add(), c[4 j ..] for columns 8 j on.
MONE_DEVICE void group_multiply_add(Bf16, float (&c)[kGroupSums], std::uint64_t a, std::uint64_t b) {
  MONE_GROUP_MULTIPLY_ADD("bf16.bf16");
}
MONE_DEVICE void group_multiply_add(F16, float (&c)[kGroupSums], std::uint64_t a, std::uint64_t b) {
  MONE_GROUP_MULTIPLY_ADD("f16.f16");
}
#undef MONE_GROUP_MULTIPLY_ADD
MONE_DEVICE void group_commit() {
#ifdef MONE_HAS_GROUPS
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
#endif
}
MONE_DEVICE void group_wait(float (&c)[kGroupSums]) {
#ifdef MONE_HAS_GROUPS
  asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
#endif
  hold(c);
}

/// 2^x, to a unit in the 22nd bit.
MONE_DEVICE float fast_exp2(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
MONE_DEVICE float fast_reciprocal(float x) { return __fdividef(1.0f, x); }

#else  // a C++ compiler

int thread();
int block_x();
int block_y();
int block_z();
unsigned char* shared_memory();
void sync_block();
float shuffle_xor(float value, int mask);
int shuffle_xor(int value, int mask);
float shuffle(float value, int lane);
std::uint32_t ballot(bool predicate);
void sync_warp();
int ones(std::uint32_t bits);
void copy_async16(void* to, const void* from, bool valid);
void copy_async_commit();
void copy_async_wait_for(int pending);
template <int kPending>
void copy_async_wait() {
  copy_async_wait_for(kPending);
}
void load_matrices(std::uint32_t (&r)[4], const void* row);
void load_matrices_transposed(std::uint32_t (&r)[4], const void* row);
void multiply_add(Bf16, float (&c)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1);
void multiply_add(F16, float (&c)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1);
std::uint32_t shared_address(const void* p);
void fence_for_tensor_cores();
void group_begin(float (&c)[kGroupSums]);
void group_multiply_add(Bf16, float (&c)[kGroupSums], std::uint64_t a, std::uint64_t b);
void group_multiply_add(F16, float (&c)[kGroupSums], std::uint64_t a, std::uint64_t b);
void group_commit();
void group_wait(float (&c)[kGroupSums]);
inline float fast_exp2(float x) { return std::exp2(x); }
inline float fast_reciprocal(float x) { return 1 / x; }

#endif

/// How group_multiply_add() is told of lines of 128 bytes in shared memory whose pieces are XORed with the
/// line's number modulo 8 (PTX ISA, matrix descriptor): address, 1024 bytes from eight lines to the next
/// eight, swizzle of 128 bytes. The first line begins at a multiple of 1024 bytes; 32 bytes further, the next
/// sixteen numbers of each line.
MONE_DEVICE std::uint64_t operand_at(const void* address) {
  return (std::uint64_t{shared_address(address) & 0x3ffff} >> 4) | std::uint64_t{1} << 16 |
         std::uint64_t{64} << 32 | std::uint64_t{1} << 62;
}
MONE_DEVICE int lane() { return thread() % 32; }
MONE_DEVICE int warp() { return thread() / 32; }

#ifdef __CUDACC__

/// The warp's sum, the same bits in every lane: a tree, so its order does not depend on anything.
MONE_DEVICE float warp_sum(float value) {
  for (int mask = 16; mask; mask /= 2) value += shuffle_xor(value, mask);
  return value;
}
MONE_DEVICE int warp_sum(int value) {
  for (int mask = 16; mask; mask /= 2) value += shuffle_xor(value, mask);
  return value;
}
MONE_DEVICE float warp_max(float value) {
  for (int mask = 16; mask; mask /= 2) value = fmaxf(value, shuffle_xor(value, mask));
  return value;
}

#else
float warp_sum(float value);
int warp_sum(int value);
float warp_max(float value);
#endif

}  // namespace mone::cuda
