#include "engine/backend/cuda/cuda_runtime.h"

#include <cuda_runtime_api.h>
#include <dlfcn.h>

#include <algorithm>
#include <mutex>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/backend/cuda/kernels/rows.h"

namespace mone::cuda {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;
// Of the memory that is free when the engine is made; the rest is for decoders and displays.
constexpr double kMemoryShare = 0.9;

std::string text_of(cudaError_t error) { return cudaGetErrorString(error); }

std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

/// Errors after which the context answers nothing but the same error.
bool is_sticky(cudaError_t error) {
  switch (error) {
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchFailure:
    case cudaErrorLaunchTimeout:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorHardwareStackError:
    case cudaErrorAssert:
    case cudaErrorECCUncorrectable:
    case cudaErrorNvlinkUncorrectable:
    case cudaErrorDevicesUnavailable:
    case cudaErrorContained:
      return true;
    default:
      return false;
  }
}

class CudaRuntime : public Runtime {
 public:
  explicit CudaRuntime(int index);
  ~CudaRuntime() override;

  const DeviceInfo& device() const override { return info_; }
  void* allocate(std::size_t bytes, const What& what) override;
  void free(void* memory) noexcept override;
  void* allocate_pinned(std::size_t bytes, const What& what) override;
  void free_pinned(void* memory) noexcept override;
  void upload(void* to, const void* from, std::size_t bytes, const What& what) override;
  void zero(void* memory, std::size_t bytes, const What& what) override;
  void download(void* to, const void* from, std::size_t bytes, const What& what) override;
  void read(void* to, const void* from, std::size_t bytes, const What& what) const override;
  void copy_in(void* to, const void* from, std::size_t bytes, const What& what) override;
  void copy_out(void* to, const void* from, std::size_t bytes, const What& what) override;
  void launch(const Kernel& kernel, Grid grid, std::size_t shared_bytes, const void* argument,
              const What& what) override;
  void launch(const std::function<std::string(void*)>& work, const What& what) override;
  Result<std::unique_ptr<AttentionLibrary>> attention_library() override;
  Result<std::unique_ptr<ProductLibrary>> product_library() override;
  void wait(const What& what) override;
  void begin_record() override;
  GraphView end_record() override;
  void abandon_record() noexcept override;
  void launch(GraphView graph, const What& what) override;
  void free_graph(GraphView graph) noexcept override;

 private:
  /// This thread's device, for calls that go to the current one. Engines are used from many threads.
  void enter(const What& what);
  void check(cudaError_t error, const What& what);
  void make_pool();

  DeviceInfo info_;
  cudaStream_t work_ = nullptr;  // the queue
  cudaStream_t side_ = nullptr;  // memory and uploads, while the queue may be recorded
  cudaMemPool_t pool_ = nullptr;
  std::size_t limit_ = 0;

  std::mutex mutex_;  // of what follows: any thread may free memory
  std::unordered_map<void*, std::size_t> sizes_;
  std::size_t in_use_ = 0;
  bool recording_ = false;
  std::vector<void*> retired_;  // freed while the queue was recorded, when nothing may be put into it

  std::string broken_;
  std::unordered_set<const void*> large_shared_;  // kernels that may have more than 48 KiB
};

CudaRuntime::CudaRuntime(int index) {
  auto found = find_device(index);
  if (!found) throw DeviceError("cuda: " + found.error().text);
  info_ = found.value();
  const What what{"starting the device"};
  enter(what);
  cudaFuncAttributes attributes;  // asks for any kernel: a build may have none for this device
  check(cudaFuncGetAttributes(&attributes, kernel_of<FillCls>().symbol), {"the kernels of this build"});
  check(cudaStreamCreateWithFlags(&work_, cudaStreamNonBlocking), what);
  check(cudaStreamCreateWithFlags(&side_, cudaStreamNonBlocking), what);
  make_pool();
}

CudaRuntime::~CudaRuntime() {
  cudaSetDevice(info_.index);
  abandon_record();
  if (work_) cudaStreamSynchronize(work_), cudaStreamDestroy(work_);
  if (side_) cudaStreamSynchronize(side_), cudaStreamDestroy(side_);
  if (pool_) cudaMemPoolDestroy(pool_);
  cudaGetLastError();
}

void CudaRuntime::make_pool() {
  const What what{"memory pool"};
  std::size_t free_bytes = 0, total = 0;
  check(cudaMemGetInfo(&free_bytes, &total), what);
  limit_ = static_cast<std::size_t>(static_cast<double>(free_bytes) * kMemoryShare);
  cudaMemPoolProps properties{};
  properties.allocType = cudaMemAllocationTypePinned;
  properties.location.type = cudaMemLocationTypeDevice;
  properties.location.id = info_.index;
  check(cudaMemPoolCreate(&pool_, &properties), what);
  // Freed memory stays with the pool: a larger batch that comes and goes costs one allocation.
  std::uint64_t keep = limit_;
  check(cudaMemPoolSetAttribute(pool_, cudaMemPoolAttrReleaseThreshold, &keep), what);
}

void CudaRuntime::enter(const What& what) {
  if (!broken_.empty()) throw DeviceError(broken_);
  check(cudaSetDevice(info_.index), what);
}

void CudaRuntime::check(cudaError_t error, const What& what) {
  if (error == cudaSuccess) return;
  cudaGetLastError();  // an error that is told once is not to be found again by somebody else
  const std::string text = "cuda: " + to_string(what) + ": " + text_of(error) + " (" + info_.name + ")";
  if (!is_sticky(error)) throw DeviceError(text);
  broken_ = text + "; the device needs a new process";
  throw DeviceError(broken_);
}

void* CudaRuntime::allocate(std::size_t bytes, const What& what) {
  enter(what);
  {
    const std::lock_guard lock(mutex_);
    if (in_use_ + bytes > limit_)
      throw DeviceError("cuda: " + to_string(what) + ": out of memory: " + std::to_string(bytes / kMiB) +
                        " MiB asked, " + std::to_string(in_use_ / kMiB) + " of " +
                        std::to_string(limit_ / kMiB) +
                        " MiB in use; a smaller batch or another device may do (" + info_.name + ")");
  }
  void* memory = nullptr;
  check(cudaMallocFromPoolAsync(&memory, bytes, pool_, side_), what);
  check(cudaStreamSynchronize(side_), what);
  const std::lock_guard lock(mutex_);
  sizes_[memory] = bytes;
  in_use_ += bytes;
  return memory;
}

void CudaRuntime::free(void* memory) noexcept {
  const std::lock_guard lock(mutex_);
  if (const auto found = sizes_.find(memory); found != sizes_.end()) {
    in_use_ -= found->second;
    sizes_.erase(found);
  }
  if (recording_) {
    retired_.push_back(memory);
  } else {
    cudaFreeAsync(memory, work_);  // after all work queued so far
  }
}

void* CudaRuntime::allocate_pinned(std::size_t bytes, const What& what) {
  enter(what);
  void* memory = nullptr;
  check(cudaHostAlloc(&memory, bytes, cudaHostAllocDefault), what);
  return memory;
}

void CudaRuntime::free_pinned(void* memory) noexcept { cudaFreeHost(memory); }

void CudaRuntime::upload(void* to, const void* from, std::size_t bytes, const What& what) {
  enter(what);
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, side_), what);
  check(cudaStreamSynchronize(side_), what);
}

void CudaRuntime::zero(void* memory, std::size_t bytes, const What& what) {
  enter(what);
  check(cudaMemsetAsync(memory, 0, bytes, side_), what);
  check(cudaStreamSynchronize(side_), what);
}

void CudaRuntime::download(void* to, const void* from, std::size_t bytes, const What& what) {
  enter(what);
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, work_), what);
  check(cudaStreamSynchronize(work_), what);
}

/// An error that stays is remembered by the thread that works here, which meets it, too.
void CudaRuntime::read(void* to, const void* from, std::size_t bytes, const What& what) const {
  cudaError_t error = cudaSetDevice(info_.index);
  if (error == cudaSuccess) error = cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, side_);
  if (error == cudaSuccess) error = cudaStreamSynchronize(side_);
  if (error == cudaSuccess) return;
  cudaGetLastError();
  throw DeviceError("cuda: reading " + to_string(what) + ": " + text_of(error) + " (" + info_.name + ")");
}

void CudaRuntime::copy_in(void* to, const void* from, std::size_t bytes, const What& what) {
  enter(what);
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, work_), what);
}

void CudaRuntime::copy_out(void* to, const void* from, std::size_t bytes, const What& what) {
  enter(what);
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, work_), what);
}

void CudaRuntime::launch(const Kernel& kernel, Grid grid, std::size_t shared_bytes, const void* argument,
                         const What& what) {
  enter(what);
  if (shared_bytes > 48 * 1024 && large_shared_.insert(kernel.symbol).second)
    check(cudaFuncSetAttribute(kernel.symbol, cudaFuncAttributeMaxDynamicSharedMemorySize,
                               static_cast<int>(shared_bytes)),
          what);
  void* arguments[] = {const_cast<void*>(argument)};
  const dim3 blocks(static_cast<unsigned>(grid.x), static_cast<unsigned>(grid.y),
                    static_cast<unsigned>(grid.z));
  check(cudaLaunchKernel(kernel.symbol, blocks, dim3(static_cast<unsigned>(kernel.threads)), arguments,
                         shared_bytes, work_),
        what);
}

void CudaRuntime::launch(const std::function<std::string(void*)>& work, const What& what) {
  enter(what);
  const std::string wrong = work(work_);
  if (wrong.empty()) return;
  check(cudaPeekAtLastError(), what);  // the device's own word first, which may be sticky
  throw DeviceError("cuda: " + to_string(what) + ": " + wrong + " (" + info_.name + ")");
}

Result<std::unique_ptr<AttentionLibrary>> CudaRuntime::attention_library() {
  enter({"opening cuDNN"});
  const auto entry = open_library(own_folder(), "libmone-cudnn.so");
  return entry ? entry.value()->attention() : Failure{entry.error()};
}

Result<std::unique_ptr<ProductLibrary>> CudaRuntime::product_library() {
  enter({"opening cuBLASLt"});
  const auto entry = open_library(own_folder(), "libmone-cublaslt.so");
  return entry ? entry.value()->products() : Failure{entry.error()};
}

void CudaRuntime::wait(const What& what) {
  enter(what);
  check(cudaStreamSynchronize(work_), what);
}

void CudaRuntime::begin_record() {
  const What what{"recording a step"};
  enter(what);
  const std::lock_guard lock(mutex_);
  // Thread-local: what other threads do on other streams is neither recorded nor forbidden.
  check(cudaStreamBeginCapture(work_, cudaStreamCaptureModeThreadLocal), what);
  recording_ = true;
}

GraphView CudaRuntime::end_record() {
  const What what{"recording a step"};
  enter(what);
  cudaGraph_t graph = nullptr;
  {
    const std::lock_guard lock(mutex_);
    const cudaError_t error = cudaStreamEndCapture(work_, &graph);
    recording_ = false;
    for (void* memory : retired_) cudaFreeAsync(memory, work_);
    retired_.clear();
    check(error, what);
  }
  cudaGraphExec_t executable = nullptr;
  const cudaError_t error = cudaGraphInstantiate(&executable, graph, 0);
  cudaGraphDestroy(graph);
  check(error, what);
  return {executable};
}

void CudaRuntime::abandon_record() noexcept {
  const std::lock_guard lock(mutex_);
  if (!recording_) return;
  cudaGraph_t graph = nullptr;
  cudaStreamEndCapture(work_, &graph);
  if (graph) cudaGraphDestroy(graph);
  recording_ = false;
  for (void* memory : retired_) cudaFreeAsync(memory, work_);
  retired_.clear();
  cudaGetLastError();
}

void CudaRuntime::launch(GraphView graph, const What& what) {
  enter(what);
  check(cudaGraphLaunch(static_cast<cudaGraphExec_t>(graph.handle), work_), what);
}

void CudaRuntime::free_graph(GraphView graph) noexcept {
  cudaStreamSynchronize(work_);  // it may be under way
  cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(graph.handle));
}

}  // namespace

Result<DeviceInfo> find_device(int index) {
  // The runtime's own message for all of this is "no device"; which of them it is decides what to do next.
  void* driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
  if (!driver) return Failure{"there is no NVIDIA driver here (libcuda.so.1 cannot be opened)"};
  dlclose(driver);
  int has = 0, count = 0;
  if (const cudaError_t error = cudaDriverGetVersion(&has); error != cudaSuccess)
    return Failure{"the NVIDIA driver does not answer: " + text_of(error)};
  if (has / 1000 < CUDART_VERSION / 1000)
    return Failure{"the NVIDIA driver is for CUDA " + version_text(has) + ", too old for CUDA " +
                   version_text(CUDART_VERSION) + "; install a newer driver"};
  if (const cudaError_t error = cudaGetDeviceCount(&count); error != cudaSuccess) {
    cudaGetLastError();
    return Failure{"no CUDA device can be used: " + text_of(error)};
  }
  if (index >= count)
    return Failure{"there is no device " + std::to_string(index) + "; this machine has " +
                   std::to_string(count)};
  cudaDeviceProp properties;
  if (const cudaError_t error = cudaGetDeviceProperties(&properties, index); error != cudaSuccess)
    return Failure{"device " + std::to_string(index) + " does not answer: " + text_of(error)};
  DeviceInfo info;
  info.name = properties.name;
  info.index = index;
  info.major = properties.major;
  info.minor = properties.minor;
  info.multiprocessors = properties.multiProcessorCount;
  return info;
}

std::unique_ptr<Runtime> make_cuda_runtime(int device) { return std::make_unique<CudaRuntime>(device); }

/// By the driver's own call, which the runtime finds: this module does not link the driver.
void* primary_context(int device) {
  const auto check = [device](cudaError_t error) {
    if (error == cudaSuccess) return;
    cudaGetLastError();
    throw DeviceError("cuda: the context of device " + std::to_string(device) + ": " + text_of(error));
  };
  check(cudaSetDevice(device));
  check(cudaFree(nullptr));  // makes it, where nothing has been done on the device
  using GetCurrent = int (*)(void** context);
  void* symbol = nullptr;
  constexpr unsigned kSince = 4000;  // CUDA 4.0
  check(cudaGetDriverEntryPointByVersion("cuCtxGetCurrent", &symbol, kSince, cudaEnableDefault));
  void* context = nullptr;
  if (!symbol || reinterpret_cast<GetCurrent>(symbol)(&context) != 0 || !context)
    throw DeviceError("cuda: device " + std::to_string(device) + " has no context");
  return context;
}

}  // namespace mone::cuda
