/// What the backend asks of a model, whatever the device.
#pragma once

#include <string>

#include "engine/engine.h"
#include "engine/model_config.h"

namespace mone::cuda {

/// Empty if the kernels can run the model, else the reason.
std::string why_not_model(const ModelConfig& config, DType dtype);

/// Empty if a device of this compute capability runs products in `dtype`, else the reason.
std::string why_not_dtype(int major, int minor, DType dtype);

/// The fastest 16-bit format of such a device.
DType best_dtype(int major, int minor);

}  // namespace mone::cuda
