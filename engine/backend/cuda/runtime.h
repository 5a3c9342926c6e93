/// What the backend asks of a device, as one small interface: `cuda_runtime.cc` is CUDA; tests give one that
/// runs kernels on the host, or one whose device fails.
///
/// Work is queued and done in order; the host goes on. Calls throw DeviceError with what was being done. An
/// error that leaves the device's context unusable is remembered: every later call throws the same sentence
/// at once, so that an engine ends with one error and no hang.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "engine/backend/cuda/kernel.h"
#include "engine/backend/cuda/library.h"
#include "engine/error.h"

namespace mone::cuda {

/// An operation and the sizes it works on, for errors: "expand [197, 768, 3072]". Zeros are not printed.
struct What {
  const char* operation = "";
  int a = 0, b = 0, c = 0;
};
std::string to_string(const What& what);

struct DeviceInfo {
  std::string name;
  int index = 0;
  int major = 0, minor = 0;  ///< compute capability
  int multiprocessors = 0;
};

/// A recorded sequence of work that is launched as one. A view; OwnedGraph owns it.
struct GraphView {
  void* handle = nullptr;
};

class Runtime {
 public:
  virtual ~Runtime() = default;
  virtual const DeviceInfo& device() const = 0;

  /// Memory of the device, aligned to 256 bytes. Any thread may free it; it is reused once the work queued by
  /// then is done.
  virtual void* allocate(std::size_t bytes, const What& what) = 0;
  virtual void free(void* memory) noexcept = 0;
  /// Host memory that the device reads and writes by itself.
  virtual void* allocate_pinned(std::size_t bytes, const What& what) = 0;
  virtual void free_pinned(void* memory) noexcept = 0;

  // Done when they return, beside the queue and while it is recorded, too.
  virtual void upload(void* to, const void* from, std::size_t bytes, const What& what) = 0;
  virtual void zero(void* memory, std::size_t bytes, const What& what) = 0;
  /// After all work queued so far.
  virtual void download(void* to, const void* from, std::size_t bytes, const What& what) = 0;
  /// Of what is finished, beside the queue. Any thread, whatever others are doing.
  virtual void read(void* to, const void* from, std::size_t bytes, const What& what) const = 0;

  // Queued. The host's side is pinned, and left alone until wait().
  virtual void copy_in(void* to, const void* from, std::size_t bytes, const What& what) = 0;
  virtual void copy_out(void* to, const void* from, std::size_t bytes, const What& what) = 0;
  virtual void launch(const Kernel& kernel, Grid grid, std::size_t shared_bytes, const void* argument,
                      const What& what) = 0;
  /// Queued by a library: `work` puts it on the stream it is given (a cudaStream_t), and returns what went
  /// wrong.
  virtual void launch(const std::function<std::string(void* stream)>& work, const What& what) = 0;
  /// The libraries for this device, or why there is none.
  virtual Result<std::unique_ptr<AttentionLibrary>> attention_library() = 0;
  virtual Result<std::unique_ptr<ProductLibrary>> product_library() = 0;
  /// Until all that was queued is done.
  virtual void wait(const What& what) = 0;

  /// What is queued from here on is recorded and not done. Other threads and devices are not disturbed.
  virtual void begin_record() = 0;
  virtual GraphView end_record() = 0;
  /// Drops what was recorded, after an error say.
  virtual void abandon_record() noexcept = 0;
  virtual void launch(GraphView graph, const What& what) = 0;
  virtual void free_graph(GraphView graph) noexcept = 0;
};

/// Owns device memory.
class DeviceMemory {
 public:
  DeviceMemory() = default;
  DeviceMemory(Runtime& runtime, std::size_t bytes, const What& what)
      : runtime_(&runtime), memory_(runtime.allocate(bytes ? bytes : 1, what)), bytes_(bytes) {}
  DeviceMemory(DeviceMemory&& other) noexcept { swap(other); }
  DeviceMemory& operator=(DeviceMemory&& other) noexcept {
    swap(other);
    return *this;
  }
  ~DeviceMemory() {
    if (memory_) runtime_->free(memory_);
  }
  template <class T = void>
  T* as() const {
    return static_cast<T*>(memory_);
  }
  std::size_t bytes() const { return bytes_; }

 private:
  void swap(DeviceMemory& other) noexcept {
    std::swap(runtime_, other.runtime_), std::swap(memory_, other.memory_), std::swap(bytes_, other.bytes_);
  }
  Runtime* runtime_ = nullptr;
  void* memory_ = nullptr;
  std::size_t bytes_ = 0;
};

/// Owns pinned host memory.
class PinnedMemory {
 public:
  PinnedMemory() = default;
  PinnedMemory(Runtime& runtime, std::size_t bytes, const What& what)
      : runtime_(&runtime), memory_(runtime.allocate_pinned(bytes ? bytes : 1, what)), bytes_(bytes) {}
  PinnedMemory(PinnedMemory&& other) noexcept { swap(other); }
  PinnedMemory& operator=(PinnedMemory&& other) noexcept {
    swap(other);
    return *this;
  }
  ~PinnedMemory() {
    if (memory_) runtime_->free_pinned(memory_);
  }
  std::byte* get() const { return static_cast<std::byte*>(memory_); }
  std::size_t bytes() const { return bytes_; }

 private:
  void swap(PinnedMemory& other) noexcept {
    std::swap(runtime_, other.runtime_), std::swap(memory_, other.memory_), std::swap(bytes_, other.bytes_);
  }
  Runtime* runtime_ = nullptr;
  void* memory_ = nullptr;
  std::size_t bytes_ = 0;
};

/// Owns a recorded sequence of work.
class OwnedGraph {
 public:
  OwnedGraph() = default;
  OwnedGraph(Runtime& runtime, GraphView graph) : runtime_(&runtime), graph_(graph) {}
  OwnedGraph(OwnedGraph&& other) noexcept { swap(other); }
  OwnedGraph& operator=(OwnedGraph&& other) noexcept {
    swap(other);
    return *this;
  }
  ~OwnedGraph() {
    if (graph_.handle) runtime_->free_graph(graph_);
  }
  operator GraphView() const { return graph_; }
  explicit operator bool() const { return graph_.handle != nullptr; }

 private:
  void swap(OwnedGraph& other) noexcept {
    std::swap(runtime_, other.runtime_), std::swap(graph_, other.graph_);
  }
  Runtime* runtime_ = nullptr;
  GraphView graph_;
};

}  // namespace mone::cuda
