#include "engine/backend/onednn/isa.h"

#include <cstdlib>
#include <vector>

#include "engine/backend/onednn/dnnl_matmul.h"

namespace mone::cpu {

#if defined(__x86_64__)
namespace avx512_bf16 {
extern const Kernels kernels;
}
namespace avx512 {
extern const Kernels kernels;
}
namespace avx2 {
extern const Kernels kernels;
}
#endif
namespace generic {
extern const Kernels kernels;
}

namespace {

std::vector<const Kernels*> detect() {
  std::vector<const Kernels*> found;
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2_fma = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512_all = avx2_fma && __builtin_cpu_supports("avx512f") &&
                          __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
                          __builtin_cpu_supports("avx512dq");
  // Every CPU with the one has the other.
  if (avx512_all && __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vnni"))
    found.push_back(&avx512_bf16::kernels);
  if (avx512_all) found.push_back(&avx512::kernels);
  if (avx2_fma) found.push_back(&avx2::kernels);
#endif
  found.push_back(&generic::kernels);
  return found;
}

}  // namespace

std::span<const Kernels* const> usable_kernels() {
  static const std::vector<const Kernels*> found = detect();
  return found;
}

Result<Isa> choose_isa() {
  const auto found = usable_kernels();
  Isa best{found.front(), found.front()->panel < 16, dnnl_has_matrix_tiles()};
  const char* forced = std::getenv("MONE_CPU_ISA");
  if (!forced || !*forced) return best;
  if (std::string(forced) == "onednn") return Isa{best.kernels, true, true};
  std::string names = "onednn";
  for (const Kernels* kernels : found) {
    if (std::string(forced) == kernels->isa) return Isa{kernels, false, false};
    names += std::string(", ") + kernels->isa;
  }
  return Failure{"MONE_CPU_ISA=" + std::string(forced) +
                 " is not for this CPU; unset it or use one of: " + names};
}

}  // namespace mone::cpu
