/// Tubelets that were cut in the memory of a GPU, as GStreamer memory. Everybody can read them: mapped, they
/// are copied to the host. monevivit takes them as they lie where its engine is on that GPU.
#pragma once

#include <gst/gst.h>

#include <memory>

#include "elements/glue/gst_ptr.h"
#include "engine/cutter.h"

namespace mone {

/// Makes GstMemory of the size of a tubelet that has no tubelet yet.
Owned<GstAllocator> tubelet_allocator();

/// Puts `tubelet` into a buffer of that allocator and takes out what was in it: null, or one to write to.
void swap_tubelet(GstBuffer* buffer, std::shared_ptr<TubeletMemory>& tubelet);

/// The tubelet of a buffer on a GPU; null for any other buffer.
const TubeletMemory* tubelet_of(GstBuffer* buffer);

}  // namespace mone
