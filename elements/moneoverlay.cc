/**
 * SECTION:element-moneoverlay
 * @title: moneoverlay
 * @short_description: Draws action labels over video
 *
 * Draws what `moneclassify` attached to the buffers: the labels with their scores, the budget (a bar as far
 * as it was spent, in the colours of the experts, a tick where it was asked, and in words a hop that overload
 * has widened and tubelets that are missing), boxes around regions, and the expert map: a square for each
 * token, the larger the more of the model that token got. The drawing is an overlay composition that a sink
 * may blend by itself; where downstream takes none it is blended here. It is painted again only when the
 * labels change. Boxes are in the pixels of the video that was classified: scaled video is drawn on rightly,
 * cropped or flipped video is not, so draw before videocrop and videoflip.
 *
 * ## Example
 *
 * |[
 * gst-launch-1.0 actiontestsrc ! moneclassify budget=0.5 ! moneoverlay ! videoconvert ! autovideosink
 * ]|
 */
#include <gst/video/video.h>

#include <mutex>
#include <string>
#include <vector>

#include "elements/action_meta.h"
#include "elements/elements.h"
#include "elements/glue/element.h"
#include "elements/glue/gst_ptr.h"
#include "elements/glue/property.h"
#include "elements/overlay_painter.h"

GST_DEBUG_CATEGORY_STATIC(mone_overlay_debug);
#define GST_CAT_DEFAULT mone_overlay_debug

namespace mone {

template <>
struct GstRef<GstVideoOverlayComposition> : GstMiniRef<GstVideoOverlayComposition> {};

namespace {

constexpr Property<OverlayStyle> kProperties[] = {
    {"labels", &OverlayStyle::labels, "Draw labels and the boxes of regions", kLive},
    {"gauge", &OverlayStyle::gauge, "Draw the budget: what was spent and what was asked", kLive},
    {"expert-map", &OverlayStyle::experts, "Draw which token went to which expert", kLive},
    {"map-opacity", &OverlayStyle::opacity, {0, 1}, "Opacity of the expert map", kLive},
    {"rows", &OverlayStyle::rows, {1, 20}, "Labels shown at most", kLive},
    {"scale", &OverlayStyle::scale, {0.25, 4}, "Size of text, over what suits the picture", kLive},
};

struct RectangleUnref {
  void operator()(GstVideoOverlayRectangle* r) const { gst_video_overlay_rectangle_unref(r); }
};

/// A painted layer as GStreamer takes it; the pixels go along without a copy.
std::unique_ptr<GstVideoOverlayRectangle, RectangleUnref> rectangle(const OverlayLayer& layer) {
  cairo_surface_t* surface = cairo_surface_reference(layer.surface.get());
  cairo_surface_flush(surface);
  const int width = cairo_image_surface_get_width(surface), height = cairo_image_surface_get_height(surface);
  const int stride = cairo_image_surface_get_stride(surface);
  const auto pixels = Owned<GstBuffer>::adopt(gst_buffer_new_wrapped_full(
      GST_MEMORY_FLAG_READONLY, cairo_image_surface_get_data(surface), static_cast<gsize>(stride) * height, 0,
      static_cast<gsize>(stride) * height, surface,
      [](gpointer s) { cairo_surface_destroy(static_cast<cairo_surface_t*>(s)); }));
  gsize offsets[GST_VIDEO_MAX_PLANES] = {0};
  gint strides[GST_VIDEO_MAX_PLANES] = {stride};
  gst_buffer_add_video_meta_full(pixels.get(), GST_VIDEO_FRAME_FLAG_NONE,
                                 GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_RGB, static_cast<guint>(width),
                                 static_cast<guint>(height), 1, offsets, strides);
  return std::unique_ptr<GstVideoOverlayRectangle, RectangleUnref>(gst_video_overlay_rectangle_new_raw(
      pixels.get(), layer.x, layer.y, static_cast<guint>(width), static_cast<guint>(height),
      GST_VIDEO_OVERLAY_FORMAT_FLAG_PREMULTIPLIED_ALPHA));
}

Owned<GstVideoOverlayComposition> composition(const std::vector<OverlayLayer>& layers) {
  Owned<GstVideoOverlayComposition> all;
  for (const OverlayLayer& layer : layers) {
    const auto one = rectangle(layer);
    if (all)
      gst_video_overlay_composition_add_rectangle(all.get(), one.get());
    else
      all = Owned<GstVideoOverlayComposition>::adopt(gst_video_overlay_composition_new(one.get()));
  }
  return all;
}

}  // namespace

/// The bin's C++ half: what is painted, kept until the labels change.
class Overlay {
 public:
  void set(const Property<OverlayStyle>& property, const GValue* value) {
    const std::lock_guard lock(mutex_);
    set_property(style_, property, value);
  }
  void get(const Property<OverlayStyle>& property, GValue* value) const {
    const std::lock_guard lock(mutex_);
    get_property(style_, property, value);
  }

  void set_caps(const GstCaps* caps) {
    GstVideoInfo info;
    if (!gst_video_info_from_caps(&info, caps)) return;
    const std::lock_guard lock(mutex_);
    info_ = info;
    painted_ = {};
    shown_.clear();
  }

  /// The overlay of one buffer; null when it has no labels.
  Owned<GstVideoOverlayComposition> draw(GstBuffer* frame) {
    auto actions = get_action_metas(frame);
    const std::lock_guard lock(mutex_);
    if (actions.empty()) return {};
    if (!painted_ || style_ != shown_style_ || !same_picture(actions, shown_)) {
      const double aspect =
          static_cast<double>(GST_VIDEO_INFO_PAR_N(&info_)) / std::max(1, GST_VIDEO_INFO_PAR_D(&info_));
      painted_ = composition(paint_overlay(actions, GST_VIDEO_INFO_WIDTH(&info_),
                                           GST_VIDEO_INFO_HEIGHT(&info_), aspect, style_));
      shown_ = std::move(actions);
      shown_style_ = style_;
    }
    return painted_;
  }

 private:
  mutable std::mutex mutex_;
  OverlayStyle style_, shown_style_;
  GstVideoInfo info_{};
  std::vector<ActionMeta> shown_;
  Owned<GstVideoOverlayComposition> painted_;
};

}  // namespace mone

struct _GstMoneOverlay {
  GstBin parent;
  GstElement* blender;  // overlaycomposition, the bin's
  mone::Overlay* impl;  // new in init, delete in finalize
};
#define GST_TYPE_MONE_OVERLAY (gst_mone_overlay_get_type())
G_DECLARE_FINAL_TYPE(GstMoneOverlay, gst_mone_overlay, GST, MONE_OVERLAY, GstBin)
G_DEFINE_TYPE(GstMoneOverlay, gst_mone_overlay, GST_TYPE_BIN)
GST_ELEMENT_REGISTER_DEFINE(moneoverlay, "moneoverlay", GST_RANK_NONE, GST_TYPE_MONE_OVERLAY)

namespace {

using mone::guarded;
using mone::Owned;

#define MONE_OVERLAY_CAPS                                          \
  GST_VIDEO_CAPS_MAKE(GST_VIDEO_OVERLAY_COMPOSITION_BLEND_FORMATS) \
  "; " GST_VIDEO_CAPS_MAKE_WITH_FEATURES("ANY", GST_VIDEO_FORMATS_ALL)

GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(MONE_OVERLAY_CAPS));
GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(MONE_OVERLAY_CAPS));

mone::Overlay& impl(void* element) { return *GST_MONE_OVERLAY(element)->impl; }

void finalize(GObject* object) {
  delete GST_MONE_OVERLAY(object)->impl;
  G_OBJECT_CLASS(gst_mone_overlay_parent_class)->finalize(object);
}

void set_property(GObject* object, guint id, const GValue* value, GParamSpec*) {
  impl(object).set(mone::kProperties[id - 1], value);
}
void get_property(GObject* object, guint id, GValue* value, GParamSpec*) {
  impl(object).get(mone::kProperties[id - 1], value);
}

GstVideoOverlayComposition* draw(GstElement*, GstSample* sample, gpointer self) {
  GstBuffer* frame = gst_sample_get_buffer(sample);
  if (!frame) return nullptr;
  return guarded(self, static_cast<GstVideoOverlayComposition*>(nullptr),
                 [&] { return impl(self).draw(frame).release(); });
}

void caps_changed(GstElement*, GstCaps* caps, guint, guint, gpointer self) { impl(self).set_caps(caps); }

void add_ghost(GstMoneOverlay* self, const char* name, GstStaticPadTemplate* pad_template) {
  const auto target =
      self->blender ? Owned<GstPad>::adopt(gst_element_get_static_pad(self->blender, name)) : Owned<GstPad>();
  GstPadTemplate* t = gst_static_pad_template_get(pad_template);
  GstPad* ghost = target ? gst_ghost_pad_new_from_template(name, target.get(), t)
                         : gst_ghost_pad_new_no_target_from_template(name, t);
  gst_object_unref(t);
  gst_element_add_pad(GST_ELEMENT(self), ghost);
}

GstStateChangeReturn change_state(GstElement* element, GstStateChange change) {
  if (change == GST_STATE_CHANGE_NULL_TO_READY && !GST_MONE_OVERLAY(element)->blender) {
    GST_ELEMENT_ERROR(element, CORE, MISSING_PLUGIN,
                      ("moneoverlay needs the element overlaycomposition; install gst-plugins-base."),
                      (nullptr));
    return GST_STATE_CHANGE_FAILURE;
  }
  return GST_ELEMENT_CLASS(gst_mone_overlay_parent_class)->change_state(element, change);
}

}  // namespace

static void gst_mone_overlay_class_init(GstMoneOverlayClass* klass) {
  GST_DEBUG_CATEGORY_INIT(mone_overlay_debug, "moneoverlay", 0, "labels over video");
  auto* object_class = G_OBJECT_CLASS(klass);
  object_class->finalize = finalize;
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  mone::install_properties<mone::OverlayStyle>(object_class, mone::kProperties);

  auto* element_class = GST_ELEMENT_CLASS(klass);
  element_class->change_state = change_state;
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_static_metadata(
      element_class, "Action label overlay", "Filter/Editor/Video",
      "Draws action labels, the compute budget and the map of experts over video", "The gst-mone authors");
  gst_element_class_add_static_metadata(
      element_class, "example",
      "gst-launch-1.0 actiontestsrc ! moneclassify budget=0.5 ! moneoverlay ! videoconvert ! autovideosink");
}

static void gst_mone_overlay_init(GstMoneOverlay* self) {
  self->impl = new mone::Overlay();
  self->blender = gst_element_factory_make("overlaycomposition", "blender");
  if (self->blender) {
    gst_bin_add(GST_BIN(self), self->blender);
    g_signal_connect(self->blender, "draw", G_CALLBACK(draw), self);
    g_signal_connect(self->blender, "caps-changed", G_CALLBACK(caps_changed), self);
  }
  add_ghost(self, "sink", &sink_template);
  add_ghost(self, "src", &src_template);
}
