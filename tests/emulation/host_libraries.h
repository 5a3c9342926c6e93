/// What NVIDIA's libraries would do, in plain loops on the host, for the emulated device.
#pragma once

#include <memory>

#include "engine/backend/cuda/library.h"

namespace mone::emulation {

class EmulatedRuntime;

struct HostLibraries {
  const EmulatedRuntime* device;
  int attention_plans = 0, product_plans = 0;  ///< made so far
  int attentions = 0, products = 0;            ///< queued so far
  int fail_attention = 0;                      ///< the n-th fails; 0: none
  int plans_while_recording = 0;               ///< when a library may do what a record does not bear
  bool has_plans = true;                       ///< else no shape has one

  std::unique_ptr<cuda::AttentionLibrary> attention();
  std::unique_ptr<cuda::ProductLibrary> product();
};

}  // namespace mone::emulation
