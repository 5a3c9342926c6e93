/**
 * SECTION:element-moneclassify
 * @title: moneclassify
 * @short_description: Recognises actions in video and attaches the labels to it
 *
 * Video passes untouched and in order. Beside it, `monetubelet ! monevivit ! monelabel` look at the same
 * frames, and what they find rides on the video buffers: a `GstMoneActionMeta` for each region and, with
 * GStreamer >= 1.24, a GstAnalyticsRelationMeta. The messages of monelabel reach the application's bus.
 *
 * `wait=never`, the choice for live video, adds no latency: frames go on at once, the analysis takes what it
 * can (at most 3 frames are held, the oldest is dropped), and a label rides on the next frame with the times
 * of its own window. `wait=always`, the choice for files, holds each frame until its tubelets are answered:
 * nothing is skipped and two runs give the same labels. Where nobody upstream says which of the two it is
 * (splitmuxsrc does not), what comes while the pipeline fills is a file; with a sink that does not wait for
 * it (async=false) say `wait=always`. (With `sampling=nominal` a tubelet is known to be complete when the
 * next frame comes; its label rides there.)
 *
 * ## Example
 *
 * |[
 * gst-launch-1.0 actiontestsrc ! moneclassify budget=0.5 ! moneoverlay ! videoconvert ! autovideosink
 * ]|
 */
#include <gst/video/video.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "elements/action_meta.h"
#include "elements/analytics.h"
#include "elements/classify_parts.h"
#include "elements/cuda_memory.h"
#include "elements/elements.h"
#include "elements/glue/element.h"
#include "elements/glue/gst_ptr.h"
#include "elements/glue/live.h"
#include "elements/glue/segment.h"
#include "elements/latest_labels.h"
#include "elements/scores_meta.h"
#include "elements/video_frame.h"

GST_DEBUG_CATEGORY_STATIC(mone_classify_debug);
#define GST_CAT_DEFAULT mone_classify_debug

namespace mone {
namespace {

enum { kWaitAuto, kWaitNever, kWaitAlways };

GType wait_type() {
  static const GEnumValue values[] = {
      {kWaitAuto, "never for a live source, else always", "auto"},
      {kWaitNever, "Frames go on at once, labels ride on later ones", "never"},
      {kWaitAlways, "A frame is held until its tubelets are answered", "always"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstMoneWait", values);
  return type;
}

/// How long the end of the video waits for the end of its analysis.
constexpr std::chrono::seconds kLongestEnd{2};

enum : guint { kWait = 1, kFirstShown };

/// Downstream may show the part of a picture that a crop meta names; where the analysis converts the picture
/// before it looks, it needs one that has been cut.
void refuse_crop(GstQuery* query) {
  static GstStaticCaps formats = GST_STATIC_CAPS("video/x-raw, format=" MONE_VIDEO_FORMATS);
  GstCaps* caps = nullptr;
  gst_query_parse_allocation(query, &caps, nullptr);
  guint crop = 0;
  if (!caps || gst_caps_is_empty(caps) || gst_caps_is_any(caps)) return;
  const auto plain = Owned<GstCaps>::adopt(gst_caps_copy(caps));
  gst_caps_set_features_simple(plain.get(), nullptr);
  const auto looked_at = Owned<GstCaps>::adopt(gst_static_caps_get(&formats));
  if (gst_caps_can_intersect(plain.get(), looked_at.get())) return;
  if (gst_query_find_allocation_meta(query, GST_VIDEO_CROP_META_API_TYPE, &crop))
    gst_query_remove_nth_allocation_meta(query, crop);
}

GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-raw" MONE_CUDA_VIDEO_CAPS));
GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-raw" MONE_CUDA_VIDEO_CAPS));
/// More buffers in every pool on offer, so that what the analysis holds starves nobody.
void ask_for_more(GstQuery* query, bool answered) {
  const guint pools = answered ? gst_query_get_n_allocation_pools(query) : 0;
  for (guint i = 0; i < pools; ++i) {
    GstBufferPool* pool = nullptr;
    guint size, min, max;
    gst_query_parse_nth_allocation_pool(query, i, &pool, &size, &min, &max);
    gst_query_set_nth_allocation_pool(query, i, pool, size, min + ClassifyParts::kHeldFrames,
                                      max ? max + ClassifyParts::kHeldFrames : 0);
    if (pool) gst_object_unref(pool);
  }
  GstCaps* caps = nullptr;
  GstVideoInfo info;
  gst_query_parse_allocation(query, &caps, nullptr);
  if (!pools && caps && gst_video_info_from_caps(&info, caps))
    gst_query_add_allocation_pool(query, nullptr, static_cast<guint>(info.size), ClassifyParts::kHeldFrames,
                                  0);
}

}  // namespace

/// The bin's C++ half: the video beside its analysis (classify_parts.h). Whether frames wait is decided at
/// the first buffer, when upstream knows whether it is live.
class Classify {
 public:
  explicit Classify(GstBin* bin);
  Classify(const Classify&) = delete;
  Classify& operator=(const Classify&) = delete;

  const ClassifyParts& parts() const { return parts_; }
  std::atomic<gint> wait{kWaitAuto};

  void activate();
  void stop_waiting();
  void deactivate();
  GstFlowReturn chain(GstBuffer* frame);
  GstFlowReturn sink_event(GstEvent* event);
  gboolean sink_query(GstQuery* query);
  gboolean src_query(GstQuery* query);
  bool answer_context(GstQuery* query) const;
  gboolean feed_latency(GstQuery* query);

 private:
  void set_up_pads();
  void open();
  GstFlowReturn analyse(GstBuffer* frame);
  GstBuffer* attach(GstBuffer* frame);
  void results_event(GstEvent* event);
  bool end_analysis(GstEvent* eos);
  bool being_stopped() const;
  void tell_analysis(GstEvent* qos) const;

  GstBin* bin_;
  GstPad *sink_, *src_;  // the bin's
  ClassifyParts parts_;
  LatestLabels latest_;
  GstSegment segment_;  // of the results; their thread's
  std::mutex mutex_;
  std::condition_variable end_;
  bool ended_ = false;                 // the analysis, by mutex_
  std::atomic<bool> stopping_{false};  // written by mutex_ where somebody may wait
  std::atomic<bool> open_{false};
  std::atomic<bool> live_{true}, waiting_{false};  // decided by open()
};

Classify::Classify(GstBin* bin)
    : bin_(bin),
      sink_(gst_pad_new_from_static_template(&sink_template, "sink")),
      src_(gst_pad_new_from_static_template(&src_template, "src")),
      parts_(bin) {
  set_up_pads();
}

void Classify::set_up_pads() {
  for (GstPad* pad : {sink_, src_, parts_.feed(), parts_.results()}) gst_pad_set_element_private(pad, this);
#define SELF(pad) static_cast<Classify*>(gst_pad_get_element_private(pad))
  gst_pad_set_chain_function(sink_, [](GstPad* pad, GstObject* bin, GstBuffer* frame) -> GstFlowReturn {
    return guarded(bin, GST_FLOW_ERROR, [&] { return SELF(pad)->chain(frame); });
  });
  gst_pad_set_event_full_function(sink_, [](GstPad* pad, GstObject*, GstEvent* event) -> GstFlowReturn {
    return SELF(pad)->sink_event(event);
  });
  gst_pad_set_query_function(sink_, [](GstPad* pad, GstObject*, GstQuery* query) -> gboolean {
    return SELF(pad)->sink_query(query);
  });
  gst_pad_set_query_function(
      src_, [](GstPad* pad, GstObject*, GstQuery* query) -> gboolean { return SELF(pad)->src_query(query); });
  // What the analysis asks of upstream (QOS, a new format) is not the video's business.
  gst_pad_set_event_function(parts_.feed(), [](GstPad*, GstObject*, GstEvent* event) -> gboolean {
    gst_event_unref(event);
    return FALSE;
  });
  gst_pad_set_query_function(parts_.feed(), [](GstPad* pad, GstObject* parent, GstQuery* query) -> gboolean {
    if (GST_QUERY_TYPE(query) == GST_QUERY_LATENCY) return SELF(pad)->feed_latency(query);
    return gst_pad_query_default(pad, parent, query);
  });
  gst_pad_set_chain_function(parts_.results(),
                             [](GstPad* pad, GstObject*, GstBuffer* scores) -> GstFlowReturn {
                               const auto owned = Owned<GstBuffer>::adopt(scores);
                               for (ActionMeta& action : get_action_metas(scores))
                                 SELF(pad)->latest_.put(std::move(action));
                               return GST_FLOW_OK;
                             });
  gst_pad_set_event_function(parts_.results(), [](GstPad* pad, GstObject*, GstEvent* event) -> gboolean {
    const auto owned = Owned<GstEvent>::adopt(event);
    SELF(pad)->results_event(event);
    return TRUE;
  });
  gst_pad_set_event_function(src_, [](GstPad* pad, GstObject* bin, GstEvent* event) -> gboolean {
    if (GST_EVENT_TYPE(event) == GST_EVENT_QOS) {
      SELF(pad)->tell_analysis(event);
      // Who drops frames in front of here drops them for the analysis, which is to see all of them.
      if (SELF(pad)->waiting_) {
        gst_event_unref(event);
        return TRUE;
      }
    }
    return gst_pad_event_default(pad, bin, event);
  });
#undef SELF
  GST_PAD_SET_PROXY_CAPS(sink_);
  GST_PAD_SET_PROXY_CAPS(src_);
  gst_element_add_pad(GST_ELEMENT(bin_), sink_);
  gst_element_add_pad(GST_ELEMENT(bin_), src_);
}

void Classify::results_event(GstEvent* event) {
  if (GST_EVENT_TYPE(event) == GST_EVENT_EOS) {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    end_.notify_all();
  }
  if (GST_EVENT_TYPE(event) != GST_EVENT_SEGMENT) return;
  // Labels of before a jump in time are nobody's after it.
  const GstSegment* segment = nullptr;
  gst_event_parse_segment(event, &segment);
  if (!continues(segment_, *segment)) latest_.clear();
  segment_ = *segment;
}

/// The last labels end before the video does: an application stops listening when it hears of EOS. False if
/// the video is being stopped or flushed meanwhile: then there is no end of it.
bool Classify::end_analysis(GstEvent* eos) {
  std::unique_lock lock(mutex_);
  ended_ = false;
  lock.unlock();
  if (!gst_pad_push_event(parts_.feed(), eos)) return true;  // it has failed, or is at its end
  lock.lock();
  if (!waiting_ && !end_.wait_for(lock, kLongestEnd, [&] { return ended_ || stopping_; }))
    GST_WARNING_OBJECT(bin_, "the analysis has not ended in %d s; its last labels are late",
                       static_cast<int>(kLongestEnd.count()));
  return !stopping_;
}

/// Nobody waits for an analysis that is about to be stopped.
void Classify::stop_waiting() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  end_.notify_all();
}

/// Downstream cannot keep up: the analysis takes time from it, too.
void Classify::tell_analysis(GstEvent* qos) const {
  if (const auto last = parts_.last()) gst_pad_send_event(last.get(), gst_event_ref(qos));
}

void Classify::activate() {
  gst_segment_init(&segment_, GST_FORMAT_TIME);
  stopping_ = false;
  parts_.activate();
}

/// After the parts have stopped: no thread is in them any more.
void Classify::deactivate() {
  parts_.deactivate();
  latest_.clear();
  open_ = false;
}

/// Links the analysis and tells it what upstream has said so far.
void Classify::open() {
  live_ = is_live(sink_).value_or(may_be_live(GST_ELEMENT(bin_)));
  waiting_ = wait == kWaitAuto ? !live_ : wait == kWaitAlways;
  GST_INFO_OBJECT(bin_, "frames %s for the analysis", waiting_ ? "wait" : "do not wait");
  if (!waiting_ && !parts_.add_queues()) throw Error("cannot link the analysis of moneclassify");
  gst_pad_sticky_events_foreach(
      sink_,
      [](GstPad*, GstEvent** event, gpointer feed) -> gboolean {
        gst_pad_push_event(GST_PAD(feed), gst_event_ref(*event));
        return TRUE;
      },
      parts_.feed());
  open_ = true;
}

/// OK unless the analysis has failed; that it is stopping or has seen EOS is no reason to stop the video.
GstFlowReturn Classify::analyse(GstBuffer* frame) {
  const GstFlowReturn flow = gst_pad_push(parts_.feed(), gst_buffer_ref(frame));
  const bool failed =
      flow == GST_FLOW_ERROR || flow == GST_FLOW_NOT_NEGOTIATED || flow == GST_FLOW_NOT_SUPPORTED;
  return failed ? flow : GST_FLOW_OK;
}

GstBuffer* Classify::attach(GstBuffer* frame) {
  const std::vector<ActionMeta> labels = latest_.at(GST_BUFFER_PTS(frame));
  if (labels.empty()) return frame;
  frame = gst_buffer_make_writable(frame);  // its pixels stay shared
  for (const ActionMeta& action : labels) {
    add_action_meta(frame, action);
    add_analytics(frame, action);
  }
  return frame;
}

GstFlowReturn Classify::chain(GstBuffer* frame) {
  auto owned = Owned<GstBuffer>::adopt(frame);
  if (!open_) open();
  const GstFlowReturn analysis = analyse(frame);
  if (analysis != GST_FLOW_OK) return analysis;
  return gst_pad_push(src_, attach(owned.release()));
}

/// The bin or what it is in.
bool Classify::being_stopped() const {
  for (auto at = Owned<GstObject>::share(GST_OBJECT(bin_)); at;
       at = Owned<GstObject>::adopt(gst_object_get_parent(at.get()))) {
    GST_OBJECT_LOCK(at.get());
    const GstState target = GST_STATE_TARGET(at.get());
    GST_OBJECT_UNLOCK(at.get());
    if (target < GST_STATE_PAUSED) return true;
  }
  return false;
}

GstFlowReturn Classify::sink_event(GstEvent* event) {
  if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_START) stop_waiting();
  if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP) {
    latest_.clear();
    stopping_ = false;
  }
  if (open_ && GST_EVENT_TYPE(event) == GST_EVENT_EOS) {
    if (!end_analysis(gst_event_ref(event))) {
      gst_event_unref(event);
      return GST_FLOW_FLUSHING;
    }
  } else if (open_) {
    gst_pad_push_event(parts_.feed(), gst_event_ref(event));
  }
  const bool caps = GST_EVENT_TYPE(event) == GST_EVENT_CAPS;
  if (gst_pad_push_event(src_, event)) return GST_FLOW_OK;
  // A pipeline that stops begins at its sinks, and this bin with that pad: upstream is to hear of a stop
  // then, not of an error.
  if (GST_PAD_IS_FLUSHING(src_) || being_stopped()) return GST_FLOW_FLUSHING;
  if (GST_PAD_IS_EOS(src_)) return GST_FLOW_EOS;
  return caps ? GST_FLOW_NOT_NEGOTIATED : GST_FLOW_ERROR;
}

gboolean Classify::sink_query(GstQuery* query) {
  if (GST_QUERY_TYPE(query) == GST_QUERY_CONTEXT && answer_context(query)) return TRUE;
  if (GST_QUERY_TYPE(query) != GST_QUERY_ALLOCATION)
    return gst_pad_query_default(sink_, GST_OBJECT(bin_), query);
  const bool answered = gst_pad_peer_query(src_, query);
  if (wait != kWaitAlways) ask_for_more(query, answered);
  refuse_crop(query);
  return answered || wait != kWaitAlways;
}

/// The analysis may not be linked yet: its engine's context is asked for at the engine.
bool Classify::answer_context(GstQuery* query) const {
  const auto pad = parts_.scorer();
  return pad && gst_pad_query(pad.get(), query);
}

/// Frames that wait are never skipped, so to the analysis even a camera is not live then.
gboolean Classify::feed_latency(GstQuery* query) {
  gboolean live = live_;
  GstClockTime min = 0, max = GST_CLOCK_TIME_NONE;
  if (gst_pad_peer_query(sink_, query)) gst_query_parse_latency(query, &live, &min, &max);
  gst_query_set_latency(query, live && !waiting_, min, max);
  return TRUE;
}

/// Frames that wait do so for at most about one tubelet.
gboolean Classify::src_query(GstQuery* query) {
  if (!gst_pad_query_default(src_, GST_OBJECT(bin_), query)) return FALSE;
  if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY || wait != kWaitAlways) return TRUE;
  gboolean live;
  GstClockTime min, max;
  gst_query_parse_latency(query, &live, &min, &max);
  const auto pad = parts_.scorer();
  const auto caps = Owned<GstCaps>::adopt(gst_pad_query_caps(pad.get(), nullptr));
  gint n = 0, d = 1;
  if (live && gst_caps_get_size(caps.get()) > 0 &&
      gst_structure_get_fraction(gst_caps_get_structure(caps.get(), 0), "rate-nominal", &n, &d) && n > 0) {
    const GstClockTime hop =
        gst_util_uint64_scale(GST_SECOND, static_cast<guint64>(d), static_cast<guint64>(n));
    gst_query_set_latency(query, live, min + hop, GST_CLOCK_TIME_IS_VALID(max) ? max + hop : max);
  }
  return TRUE;
}

}  // namespace mone

struct _GstMoneClassify {
  GstBin parent;
  mone::Classify* impl;  // new in init, delete in finalize
};
#define GST_TYPE_MONE_CLASSIFY (gst_mone_classify_get_type())
G_DECLARE_FINAL_TYPE(GstMoneClassify, gst_mone_classify, GST, MONE_CLASSIFY, GstBin)
G_DEFINE_TYPE(GstMoneClassify, gst_mone_classify, GST_TYPE_BIN)
GST_ELEMENT_REGISTER_DEFINE(moneclassify, "moneclassify", GST_RANK_NONE, GST_TYPE_MONE_CLASSIFY)

namespace {

using mone::guarded;

mone::Classify& impl(void* element) { return *GST_MONE_CLASSIFY(element)->impl; }

void finalize(GObject* object) {
  delete GST_MONE_CLASSIFY(object)->impl;
  G_OBJECT_CLASS(gst_mone_classify_parent_class)->finalize(object);
}

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* spec) {
  if (id == mone::kWait)
    impl(object).wait = g_value_get_enum(value);
  else if (GObject* owner = impl(object).parts().owner(spec->name))
    g_object_set_property(owner, spec->name, value);
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* spec) {
  if (id == mone::kWait)
    g_value_set_enum(value, impl(object).wait);
  else if (GObject* owner = impl(object).parts().owner(spec->name))
    g_object_get_property(owner, spec->name, value);
}

GstStateChangeReturn change_state(GstElement* element, GstStateChange change) {
  const std::string& absent = impl(element).parts().absent();
  if (change == GST_STATE_CHANGE_NULL_TO_READY && !absent.empty()) {
    GST_ELEMENT_ERROR(element, CORE, MISSING_PLUGIN,
                      ("moneclassify needs the element %s; install the plug-in that has it.", absent.c_str()),
                      (nullptr));
    return GST_STATE_CHANGE_FAILURE;
  }
  if (change == GST_STATE_CHANGE_READY_TO_PAUSED) impl(element).activate();
  if (change == GST_STATE_CHANGE_PAUSED_TO_READY) impl(element).stop_waiting();
  const auto result = GST_ELEMENT_CLASS(gst_mone_classify_parent_class)->change_state(element, change);
  const bool failed = result == GST_STATE_CHANGE_FAILURE;
  if (change == GST_STATE_CHANGE_PAUSED_TO_READY || (failed && change == GST_STATE_CHANGE_READY_TO_PAUSED))
    impl(element).deactivate();
  return result;
}

}  // namespace

static void gst_mone_classify_class_init(GstMoneClassifyClass* klass) {
  GST_DEBUG_CATEGORY_INIT(mone_classify_debug, "moneclassify", 0, "labels on video");
  auto* object_class = G_OBJECT_CLASS(klass);
  object_class->finalize = finalize;
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  g_object_class_install_property(
      object_class, mone::kWait,
      g_param_spec_enum(
          "wait", "wait", "Whether frames wait for their labels", mone::wait_type(), mone::kWaitAuto,
          static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY)));
  mone::show_part_properties(object_class, mone::kFirstShown);

  auto* element_class = GST_ELEMENT_CLASS(klass);
  element_class->change_state = change_state;
  gst_element_class_add_static_pad_template(element_class, &mone::sink_template);
  gst_element_class_add_static_pad_template(element_class, &mone::src_template);
  gst_element_class_set_static_metadata(
      element_class, "Action recognition", "Filter/Analyzer/Video",
      "Recognises actions in video and attaches the labels to the buffers; the "
      "video itself passes untouched",
      "The gst-mone authors");
  gst_element_class_add_static_metadata(
      element_class, "example",
      "gst-launch-1.0 actiontestsrc ! moneclassify budget=0.5 ! moneoverlay ! videoconvert ! autovideosink");
  gst_type_mark_as_plugin_api(mone::wait_type(), static_cast<GstPluginAPIFlags>(0));
}

static void gst_mone_classify_init(GstMoneClassify* self) { self->impl = new mone::Classify(GST_BIN(self)); }
