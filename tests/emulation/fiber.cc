#include "tests/emulation/fiber.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>

namespace mone::emulation {
namespace {
constexpr std::size_t kGuardBytes = 4096;
}

Fiber::Fiber()
    : memory_(mmap(nullptr, kStackBytes + kGuardBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                   -1, 0)) {
  if (memory_ == MAP_FAILED) throw std::bad_alloc();
  mprotect(memory_, kGuardBytes, PROT_NONE);
}

Fiber::~Fiber() { munmap(memory_, kStackBytes + kGuardBytes); }

void Fiber::enter(Fiber* fiber) {
  fiber->function_(fiber->argument_);
  fiber->done_ = true;
  fiber->stop();
}

#if defined(__x86_64__)

// Saves what a call must preserve, swaps stacks, and returns there. swapcontext() would also save the signal
// mask, a system call each time.
asm(R"(
.text
.globl mone_switch_stacks
.hidden mone_switch_stacks
.type mone_switch_stacks, @function
mone_switch_stacks:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.globl mone_enter_fiber
.hidden mone_enter_fiber
.type mone_enter_fiber, @function
mone_enter_fiber:
  movq %r12, %rdi
  callq *%r13
  ud2
)");
extern "C" void mone_switch_stacks(void** save, void* next);
extern "C" void mone_enter_fiber();

void Fiber::start(void (*function)(void*), void* argument) {
  function_ = function;
  argument_ = argument;
  done_ = false;
  auto* top = reinterpret_cast<std::uintptr_t*>(static_cast<char*>(memory_) + kGuardBytes + kStackBytes);
  top -= 2;  // a call finds the stack aligned to 16 bytes
  *--top = reinterpret_cast<std::uintptr_t>(&mone_enter_fiber);
  *--top = 0;                                         // rbp
  *--top = 0;                                         // rbx
  *--top = reinterpret_cast<std::uintptr_t>(this);    // r12
  *--top = reinterpret_cast<std::uintptr_t>(&enter);  // r13
  *--top = 0;                                         // r14
  *--top = 0;                                         // r15
  own_ = top;
}
void Fiber::resume() { mone_switch_stacks(&caller_, own_); }
void Fiber::stop() { mone_switch_stacks(&own_, caller_); }

#else

void Fiber::start(void (*function)(void*), void* argument) {
  function_ = function;
  argument_ = argument;
  done_ = false;
  getcontext(&own_);
  own_.uc_stack.ss_sp = static_cast<char*>(memory_) + kGuardBytes;
  own_.uc_stack.ss_size = kStackBytes;
  own_.uc_link = nullptr;
  makecontext(&own_, reinterpret_cast<void (*)()>(+[](unsigned high, unsigned low) {
    enter(reinterpret_cast<Fiber*>((static_cast<std::uintptr_t>(high) << 32) | low));
  }),
              2, static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(this) >> 32),
              static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(this)));
}
void Fiber::resume() { swapcontext(&caller_, &own_); }
void Fiber::stop() { swapcontext(&own_, &caller_); }

#endif

}  // namespace mone::emulation
