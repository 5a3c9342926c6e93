/// A device that is not there: kernels run on the host, as late as the caller allows, memory begins as NaN
/// and is guarded on both sides, and calls fail when a test says so.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/backend/cuda/runtime.h"
#include "tests/emulation/block.h"
#include "tests/emulation/guarded_memory.h"
#include "tests/emulation/host_libraries.h"

namespace mone::emulation {

struct EmulatedDevice {
  int multiprocessors = 4;  ///< so few that small models use large tiles, too
  int major = 8, minor = 0;
  Order order = Order::kForward;
  std::size_t memory_bytes = std::size_t{1} << 30;  ///< more than that is out of memory
  int fail_launch = 0;          ///< the n-th launch fails, and all calls after it; 0: none
  int refuse_launch = 0;        ///< the n-th launch fails, and that is all; 0: none
  bool refuse_records = false;  ///< what is recorded cannot be made a graph
  bool has_libraries = true;
};

class EmulatedRuntime : public cuda::Runtime {
 public:
  explicit EmulatedRuntime(const EmulatedDevice& device = {});
  ~EmulatedRuntime() override;

  const cuda::DeviceInfo& device() const override { return info_; }
  void* allocate(std::size_t bytes, const cuda::What& what) override;
  void free(void* memory) noexcept override;
  void* allocate_pinned(std::size_t bytes, const cuda::What& what) override;
  void free_pinned(void* memory) noexcept override;
  void upload(void* to, const void* from, std::size_t bytes, const cuda::What& what) override;
  void zero(void* memory, std::size_t bytes, const cuda::What& what) override;
  void download(void* to, const void* from, std::size_t bytes, const cuda::What& what) override;
  void read(void* to, const void* from, std::size_t bytes, const cuda::What& what) const override;
  void copy_in(void* to, const void* from, std::size_t bytes, const cuda::What& what) override;
  void copy_out(void* to, const void* from, std::size_t bytes, const cuda::What& what) override;
  void launch(const cuda::Kernel& kernel, cuda::Grid grid, std::size_t shared_bytes, const void* argument,
              const cuda::What& what) override;
  void launch(const std::function<std::string(void*)>& work, const cuda::What& what) override;
  Result<std::unique_ptr<cuda::AttentionLibrary>> attention_library() override;
  Result<std::unique_ptr<cuda::ProductLibrary>> product_library() override;
  void wait(const cuda::What& what) override;
  void begin_record() override;
  cuda::GraphView end_record() override;
  void abandon_record() noexcept override;
  void launch(cuda::GraphView graph, const cuda::What& what) override;
  void free_graph(cuda::GraphView graph) noexcept override;

  // For tests.
  std::size_t bytes_in_use() const;
  int graphs() const { return graphs_; }
  int graph_launches() const { return graph_launches_; }
  int launches() const { return launches_; }
  /// Of kernels whose name begins so.
  int launches_of(const std::string& kernel) const;
  HostLibraries& libraries() { return libraries_; }
  bool recording() const { return recorded_ != nullptr; }

  using Work = std::function<void()>;
  void queue(Work work);

 private:
  using Graph = std::vector<Work>;
  void check(const cuda::What& what) const;
  void refuse_while_recording(const cuda::What& what) const;

  EmulatedDevice asked_;
  cuda::DeviceInfo info_;
  void check_guards(const cuda::What& what) const;

  mutable std::mutex mutex_;          // of what follows up to in_use_: any thread may free
  std::vector<GuardedMemory> freed_;  // what is queued may still use it: returned once that is done
  std::map<void*, GuardedMemory> memory_, pinned_;  // in use
  std::size_t in_use_ = 0;
  Graph queue_;
  std::unique_ptr<Graph> recorded_;  // null: not recording
  std::thread::id recorder_;
  std::string broken_;
  std::map<std::string, int> by_kernel_;
  int launches_ = 0, graphs_ = 0, graph_launches_ = 0;
  HostLibraries libraries_{this};
};

}  // namespace mone::emulation
