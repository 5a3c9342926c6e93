#include "engine/backend/onednn/isa.h"

#include <cstdlib>
#include <vector>

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace mone::cpu {

#if defined(__x86_64__)
namespace amx {
extern const Kernels kernels;
}
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

#if defined(__x86_64__)
/// Matrix tiles for bf16 and int8, in the CPU and by leave of the kernel, which a process must ask for: the
/// registers are 8 KiB more in every signal frame.
bool may_use_matrix_tiles() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned kTiles = 1u << 24, kBf16 = 1u << 22, kInt8 = 1u << 25;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || ~d & (kTiles | kBf16 | kInt8)) return false;
  constexpr int kRequestPermission = 0x1023, kTileData = 18;  // arch/x86/include/uapi/asm/prctl.h
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}
#endif

std::vector<const Kernels*> detect() {
  std::vector<const Kernels*> found;
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2_fma = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512_all = avx2_fma && __builtin_cpu_supports("avx512f") &&
                          __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
                          __builtin_cpu_supports("avx512dq");
  // Every CPU with the one has the other.
  if (avx512_all && __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vnni")) {
    if (may_use_matrix_tiles()) found.push_back(&amx::kernels);
    found.push_back(&avx512_bf16::kernels);
  }
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
  Isa best{found.front(), found.front()->panel < 16, false};
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
