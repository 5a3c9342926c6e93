/// The backend that defines what is correct: plain loops, one thread, any machine.
#pragma once

#include "engine/backend/registry.h"

namespace mone {

extern const BackendEntry kReferenceBackend;

}  // namespace mone
