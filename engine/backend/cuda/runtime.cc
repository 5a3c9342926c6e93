#include "engine/backend/cuda/runtime.h"

namespace mone::cuda {

std::string to_string(const What& what) {
  std::string text = what.operation;
  const int sizes[] = {what.a, what.b, what.c};
  for (int i = 0; i < 3 && sizes[i]; ++i) text += (i ? ", " : " [") + std::to_string(sizes[i]);
  return what.a ? text + "]" : text;
}

}  // namespace mone::cuda
