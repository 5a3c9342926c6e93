#include "elements/tubelet_memory.h"

#include <exception>
#include <utility>

namespace mone {
namespace {

struct DeviceTubelet {
  GstMemory memory;
  std::shared_ptr<TubeletMemory> tubelet;
};

DeviceTubelet* device_tubelet(GstMemory* memory) { return reinterpret_cast<DeviceTubelet*>(memory); }

GstMemory* alloc(GstAllocator* allocator, gsize size, GstAllocationParams*) {
  auto* made = new DeviceTubelet{};
  // What shares a part of it would have to follow swap_tubelet().
  gst_memory_init(&made->memory, GST_MEMORY_FLAG_NO_SHARE, allocator, nullptr, size, 0, 0, size);
  return &made->memory;
}

void free_memory(GstAllocator*, GstMemory* memory) { delete device_tubelet(memory); }

/// To read only, since what is written to this copy would be lost; who writes gets a memory of the host's.
gpointer map(GstMemory* memory, GstMapInfo* info, gsize) {
  const auto& tubelet = device_tubelet(memory)->tubelet;
  if (!tubelet || (info->flags & GST_MAP_WRITE)) return nullptr;
  auto* copy = static_cast<guint8*>(g_malloc(memory->size));
  try {
    tubelet->read({copy, memory->size});
    return copy;
  } catch (const std::exception& error) {
    GST_ERROR("a tubelet of GPU %d cannot be read: %s", tubelet->gpu(), error.what());
    g_free(copy);
    return nullptr;
  }
}

void unmap(GstMemory*, GstMapInfo* info) { g_free(info->data); }

void init_class(gpointer klass, gpointer) {
  auto* allocator_class = GST_ALLOCATOR_CLASS(klass);
  allocator_class->alloc = alloc;
  allocator_class->free = free_memory;
}

void init(GTypeInstance* instance, gpointer) {
  GstAllocator* allocator = GST_ALLOCATOR(instance);
  allocator->mem_type = "MoneTubelet";
  allocator->mem_map_full = map;
  allocator->mem_unmap_full = unmap;
  GST_OBJECT_FLAG_SET(allocator, GST_ALLOCATOR_FLAG_CUSTOM_ALLOC);  // so that copies are the host's
}

/// Another copy of the plug-in in the process (a static one, say) may have registered it: the same memory.
GType allocator_type() {
  static const GType type = [] {
    constexpr const char* kName = "MoneTubeletAllocator";
    if (const GType known = g_type_from_name(kName)) return known;
    return g_type_register_static_simple(GST_TYPE_ALLOCATOR, kName, sizeof(GstAllocatorClass), init_class,
                                         sizeof(GstAllocator), init, static_cast<GTypeFlags>(0));
  }();
  return type;
}

DeviceTubelet* only_tubelet(GstBuffer* buffer) {
  if (gst_buffer_n_memory(buffer) != 1) return nullptr;
  GstMemory* memory = gst_buffer_peek_memory(buffer, 0);
  const bool ours = memory->allocator && G_TYPE_CHECK_INSTANCE_TYPE(memory->allocator, allocator_type());
  return ours ? device_tubelet(memory) : nullptr;
}

}  // namespace

Owned<GstAllocator> tubelet_allocator() {
  return Owned<GstAllocator>::adopt(
      GST_ALLOCATOR(gst_object_ref_sink(g_object_new(allocator_type(), nullptr))));
}

void swap_tubelet(GstBuffer* buffer, std::shared_ptr<TubeletMemory>& tubelet) {
  std::swap(only_tubelet(buffer)->tubelet, tubelet);
}

const TubeletMemory* tubelet_of(GstBuffer* buffer) {
  const DeviceTubelet* found = only_tubelet(buffer);
  return found ? found->tubelet.get() : nullptr;
}

}  // namespace mone
