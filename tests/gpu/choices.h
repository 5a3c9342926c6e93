/// Which kernels and libraries the cuda backend may use, by its environment variables; the first is the
/// default.
#pragma once

#include <cstdlib>

namespace mone::test {

struct Choice {
  const char *name, *attention, *products;
};

constexpr Choice kChoices[] = {{"own, mma", "own", "mma"},
                               {"cuDNN, mma", "cudnn", "mma"},
                               {"own, wgmma", "own", "wgmma"},
                               {"own, cuBLASLt", "own", "cublaslt"}};

/// The choice of engines that are made while it lives.
class ChoiceSetting {
 public:
  explicit ChoiceSetting(const Choice& choice) {
    setenv("MONE_CUDA_ATTENTION", choice.attention, 1);
    setenv("MONE_CUDA_PRODUCTS", choice.products, 1);
  }
  ChoiceSetting(const ChoiceSetting&) = delete;
  ChoiceSetting& operator=(const ChoiceSetting&) = delete;
  ~ChoiceSetting() {
    unsetenv("MONE_CUDA_ATTENTION");
    unsetenv("MONE_CUDA_PRODUCTS");
  }
};

}  // namespace mone::test
