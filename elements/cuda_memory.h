/// Video in the memory of an NVIDIA GPU as GStreamer's own CUDA elements (nvh264dec, cudaupload) hand it on:
/// `video/x-raw(memory:CUDAMemory)`. Where gst-cuda's headers were not there to build with, pads do not
/// offer it and no frame is in such memory.
///
/// CUDA memory belongs to a context, and only that context's kernels read it. The engine works in the
/// device's primary one; CudaContext shows that to the elements around, which then allocate in it.
#pragma once

#include <gst/video/video.h>

#include "elements/glue/gst_ptr.h"
#include "elements/video_frame.h"

namespace mone {

#define MONE_CUDA_FEATURE "memory:CUDAMemory"
#ifdef HAVE_GST_CUDA
/// To be put behind the caps of system memory in a pad template.
#define MONE_CUDA_VIDEO_CAPS             \
  ";" GST_VIDEO_CAPS_MAKE_WITH_FEATURES( \
      MONE_CUDA_FEATURE, MONE_VIDEO_FORMATS) ", interlace-mode=(string){progressive,interleaved,mixed}"
#else
#define MONE_CUDA_VIDEO_CAPS ""
#endif

/// The context of the engine's GPU, offered to whoever decodes or uploads beside it.
class CudaContext {
 public:
  /// Makes it that of GPU `gpu` (-1: none) and tells `element`'s bins. Failure is logged: frames then pass
  /// through the host.
  void open(GstElement* element, int gpu);
  void close() { context_ = {}; }
  /// Whether the query asked for a CUDA context and has it now.
  bool answer(GstElement* element, GstQuery* query) const;

 private:
  Owned<GstObject> context_;  // a GstCudaContext
};

/// Tells in whose memory frames are. Of one thread.
class CudaFrames {
 public:
  /// Number of the GPU whose cutter can read the frame where it lies; -1: it has to come to the host.
  int gpu_of(GstBuffer* frame);

 private:
  Owned<GstObject> context_;  // of the frame before, a GstCudaContext
  int gpu_ = -1;              // what came of it
};

/// For gst_video_frame_map(): addresses on the device, instead of a copy on the host. More than C++ lets a
/// GstMapFlags hold.
extern const guint kMapCuda;
/// Waits until what has been queued on the mapped frame's memory is done.
void finish_upload(GstBuffer* frame);

}  // namespace mone
