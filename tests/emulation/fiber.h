/// Functions that can stop in the middle and go on later, on stacks of their own.
#pragma once

#include <cstddef>
#include <memory>
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace mone::emulation {

class Fiber {
 public:
  Fiber();
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// Prepares a call of `function(argument)`; the fiber must be done() or new.
  void start(void (*function)(void*), void* argument);
  /// Runs until the function stops or returns.
  void resume();
  /// Called by the function: back to resume()'s caller.
  void stop();
  bool done() const { return done_; }

 private:
  static void enter(Fiber* fiber);

  static constexpr std::size_t kStackBytes = 64 * 1024;
  void* memory_;  // stack, with a page below it that faults
  void (*function_)(void*) = nullptr;
  void* argument_ = nullptr;
  bool done_ = true;
#if defined(__x86_64__)
  void *own_ = nullptr, *caller_ = nullptr;  // stack pointers
#else
  ucontext_t own_, caller_;
#endif
};

}  // namespace mone::emulation
