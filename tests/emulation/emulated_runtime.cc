#include "tests/emulation/emulated_runtime.h"

#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace mone::emulation {
namespace {

/// What a block may ask for (CUDA programming guide, technical specifications by compute capability).
std::size_t shared_limit(int major, int minor) {
  const std::size_t kib = major < 8 ? 64 : major >= 9 ? 227 : minor == 0 ? 163 : 99;
  return kib * 1024;
}

}  // namespace

EmulatedRuntime::EmulatedRuntime(const EmulatedDevice& device) : asked_(device) {
  info_.name = "emulated device";
  info_.major = device.major;
  info_.minor = device.minor;
  info_.multiprocessors = device.multiprocessors;
}

EmulatedRuntime::~EmulatedRuntime() = default;

void EmulatedRuntime::check(const cuda::What& what) const {
  if (!broken_.empty()) throw DeviceError(broken_);
}

void* EmulatedRuntime::allocate(std::size_t bytes, const cuda::What& what) {
  check(what);
  const std::lock_guard lock(mutex_);
  if (in_use_ + bytes > asked_.memory_bytes)
    throw DeviceError("cuda: " + to_string(what) + ": out of memory");
  GuardedMemory memory(bytes);
  in_use_ += bytes;
  void* const at = memory.get();
  memory_.emplace(at, std::move(memory));
  return at;
}

void EmulatedRuntime::free(void* memory) noexcept {
  const std::lock_guard lock(mutex_);
  const auto found = memory_.find(memory);
  in_use_ -= found->second.bytes();
  freed_.push_back(std::move(found->second));
  memory_.erase(found);
}

std::size_t EmulatedRuntime::bytes_in_use() const {
  const std::lock_guard lock(mutex_);
  return in_use_;
}

void* EmulatedRuntime::allocate_pinned(std::size_t bytes, const cuda::What& what) {
  check(what);
  refuse_while_recording(what);
  const std::lock_guard lock(mutex_);
  GuardedMemory memory(bytes);
  void* const at = memory.get();
  pinned_.emplace(at, std::move(memory));
  return at;
}
void EmulatedRuntime::free_pinned(void* memory) noexcept {
  const std::lock_guard lock(mutex_);
  pinned_.erase(memory);
}

void EmulatedRuntime::upload(void* to, const void* from, std::size_t bytes, const cuda::What& what) {
  check(what);
  std::memcpy(to, from, bytes);
}
void EmulatedRuntime::zero(void* memory, std::size_t bytes, const cuda::What& what) {
  check(what);
  std::memset(memory, 0, bytes);
}
void EmulatedRuntime::download(void* to, const void* from, std::size_t bytes, const cuda::What& what) {
  wait(what);
  std::memcpy(to, from, bytes);
}
void EmulatedRuntime::read(void* to, const void* from, std::size_t bytes, const cuda::What&) const {
  std::memcpy(to, from, bytes);
}

void EmulatedRuntime::queue(Work work) { (recorded_ ? *recorded_ : queue_).push_back(std::move(work)); }

void EmulatedRuntime::copy_in(void* to, const void* from, std::size_t bytes, const cuda::What& what) {
  check(what);
  queue([=] { std::memcpy(to, from, bytes); });
}
void EmulatedRuntime::copy_out(void* to, const void* from, std::size_t bytes, const cuda::What& what) {
  copy_in(to, from, bytes, what);
}

void EmulatedRuntime::launch(const cuda::Kernel& kernel, cuda::Grid grid, std::size_t shared_bytes,
                             const void* argument, const cuda::What& what) {
  check(what);
  if (shared_bytes > shared_limit(info_.major, info_.minor))
    throw DeviceError("cuda: " + to_string(what) + ": a block of this device has no " +
                      std::to_string(shared_bytes) + " bytes of shared memory");
  if (++launches_ == asked_.refuse_launch)
    throw DeviceError("cuda: " + to_string(what) + ": too many resources requested for launch");
  if (launches_ == asked_.fail_launch) {
    broken_ = "cuda: " + to_string(what) + ": an illegal memory access was encountered";
    throw DeviceError(broken_);
  }
  ++by_kernel_[kernel.name];
  const auto* bytes = static_cast<const std::byte*>(argument);
  // Kept at an address that holds any kernel's argument.
  std::shared_ptr<void> copy(std::aligned_alloc(64, (kernel.argument_bytes + 63) / 64 * 64), &std::free);
  std::memcpy(copy.get(), bytes, kernel.argument_bytes);
  queue([&kernel, grid, shared_bytes, copy, order = asked_.order] {
    run_grid(kernel, grid, shared_bytes, copy.get(), order);
  });
}

void EmulatedRuntime::launch(const std::function<std::string(void*)>& work, const cuda::What& what) {
  check(what);
  const std::string wrong = work(this);
  if (!wrong.empty()) throw DeviceError("cuda: " + to_string(what) + ": " + wrong);
}

Result<std::unique_ptr<cuda::AttentionLibrary>> EmulatedRuntime::attention_library() {
  if (!asked_.has_libraries) return Failure{"libmone-cudnn.so cannot be opened"};
  return libraries_.attention();
}

Result<std::unique_ptr<cuda::ProductLibrary>> EmulatedRuntime::product_library() {
  if (!asked_.has_libraries) return Failure{"libmone-cublaslt.so cannot be opened"};
  return libraries_.product();
}

/// As CUDA does of what would wait for the queue.
void EmulatedRuntime::refuse_while_recording(const cuda::What& what) const {
  if (recorded_)
    throw DeviceError("cuda: " + to_string(what) + ": operation not permitted when stream is capturing");
}

void EmulatedRuntime::wait(const cuda::What& what) {
  check(what);
  refuse_while_recording(what);
  for (std::size_t i = 0; i < queue_.size(); ++i) queue_[i]();
  queue_.clear();
  const std::lock_guard lock(mutex_);
  check_guards(what);
  freed_.clear();
}

void EmulatedRuntime::check_guards(const cuda::What& what) const {
  const auto look = [&](const GuardedMemory& memory) {
    if (!memory.intact())
      throw std::logic_error("something queued before \"" + to_string(what) +
                             "\" wrote outside a buffer of " + std::to_string(memory.bytes()) + " bytes");
  };
  for (const GuardedMemory& memory : freed_) look(memory);
  for (const auto& [at, memory] : memory_) look(memory);
  for (const auto& [at, memory] : pinned_) look(memory);
}

void EmulatedRuntime::begin_record() {
  recorded_ = std::make_unique<Graph>();
  recorder_ = std::this_thread::get_id();
}
cuda::GraphView EmulatedRuntime::end_record() {
  if (asked_.refuse_records) {
    recorded_.reset();
    throw DeviceError("cuda: recording a step: out of memory");
  }
  ++graphs_;
  return {recorded_.release()};
}
void EmulatedRuntime::abandon_record() noexcept {
  if (std::this_thread::get_id() == recorder_) recorded_.reset();  // of another thread CUDA ends none
}
int EmulatedRuntime::launches_of(const std::string& kernel) const {
  int count = 0;
  for (const auto& [name, times] : by_kernel_) count += name.starts_with(kernel) ? times : 0;
  return count;
}

void EmulatedRuntime::launch(cuda::GraphView graph, const cuda::What& what) {
  check(what);
  ++graph_launches_;
  const auto* work = static_cast<const Graph*>(graph.handle);
  queue_.insert(queue_.end(), work->begin(), work->end());
}
void EmulatedRuntime::free_graph(cuda::GraphView graph) noexcept {
  --graphs_;
  delete static_cast<Graph*>(graph.handle);
}

}  // namespace mone::emulation
