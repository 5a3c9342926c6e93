/**
 * SECTION:element-monetubelet
 * @title: monetubelet
 *
 * Cuts video into tubelets (blocks of time x height x width), the input of action models: samples frames,
 * crops, resizes and makes the planes a model wants, in one pass from the pixel format as it comes.
 *
 * What to cut (image size, tubelet, planes, rate) is the model's to say and comes from downstream by caps;
 * nobody types a window length that the weights were not trained for. The properties of the image and the
 * tubelet are explicit overrides for pipelines without a model.
 *
 * crop=motion follows what moves with a box that stands still inside a tubelet. crop=region cuts one tubelet
 * for each region that upstream marks (GstVideoRegionOfInterestMeta, or object detections in
 * GstAnalyticsRelationMeta), so that every person gets labels of their own; regions keep their ids from frame
 * to frame, and for 1.2 s without a mark, so a detector that sees everybody once a second is fast enough;
 * what it calls them goes on as `upstream-id`. In both the pictures before that the planes look back to are
 * seen through the tubelet's own box.
 *
 * Frames in the memory of a GPU (video/x-raw(memory:CUDAMemory), from nvh264dec or cudaupload) are cut there,
 * and tubelets stay there for monevivit, if they are in the CUDA context of the engine, which monevivit
 * shares with the elements of its pipeline. Otherwise they are copied to the host; GST_DEBUG=monecuda:2 says
 * why, and `stats` has the GPU (gpu, -1 for the host).
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 -v videotestsrc num-buffers=60 ! video/x-raw,framerate=30/1 ! monetubelet ! fakesink
 * silent=false
 * ]|
 */
#include <gst/gst.h>

#include "elements/cuda_memory.h"
#include "elements/elements.h"
#include "elements/glue/element.h"
#include "elements/glue/property.h"
#include "elements/monetubelet_stream.h"
#include "elements/tubelet_caps.h"

GST_DEBUG_CATEGORY(gst_mone_tubelet_debug);
#define GST_CAT_DEFAULT gst_mone_tubelet_debug

using mone::guarded;
using mone::Property;
using mone::TubeletSettings;
using mone::TubeletStream;

namespace {

GType sampling_type() {
  static const GEnumValue values[] = {
      {static_cast<gint>(mone::Sampling::kFollow),
       "Every stride-th frame as it arrives; the tubelet rate follows", "follow"},
      {static_cast<gint>(mone::Sampling::kNominal),
       "The model's nominal rate on an exact grid; repeats and drops", "nominal"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstMoneSampling", values);
  return type;
}

GType planes_type() {
  static const GEnumValue values[] = {
      {0, "What downstream asks for, else rgb", "auto"},
      {1, "Red, green, blue", "rgb"},
      {2, "Luma and its change over one and over four sampled frames", "luma-motion"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstMonePlanes", values);
  return type;
}

GType fit_type() {
  static const GEnumValue values[] = {{0, "What downstream asks for, else crop", "auto"},
                                      {1, "Short side to resize-short, then the middle", "crop"},
                                      {2, "The whole frame, black borders", "pad"},
                                      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstMoneFit", values);
  return type;
}

GType crop_type() {
  static const GEnumValue values[] = {{0, "What downstream asks for, else full", "auto"},
                                      {1, "The whole frame (or its crop meta)", "full"},
                                      {2, "A box that follows what moves", "motion"},
                                      {3, "Each region of interest upstream points at, by itself", "region"},
                                      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstMoneCrop", values);
  return type;
}

using S = TubeletSettings;
constexpr Property<S> kProperties[] = {
    {"sampling", &S::sampling, "How frames are chosen", mone::kLive, sampling_type},
    {"stride",
     &S::stride,
     {0, 1000},
     "sampling=follow: frames from one time step to the next (0 = as the trained rates ask)",
     mone::kLive},
    {"max-gap",
     &S::max_gap,
     {0, 1e12},
     "Longest time without frames, in nanoseconds, that repeats bridge; a longer one starts again (never "
     "less than "
     "2.5 frames)",
     mone::kLive},
    {"width", &S::width, {0, 4096}, "Image width (0 = as downstream asks, else 224)", mone::kLive},
    {"height", &S::height, {0, 4096}, "Image height (0 = as downstream asks, else 224)", mone::kLive},
    {"tubelet-frames",
     &S::tubelet_frames,
     {0, 64},
     "Time steps of a tubelet (0 = as downstream asks, else 2)",
     mone::kLive},
    {"tubelet-height",
     &S::tubelet_height,
     {0, 4096},
     "Rows of a tubelet (0 = as downstream asks, else 16)",
     mone::kLive},
    {"tubelet-width",
     &S::tubelet_width,
     {0, 4096},
     "Columns of a tubelet (0 = as downstream asks, else 16)",
     mone::kLive},
    {"resize-short",
     &S::resize_short,
     {0, 8192},
     "fit=crop: short side before the middle is cut out (0 = as downstream asks, else 256)",
     mone::kLive},
    {"planes", &S::planes, "What the three planes of a pixel are", mone::kLive, planes_type},
    {"fit", &S::fit, "How a frame of another shape fills the image", mone::kLive, fit_type},
    {"crop", &S::crop, "Which part of the frame is cut", mone::kLive, crop_type},
    {"max-regions",
     &S::max_regions,
     {1, 64},
     "crop=region: at most so many at once, those seen longest first; who is not seen any more makes room",
     mone::kLive},
    {"region-type", &S::region_type,
     "crop=region: only regions of this type, as the detector upstream names it (person); empty = every "
     "region",
     mone::kLive},
};
constexpr guint kStats = std::size(kProperties) + 1;

GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE(
        MONE_VIDEO_FORMATS) ", interlace-mode=(string){progressive,interleaved,mixed}" MONE_CUDA_VIDEO_CAPS));
GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(MONE_TUBELET_CAPS_TEMPLATE));

}  // namespace

struct _GstMoneTubelet {
  GstElement parent;
  GstPad *sink, *src;
  TubeletStream* impl;  // new in init, delete in finalize
};
G_DECLARE_FINAL_TYPE(GstMoneTubelet, gst_mone_tubelet, GST, MONE_TUBELET, GstElement)
G_DEFINE_TYPE(GstMoneTubelet, gst_mone_tubelet, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE(monetubelet, "monetubelet", GST_RANK_NONE, gst_mone_tubelet_get_type())

namespace {

TubeletStream& stream_of(void* element) { return *GST_MONE_TUBELET(element)->impl; }

GstFlowReturn chain(GstPad*, GstObject* parent, GstBuffer* buffer) {
  const auto owned = mone::Owned<GstBuffer>::adopt(buffer);
  return guarded(parent, GST_FLOW_ERROR, [&] { return stream_of(parent).push_frame(buffer); });
}

/// CAPS and GAP are answered here, everything else is looked at and goes on.
gboolean sink_event(GstPad* pad, GstObject* parent, GstEvent* event) {
  auto owned = mone::Owned<GstEvent>::adopt(event);
  TubeletStream& stream = stream_of(parent);
  const bool go_on = guarded(parent, false, [&] {
    switch (GST_EVENT_TYPE(event)) {
      case GST_EVENT_SEGMENT: {
        const GstSegment* segment = nullptr;
        gst_event_parse_segment(event, &segment);
        return stream.set_segment(*segment);
      }
      case GST_EVENT_FLUSH_STOP:
        stream.flush();
        return true;
      case GST_EVENT_EOS:
        stream.finish();
        return true;
      default:
        return true;
    }
  });
  if (!go_on) return FALSE;
  if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {
    GstCaps* caps = nullptr;
    gst_event_parse_caps(event, &caps);
    return guarded(parent, FALSE, [&]() -> gboolean { return stream.set_caps(caps); });
  }
  if (GST_EVENT_TYPE(event) == GST_EVENT_GAP) {
    GstClockTime pts = 0, duration = 0;
    gst_event_parse_gap(event, &pts, &duration);
    if (guarded(parent, false, [&] { return stream.gap(pts, duration); })) return TRUE;
  }
  return gst_pad_event_default(pad, parent, owned.release());
}

/// Frames are read and let go of at once: one buffer is enough, and any strides and crop are welcome.
gboolean propose_allocation(GstQuery* query) {
  GstCaps* caps = nullptr;
  gst_query_parse_allocation(query, &caps, nullptr);
  GstVideoInfo info;
  if (!caps || !gst_video_info_from_caps(&info, caps)) return FALSE;
  gst_query_add_allocation_pool(query, nullptr, static_cast<guint>(info.size), 1, 0);
  gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr);
  gst_query_add_allocation_meta(query, GST_VIDEO_CROP_META_API_TYPE, nullptr);
  return TRUE;
}

gboolean sink_query(GstPad* pad, GstObject* parent, GstQuery* query) {
  if (GST_QUERY_TYPE(query) == GST_QUERY_ALLOCATION) return propose_allocation(query);
  return gst_pad_query_default(pad, parent, query);
}

/// A tubelet has the time of its last frame and leaves as soon as that has come: no latency, however many
/// frames it holds. With sampling=nominal a grid point waits for the frame after it.
gboolean latency(GstMoneTubelet* self, GstQuery* query) {
  if (!gst_pad_peer_query(self->sink, query)) return FALSE;
  gboolean live = FALSE;
  GstClockTime min = 0, max = 0;
  gst_query_parse_latency(query, &live, &min, &max);
  const GstClockTime own = self->impl->latency();
  gst_query_set_latency(query, live, min + own, GST_CLOCK_TIME_IS_VALID(max) ? max + own : max);
  return TRUE;
}

/// Frame and byte counts upstream say nothing about tubelets: positions are answered in time only.
bool in_time(GstQuery* query) {
  GstFormat format = GST_FORMAT_TIME;
  if (GST_QUERY_TYPE(query) == GST_QUERY_POSITION)
    gst_query_parse_position(query, &format, nullptr);
  else if (GST_QUERY_TYPE(query) == GST_QUERY_DURATION)
    gst_query_parse_duration(query, &format, nullptr);
  else if (GST_QUERY_TYPE(query) == GST_QUERY_SEEKING)
    gst_query_parse_seeking(query, &format, nullptr, nullptr, nullptr);
  return format == GST_FORMAT_TIME;
}

gboolean src_query(GstPad* pad, GstObject* parent, GstQuery* query) {
  switch (GST_QUERY_TYPE(query)) {
    case GST_QUERY_LATENCY:
      return latency(GST_MONE_TUBELET(parent), query);
    case GST_QUERY_POSITION:
    case GST_QUERY_DURATION:
    case GST_QUERY_SEEKING:
      return in_time(query) && gst_pad_query_default(pad, parent, query);
    case GST_QUERY_CAPS: {
      GstCaps* filter = nullptr;
      gst_query_parse_caps(query, &filter);
      auto caps = stream_of(parent).src_caps();
      if (filter)
        caps = mone::Owned<GstCaps>::adopt(
            gst_caps_intersect_full(filter, caps.get(), GST_CAPS_INTERSECT_FIRST));
      gst_query_set_caps_result(query, caps.get());
      return TRUE;
    }
    default:
      return gst_pad_query_default(pad, parent, query);
  }
}

}  // namespace

static void gst_mone_tubelet_init(GstMoneTubelet* self) {
  self->sink = gst_pad_new_from_static_template(&sink_template, "sink");
  gst_pad_set_chain_function(self->sink, chain);
  gst_pad_set_event_function(self->sink, sink_event);
  gst_pad_set_query_function(self->sink, sink_query);
  GST_PAD_SET_ACCEPT_TEMPLATE(self->sink);
  GST_PAD_SET_ACCEPT_INTERSECT(self->sink);
  gst_element_add_pad(GST_ELEMENT(self), self->sink);
  self->src = gst_pad_new_from_static_template(&src_template, "src");
  gst_pad_set_query_function(self->src, src_query);
  gst_element_add_pad(GST_ELEMENT(self), self->src);
  self->impl = new TubeletStream(GST_ELEMENT(self), self->src);
}

static void gst_mone_tubelet_finalize(GObject* object) {
  delete GST_MONE_TUBELET(object)->impl;
  G_OBJECT_CLASS(gst_mone_tubelet_parent_class)->finalize(object);
}

static void gst_mone_tubelet_set_property(GObject* object, guint id, const GValue* value, GParamSpec*) {
  GstMoneTubelet* self = GST_MONE_TUBELET(object);
  const auto& property = kProperties[id - 1];
  self->impl->change_settings([&](TubeletSettings& s) { mone::set_property(s, property, value); });
  const std::string_view name = property.name;
  if (name == "sampling")
    gst_element_post_message(GST_ELEMENT(self), gst_message_new_latency(GST_OBJECT(self)));
  else if (name != "stride" && name != "max-gap" && name != "max-regions" && name != "region-type")
    gst_pad_mark_reconfigure(self->src);
}

static void gst_mone_tubelet_get_property(GObject* object, guint id, GValue* value, GParamSpec*) {
  GstMoneTubelet* self = GST_MONE_TUBELET(object);
  if (id == kStats)
    g_value_take_boxed(value, self->impl->stats().release());
  else
    mone::get_property(self->impl->settings(), kProperties[id - 1], value);
}

static GstStateChangeReturn gst_mone_tubelet_change_state(GstElement* element, GstStateChange change) {
  if (change == GST_STATE_CHANGE_READY_TO_PAUSED) stream_of(element).start();
  const auto result = GST_ELEMENT_CLASS(gst_mone_tubelet_parent_class)->change_state(element, change);
  if (change == GST_STATE_CHANGE_PAUSED_TO_READY)
    guarded(element, false, [&] {
      stream_of(element).stop();
      return true;
    });
  return result;
}

static void gst_mone_tubelet_class_init(GstMoneTubeletClass* klass) {
  GST_DEBUG_CATEGORY_INIT(gst_mone_tubelet_debug, "monetubelet", 0, "Video to tubelets");
  GObjectClass* object_class = G_OBJECT_CLASS(klass);
  GstElementClass* element_class = GST_ELEMENT_CLASS(klass);
  object_class->finalize = gst_mone_tubelet_finalize;
  object_class->set_property = gst_mone_tubelet_set_property;
  object_class->get_property = gst_mone_tubelet_get_property;
  mone::install_properties<TubeletSettings>(object_class, kProperties);
  g_object_class_install_property(
      object_class, kStats,
      g_param_spec_boxed(
          "stats", "stats",
          "Counts since the start: frames, frames-missing, frames-late, restarts, tubelets, "
          "tubelets-lost, tubelets-partial (uint64); now: rate (tubelets/s), stride, rate-out-of-range, "
          "interlaced, gpu that cuts (-1: none)",
          GST_TYPE_STRUCTURE, static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
  element_class->change_state = gst_mone_tubelet_change_state;
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_static_metadata(
      element_class, "Video to tubelets", "Filter/Converter/Video",
      "Samples, crops, resizes and cuts video into the tubelets an action model asks for",
      "The gst-mone authors");
  gst_element_class_add_static_metadata(
      element_class, "example",
      "gst-launch-1.0 -v videotestsrc num-buffers=60 ! video/x-raw,framerate=30/1 ! monetubelet ! fakesink");
  for (GType (*type)() : {sampling_type, planes_type, fit_type, crop_type})
    gst_type_mark_as_plugin_api(type(), static_cast<GstPluginAPIFlags>(0));
}
