/// Owners of GStreamer's reference-counted things. Taking over a reference and adding one are two words:
/// `adopt` takes the caller's reference, `share` adds its own.
#pragma once

#include <gst/gst.h>

#include <memory>
#include <utility>

namespace mone {

template <class T>
struct GstRef {  // GObjects: GstElement, GstPad, GstBus, GstBin ...
  static void ref(T* p) { gst_object_ref(p); }
  static void unref(T* p) { gst_object_unref(p); }
};
template <class T>
struct GstMiniRef {
  static void ref(T* p) { gst_mini_object_ref(GST_MINI_OBJECT_CAST(p)); }
  static void unref(T* p) { gst_mini_object_unref(GST_MINI_OBJECT_CAST(p)); }
};
template <>
struct GstRef<GstCaps> : GstMiniRef<GstCaps> {};
template <>
struct GstRef<GstBuffer> : GstMiniRef<GstBuffer> {};
template <>
struct GstRef<GstBufferList> : GstMiniRef<GstBufferList> {};
template <>
struct GstRef<GstEvent> : GstMiniRef<GstEvent> {};
template <>
struct GstRef<GstQuery> : GstMiniRef<GstQuery> {};
template <>
struct GstRef<GstMessage> : GstMiniRef<GstMessage> {};
template <>
struct GstRef<GstSample> : GstMiniRef<GstSample> {};

/// Owns one reference to a T.
template <class T>
class Owned {
 public:
  Owned() = default;
  static Owned adopt(T* p) { return Owned(p); }
  static Owned share(T* p) {
    if (p) GstRef<T>::ref(p);
    return Owned(p);
  }
  Owned(const Owned& other) : Owned(share(other.p_)) {}
  Owned(Owned&& other) noexcept : p_(std::exchange(other.p_, nullptr)) {}
  Owned& operator=(Owned other) noexcept {
    std::swap(p_, other.p_);
    return *this;
  }
  ~Owned() {
    if (p_) GstRef<T>::unref(p_);
  }

  T* get() const { return p_; }
  T* operator->() const { return p_; }
  explicit operator bool() const { return p_ != nullptr; }
  /// Gives the reference away, to a function that takes it (`transfer full`).
  [[nodiscard]] T* release() { return std::exchange(p_, nullptr); }

 private:
  explicit Owned(T* p) : p_(p) {}
  T* p_ = nullptr;
};

struct StructureFree {
  void operator()(GstStructure* s) const { gst_structure_free(s); }
};
using OwnedStructure = std::unique_ptr<GstStructure, StructureFree>;

struct GFree {
  void operator()(void* p) const { g_free(p); }
};
/// A string that GLib allocated.
using OwnedChars = std::unique_ptr<char, GFree>;

/// A buffer's bytes, mapped while this lives. `!map` when mapping failed.
class BufferMap {
 public:
  BufferMap(GstBuffer* buffer, GstMapFlags flags) : buffer_(buffer) {
    mapped_ = gst_buffer_map(buffer, &info_, flags);
  }
  BufferMap(const BufferMap&) = delete;
  BufferMap& operator=(const BufferMap&) = delete;
  ~BufferMap() {
    if (mapped_) gst_buffer_unmap(buffer_, &info_);
  }
  explicit operator bool() const { return mapped_; }
  guint8* data() const { return info_.data; }
  gsize size() const { return info_.size; }

 private:
  GstBuffer* buffer_;
  GstMapInfo info_;
  bool mapped_ = false;
};

}  // namespace mone
