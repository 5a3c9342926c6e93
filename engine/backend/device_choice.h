/// "auto", "cpu", "cuda", "cuda:1": where an engine is to run.
#pragma once

#include <optional>
#include <string_view>

#include "engine/error.h"
#include "engine/export.h"

namespace mone {

struct DeviceChoice {
  enum Kind { kAuto, kCpu, kCuda } kind = kAuto;
  int index = 0;  ///< of kCuda
};

/// Empty text is kAuto. A failure says what may be written.
MONE_API Result<DeviceChoice> parse_device(std::string_view text);

}  // namespace mone
