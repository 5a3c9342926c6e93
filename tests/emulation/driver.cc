// A driver of a GPU that is not there: as much of libcuda.so.1 as GStreamer's CUDA elements call to hold and
// copy frames. Memory is the host's, which the kernels of emulated_runtime.h read as theirs. What is put on
// a stream is done when somebody waits for it, so that who forgets to reads what was there before.
#include "tests/emulation/driver.h"

#include <cstdlib>
#include <cstring>
#include <deque>
#include <mutex>
#include <set>
#include <vector>

namespace {

enum Result { kSuccess = 0, kNoMemory = 2, kNotSupported = 801 };
enum MemoryType { kHost = 1, kDevice = 2 };
using Address = unsigned long long;

/// CUDA_MEMCPY2D_v2.
struct Copy2D {
  std::size_t from_x, from_y;
  MemoryType from_type;
  const void* from_host;
  Address from_device;
  void* from_array;
  std::size_t from_pitch;
  std::size_t to_x, to_y;
  MemoryType to_type;
  void* to_host;
  Address to_device;
  void* to_array;
  std::size_t to_pitch;
  std::size_t width, height;

  const char* from() const {
    return from_type == kHost ? static_cast<const char*>(from_host) : reinterpret_cast<char*>(from_device);
  }
  char* to() const {
    return to_type == kHost ? static_cast<char*>(to_host) : reinterpret_cast<char*>(to_device);
  }
  void run() const {
    for (std::size_t y = 0; y < height; ++y)
      std::memcpy(to() + (to_y + y) * to_pitch + to_x, from() + (from_y + y) * from_pitch + from_x, width);
  }
};

using Stream = std::deque<Copy2D>;

std::mutex mutex;  // of what follows
std::set<Stream*> streams;
int to_host = 0, to_device = 0;

void count(const Copy2D& copy) {
  to_host += copy.from_type == kDevice && copy.to_type == kHost;
  to_device += copy.from_type == kHost && copy.to_type == kDevice;
}

void finish(Stream& stream) {
  for (; !stream.empty(); stream.pop_front()) stream.front().run();
}

void finish_all() {
  for (Stream* stream : streams) finish(*stream);
}

thread_local std::vector<void*> contexts;

void* new_memory(std::size_t bytes) {
  void* memory = std::malloc(bytes);
  if (memory) std::memset(memory, 0xff, bytes);
  return memory;
}

}  // namespace

#define DRIVER extern "C" __attribute__((visibility("default"))) int

DRIVER mone_driver_copies_to_host() {
  const std::scoped_lock lock(mutex);
  return to_host;
}
DRIVER mone_driver_copies_to_device() {
  const std::scoped_lock lock(mutex);
  return to_device;
}

DRIVER cuInit(unsigned) { return kSuccess; }
DRIVER cuDriverGetVersion(int* version) {
  *version = 13000;
  return kSuccess;
}
DRIVER cuGetErrorName(int, const char** text) {
  *text = "CUDA_ERROR_NOT_SUPPORTED";
  return kSuccess;
}
DRIVER cuGetErrorString(int, const char** text) {
  *text = "not done by this driver";
  return kSuccess;
}

DRIVER cuDeviceGetCount(int* count) {
  *count = 1;
  return kSuccess;
}
DRIVER cuDeviceGet(int* device, int ordinal) {
  *device = ordinal;
  return kSuccess;
}
DRIVER cuDeviceGetName(char* name, int length, int) {
  std::strncpy(name, "a GPU that is not there", static_cast<std::size_t>(length) - 1);
  name[length - 1] = 0;
  return kSuccess;
}
DRIVER cuDeviceGetAttribute(int* value, int, int) {
  *value = 512;  // alignments are all that is asked for
  return kSuccess;
}
DRIVER cuDeviceCanAccessPeer(int* can, int, int) {
  *can = 0;
  return kSuccess;
}

DRIVER cuCtxCreate_v2(void** context, unsigned, int) {
  *context = new int;
  contexts.push_back(*context);
  return kSuccess;
}
DRIVER cuCtxDestroy_v2(void* context) {
  delete static_cast<int*>(context);
  return kSuccess;
}
DRIVER cuCtxPushCurrent_v2(void* context) {
  contexts.push_back(context);
  return kSuccess;
}
DRIVER cuCtxPopCurrent_v2(void** context) {
  if (context) *context = contexts.back();
  contexts.pop_back();
  return kSuccess;
}
DRIVER cuCtxSynchronize() {
  const std::scoped_lock lock(mutex);
  finish_all();
  return kSuccess;
}

DRIVER cuMemAlloc_v2(Address* memory, std::size_t bytes) {
  *memory = reinterpret_cast<Address>(new_memory(bytes));
  return *memory ? kSuccess : kNoMemory;
}
DRIVER cuMemAllocPitch_v2(Address* memory, std::size_t* pitch, std::size_t width, std::size_t height,
                          unsigned) {
  *pitch = (width + 511) / 512 * 512;
  return cuMemAlloc_v2(memory, *pitch * height);
}
DRIVER cuMemFree_v2(Address memory) {
  const std::scoped_lock lock(mutex);
  finish_all();
  std::free(reinterpret_cast<void*>(memory));
  return kSuccess;
}
DRIVER cuMemAllocHost_v2(void** memory, std::size_t bytes) {
  *memory = new_memory(bytes);
  return *memory ? kSuccess : kNoMemory;
}
DRIVER cuMemFreeHost(void* memory) {
  std::free(memory);
  return kSuccess;
}
DRIVER cuMemcpy2D_v2(const Copy2D* copy) {
  const std::scoped_lock lock(mutex);
  finish_all();
  count(*copy);
  copy->run();
  return kSuccess;
}
DRIVER cuMemcpy2DAsync_v2(const Copy2D* copy, Stream* stream) {
  if (!stream) return cuMemcpy2D_v2(copy);
  const std::scoped_lock lock(mutex);
  count(*copy);
  stream->push_back(*copy);
  return kSuccess;
}

DRIVER cuStreamCreate(Stream** stream, unsigned) {
  const std::scoped_lock lock(mutex);
  *stream = *streams.insert(new Stream).first;
  return kSuccess;
}
DRIVER cuStreamSynchronize(Stream* stream) {
  const std::scoped_lock lock(mutex);
  stream ? finish(*stream) : finish_all();
  return kSuccess;
}
DRIVER cuStreamDestroy_v2(Stream* stream) {
  cuStreamSynchronize(stream);
  const std::scoped_lock lock(mutex);
  streams.erase(stream);
  delete stream;
  return kSuccess;
}
DRIVER cuStreamDestroy(Stream* stream) { return cuStreamDestroy_v2(stream); }

// GStreamer looks these up when it starts and calls them for other things.
#define NOT_HERE(name) \
  DRIVER name() { return kNotSupported; }
NOT_HERE(cuCtxEnablePeerAccess)
NOT_HERE(cuCtxDisablePeerAccess)
NOT_HERE(cuCtxGetLimit)
NOT_HERE(cuCtxSetLimit)
NOT_HERE(cuGraphicsMapResources)
NOT_HERE(cuGraphicsUnmapResources)
NOT_HERE(cuGraphicsUnregisterResource)
NOT_HERE(cuGraphicsResourceSetMapFlags_v2)
NOT_HERE(cuGraphicsSubResourceGetMappedArray)
NOT_HERE(cuGraphicsResourceGetMappedPointer_v2)
NOT_HERE(cuGraphicsGLRegisterImage)
NOT_HERE(cuGraphicsGLRegisterBuffer)
NOT_HERE(cuGLGetDevices_v2)
NOT_HERE(cuMemcpyDtoD_v2)
NOT_HERE(cuMemcpyDtoDAsync_v2)
NOT_HERE(cuMemcpyDtoH_v2)
NOT_HERE(cuMemcpyDtoHAsync_v2)
NOT_HERE(cuMemcpyHtoD_v2)
NOT_HERE(cuMemcpyHtoDAsync_v2)
NOT_HERE(cuMemsetD2D8_v2)
NOT_HERE(cuMemsetD2D8Async)
NOT_HERE(cuMemsetD2D16_v2)
NOT_HERE(cuMemsetD2D16Async)
NOT_HERE(cuMemsetD2D32_v2)
NOT_HERE(cuMemsetD2D32Async)
NOT_HERE(cuModuleLoadData)
NOT_HERE(cuModuleUnload)
NOT_HERE(cuModuleGetFunction)
NOT_HERE(cuTexObjectCreate)
NOT_HERE(cuTexObjectDestroy)
NOT_HERE(cuLaunchKernel)
NOT_HERE(cuEventCreate)
NOT_HERE(cuEventDestroy_v2)
NOT_HERE(cuEventRecord)
NOT_HERE(cuEventSynchronize)
NOT_HERE(cuIpcGetEventHandle)
NOT_HERE(cuIpcOpenEventHandle)
NOT_HERE(cuIpcGetMemHandle)
NOT_HERE(cuIpcOpenMemHandle)
NOT_HERE(cuIpcCloseMemHandle)
