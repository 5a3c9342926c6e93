#include "elements/cuda_memory.h"

#include <gst/gst.h>

#include "engine/gpu_cutter.h"

#ifdef HAVE_GST_CUDA
#define GST_USE_UNSTABLE_API
#include <gst/cuda/gstcudacontext.h>
#include <gst/cuda/gstcudaloader.h>
#include <gst/cuda/gstcudamemory.h>
#include <gst/cuda/gstcudautils.h>
#endif

namespace mone {

#ifdef HAVE_GST_CUDA

GST_DEBUG_CATEGORY_STATIC(mone_cuda_debug);
#define GST_CAT_DEFAULT mone_cuda_debug

namespace {

void init_category() {
  static const bool done = [] {
    GST_DEBUG_CATEGORY_INIT(mone_cuda_debug, "monecuda", 0, "video in the memory of a GPU");
    return true;
  }();
  static_cast<void>(done);
}

GstCudaContext* cuda(const Owned<GstObject>& context) { return GST_CUDA_CONTEXT(context.get()); }

/// The memory of a frame, if it is CUDA's: one piece, as gst-cuda allocates it.
GstCudaMemory* cuda_memory(GstBuffer* frame) {
  if (gst_buffer_n_memory(frame) != 1) return nullptr;
  GstMemory* memory = gst_buffer_peek_memory(frame, 0);
  return gst_is_cuda_memory(memory) ? GST_CUDA_MEMORY_CAST(memory) : nullptr;
}

}  // namespace

const guint kMapCuda = GST_MAP_CUDA;

void CudaContext::open(GstElement* element, int gpu) {
  init_category();
  context_ = {};
  if (gpu < 0) return;
  const auto handle = gpu_context(gpu);
  if (!handle || !gst_cuda_load_library()) {
    GST_WARNING_OBJECT(element, "no CUDA context to share: %s",
                       handle ? "GStreamer finds no driver" : handle.error().text.c_str());
    return;
  }
  gst_cuda_memory_init_once();
  context_ = Owned<GstObject>::adopt(
      GST_OBJECT(gst_cuda_context_new_wrapped(static_cast<CUcontext>(handle.value()), gpu)));
  if (!context_) {
    GST_WARNING_OBJECT(element, "GStreamer cannot use the context of GPU %d", gpu);
    return;
  }
  gst_element_post_message(element, gst_message_new_have_context(
                                        GST_OBJECT(element), gst_context_new_cuda_context(cuda(context_))));
}

bool CudaContext::answer(GstElement* element, GstQuery* query) const {
  return context_ && gst_cuda_handle_context_query(element, query, cuda(context_));
}

int CudaFrames::gpu_of(GstBuffer* frame) {
  init_category();
  GstCudaMemory* memory = cuda_memory(frame);
  if (!memory) return -1;
  if (context_.get() == GST_OBJECT(memory->context)) return gpu_;
  context_ = Owned<GstObject>::share(GST_OBJECT(memory->context));
  guint device = 0;
  g_object_get(memory->context, "cuda-device-id", &device, nullptr);
  const auto ours = gpu_context(static_cast<int>(device));
  gpu_ = -1;
  if (!ours)
    GST_WARNING("frames on GPU %u go through the host: %s", device, ours.error().text.c_str());
  else if (ours.value() != gst_cuda_context_get_handle(memory->context))
    GST_WARNING(
        "frames on GPU %u go through the host: they are in a CUDA context of their own. monevivit shares the "
        "engine's with elements of its pipeline that start after it; share it yourself where they start "
        "earlier",
        device);
  else
    gpu_ = static_cast<int>(device);
  return gpu_;
}

void finish_upload(GstBuffer* frame) {
#if GST_CHECK_VERSION(1, 24, 0)  // before, what is queued is done when the buffer comes
  if (GstCudaMemory* memory = cuda_memory(frame)) gst_cuda_memory_sync(memory);
#else
  static_cast<void>(frame);
#endif
}

#else

const guint kMapCuda = 0;
void CudaContext::open(GstElement*, int) {}
bool CudaContext::answer(GstElement*, GstQuery*) const { return false; }
int CudaFrames::gpu_of(GstBuffer*) { return -1; }
void finish_upload(GstBuffer*) {}

#endif

}  // namespace mone
