/// Which kernels this CPU runs.
#pragma once

#include <span>
#include <string>

#include "engine/backend/onednn/kernels.h"
#include "engine/error.h"

namespace mone::cpu {

/// What the products run on.
struct Isa {
  const Kernels* kernels = nullptr;
  bool dnnl_f32 = false;   ///< f32 products through oneDNN: where our kernels have no vectors of 8 or more
  bool dnnl_bf16 = false;  ///< bf16 products through oneDNN: only where asked for
};

/// Tables the CPU can run, best first; the last is `generic`.
std::span<const Kernels* const> usable_kernels();

/// The best, or what $MONE_CPU_ISA names: amx, avx512_bf16, avx512, avx2, generic, or `onednn` (every product
/// through oneDNN, the rest on the best kernels).
Result<Isa> choose_isa();

}  // namespace mone::cpu
