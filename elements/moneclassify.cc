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

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "elements/action_meta.h"
#include "elements/analytics.h"
#include "elements/cuda_memory.h"
#include "elements/elements.h"
#include "elements/glue/element.h"
#include "elements/glue/gst_ptr.h"
#include "elements/glue/live.h"
#include "elements/glue/proxy.h"
#include "elements/glue/segment.h"
#include "elements/latest_labels.h"
#include "elements/scores_meta.h"
#include "elements/tubelet_meta.h"

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

/// Frames that the analysis may hold: two in its queue and the one it looks at.
constexpr guint kHeldFrames = 3;
/// Cut tubelets waiting for the engine. One would starve it between two; more would only be later.
constexpr guint kHeldTubelets = 2;

/// How long the end of the video waits for the end of its analysis.
constexpr std::chrono::seconds kLongestEnd{2};

/// The parts' properties that the bin shows. Those that two parts have by the same name are the first one's.
struct Shown {
  GType (*type)();
  std::vector<const char*> names;
};
const Shown kShown[] = {
    {gst_mone_vivit_get_type,
     {"model", "backend", "device", "dtype", "threads", "deterministic", "hf-compat", "budget-mode", "budget",
      "budget-min", "budget-max", "latency-target", "stream-weight", "utilisation", "max-gap", "stats"}},
    {gst_mone_label_get_type, {"top-k", "smoothing", "on", "off", "messages"}},
    {gst_mone_tubelet_get_type, {"sampling", "stride", "crop", "max-regions", "region-type"}}};
enum : guint { kWait = 1, kFirstShown };

GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-raw" MONE_CUDA_VIDEO_CAPS));
GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-raw" MONE_CUDA_VIDEO_CAPS));
GstStaticPadTemplate feed_template = GST_STATIC_PAD_TEMPLATE(
    "feed", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-raw" MONE_CUDA_VIDEO_CAPS));
GstStaticPadTemplate results_template =
    GST_STATIC_PAD_TEMPLATE("results", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(MONE_SCORES_CAPS));

/// More buffers in every pool on offer, so that what the analysis holds starves nobody.
void ask_for_more(GstQuery* query, bool answered) {
  const guint pools = answered ? gst_query_get_n_allocation_pools(query) : 0;
  for (guint i = 0; i < pools; ++i) {
    GstBufferPool* pool = nullptr;
    guint size, min, max;
    gst_query_parse_nth_allocation_pool(query, i, &pool, &size, &min, &max);
    gst_query_set_nth_allocation_pool(query, i, pool, size, min + kHeldFrames, max ? max + kHeldFrames : 0);
    if (pool) gst_object_unref(pool);
  }
  GstCaps* caps = nullptr;
  GstVideoInfo info;
  gst_query_parse_allocation(query, &caps, nullptr);
  if (!pools && caps && gst_video_info_from_caps(&info, caps))
    gst_query_add_allocation_pool(query, nullptr, static_cast<guint>(info.size), kHeldFrames, 0);
}

}  // namespace

/// "notify" of a part.
static void part_changed(GObject* part, GParamSpec* spec, gpointer bin);

/// The bin's C++ half.
///
///     sink ──────────────────────────────── + latest labels ───────────── src
///       └ feed ─ [frames] ─ convert ─ tubelet ─ [tubelets] ─ vivit ─ label ─ results
///
/// The two queues, each with a thread, are in the bin with `never` only. Without them the streaming thread
/// itself runs through the analysis: when the push to `feed` returns, the frame's tubelets are answered.
/// Which of the two is decided at the first buffer, when upstream knows whether it is live. No pad in the bin
/// is ever unlinked: gst_parse_bin_from_description() would take it for one of the bin around this.
class Classify {
 public:
  explicit Classify(GstBin* bin);
  ~Classify();
  Classify(const Classify&) = delete;
  Classify& operator=(const Classify&) = delete;

  /// The name of the first part that could not be made, else empty.
  const std::string& absent() const { return absent_; }
  GObject* owner(const char* property) const;
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
  GstElement* make(const char* factory, const char* name);
  GstElement* add(const char* factory, const char* name);
  void link_directly();
  bool link_queues();
  void set_up_pads();
  void open();
  GstFlowReturn analyse(GstBuffer* frame);
  GstBuffer* attach(GstBuffer* frame);
  void make_room(GstBuffer* tubelet);
  void results_event(GstEvent* event);
  bool end_analysis(GstEvent* eos);
  bool being_stopped() const;
  void tell_analysis(GstEvent* qos) const;

  GstBin* bin_;
  GstPad *sink_, *src_;  // the bin's
  Owned<GstPad> feed_, results_;
  GstElement *convert_, *tubelet_, *vivit_, *label_;  // the bin's
  Owned<GstElement> frames_, tubelets_;               // the queues
  std::string absent_;
  LatestLabels latest_;
  GstSegment segment_;  // of the results; their thread's
  // The cutting thread's: the newest moment, how many tubelets the last ones had, and the room made for them.
  GstClockTime moment_ = GST_CLOCK_TIME_NONE;
  std::array<guint, kHeldTubelets + 1> in_moment_{1, 1, 1};
  guint room_ = kHeldTubelets;
  std::mutex mutex_;
  std::condition_variable end_;
  bool ended_ = false;                 // the analysis, by mutex_
  std::atomic<bool> stopping_{false};  // written by mutex_ where somebody may wait
  std::atomic<bool> open_{false};
  std::atomic<bool> live_{true}, waiting_{false};  // decided by open()
};

GstElement* Classify::make(const char* factory, const char* name) {
  GstElement* element = gst_element_factory_make(factory, name);
  if (!element && absent_.empty()) absent_ = factory;
  return element;
}

GstElement* Classify::add(const char* factory, const char* name) {
  GstElement* element = make(factory, name);
  if (!element) return nullptr;
  gst_bin_add(bin_, element);
  // What a part changes by itself (budget-mode, as budget is set) is heard of from the bin, as long as there
  // is one: an application may hold a part longer.
  g_signal_connect_object(element, "notify", G_CALLBACK(part_changed), bin_, static_cast<GConnectFlags>(0));
  return element;
}

Classify::Classify(GstBin* bin) : bin_(bin) {
  const auto queue = [&](const char* name) {
    GstElement* made = make("queue", name);
    return made ? Owned<GstElement>::adopt(GST_ELEMENT(gst_object_ref_sink(made))) : Owned<GstElement>();
  };
  frames_ = queue("frames");
  tubelets_ = queue("tubelets");
  convert_ = add("videoconvert", "convert");
  tubelet_ = add("monetubelet", "tubelet");
  vivit_ = add("monevivit", "vivit");
  label_ = add("monelabel", "label");
  sink_ = gst_pad_new_from_static_template(&sink_template, "sink");
  src_ = gst_pad_new_from_static_template(&src_template, "src");
  feed_ = Owned<GstPad>::adopt(
      GST_PAD(gst_object_ref_sink(gst_pad_new_from_static_template(&feed_template, "feed"))));
  results_ = Owned<GstPad>::adopt(
      GST_PAD(gst_object_ref_sink(gst_pad_new_from_static_template(&results_template, "results"))));
  set_up_pads();
  if (!absent_.empty()) return;
  constexpr int kLeakOldest = 2;
  g_object_set(frames_.get(), "leaky", kLeakOldest, "max-size-buffers", kHeldFrames - 1, "max-size-bytes", 0u,
               "max-size-time", guint64{0}, "silent", TRUE, nullptr);
  g_object_set(tubelets_.get(), "leaky", kLeakOldest, "max-size-buffers", kHeldTubelets, "max-size-bytes", 0u,
               "max-size-time", guint64{0}, "silent", TRUE, nullptr);
  g_object_set(convert_, "qos", FALSE, nullptr);  // what is late for a display is not for the analysis
  gst_element_link(convert_, tubelet_);
  gst_element_link(vivit_, label_);
  link_directly();
  const auto last = Owned<GstPad>::adopt(gst_element_get_static_pad(label_, "src"));
  gst_pad_link(last.get(), results_.get());
}

/// From its peer, whoever that is.
void unlink(GstPad* pad) {
  const auto peer = Owned<GstPad>::adopt(gst_pad_get_peer(pad));
  if (peer && GST_PAD_IS_SRC(pad)) gst_pad_unlink(pad, peer.get());
  if (peer && GST_PAD_IS_SINK(pad)) gst_pad_unlink(peer.get(), pad);
}

Classify::~Classify() {
  for (GstPad* pad : {feed_.get(), results_.get()}) unlink(pad);
}

/// As frames wait: without the queues.
void Classify::link_directly() {
  const auto first = Owned<GstPad>::adopt(gst_element_get_static_pad(convert_, "sink"));
  gst_pad_link(feed_.get(), first.get());
  gst_element_link(tubelet_, vivit_);
}

bool Classify::link_queues() {
  unlink(feed_.get());
  gst_element_unlink(tubelet_, vivit_);
  for (GstElement* queue : {frames_.get(), tubelets_.get()}) gst_bin_add(bin_, queue);
  const auto first = Owned<GstPad>::adopt(gst_element_get_static_pad(frames_.get(), "sink"));
  return gst_element_link(frames_.get(), convert_) &&
         gst_element_link_many(tubelet_, tubelets_.get(), vivit_, nullptr) &&
         gst_pad_link(feed_.get(), first.get()) == GST_PAD_LINK_OK &&
         gst_element_sync_state_with_parent(tubelets_.get()) &&
         gst_element_sync_state_with_parent(frames_.get());
}

void Classify::set_up_pads() {
  for (GstPad* pad : {sink_, src_, feed_.get(), results_.get()}) gst_pad_set_element_private(pad, this);
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
  gst_pad_set_event_function(feed_.get(), [](GstPad*, GstObject*, GstEvent* event) -> gboolean {
    gst_event_unref(event);
    return FALSE;
  });
  gst_pad_set_query_function(feed_.get(), [](GstPad* pad, GstObject* parent, GstQuery* query) -> gboolean {
    if (GST_QUERY_TYPE(query) == GST_QUERY_LATENCY) return SELF(pad)->feed_latency(query);
    return gst_pad_query_default(pad, parent, query);
  });
  gst_pad_set_chain_function(results_.get(), [](GstPad* pad, GstObject*, GstBuffer* scores) -> GstFlowReturn {
    const auto owned = Owned<GstBuffer>::adopt(scores);
    for (ActionMeta& action : get_action_metas(scores)) SELF(pad)->latest_.put(std::move(action));
    return GST_FLOW_OK;
  });
  gst_pad_set_event_function(results_.get(), [](GstPad* pad, GstObject*, GstEvent* event) -> gboolean {
    const auto owned = Owned<GstEvent>::adopt(event);
    SELF(pad)->results_event(event);
    return TRUE;
  });
  gst_pad_set_event_function(src_, [](GstPad* pad, GstObject* bin, GstEvent* event) -> gboolean {
    if (GST_EVENT_TYPE(event) == GST_EVENT_QOS) SELF(pad)->tell_analysis(event);
    return gst_pad_event_default(pad, bin, event);
  });
  if (tubelets_) {
    const auto tubelets = Owned<GstPad>::adopt(gst_element_get_static_pad(tubelets_.get(), "sink"));
    gst_pad_add_probe(
        tubelets.get(), GST_PAD_PROBE_TYPE_BUFFER,
        [](GstPad*, GstPadProbeInfo* info, gpointer self) {
          static_cast<Classify*>(self)->make_room(GST_PAD_PROBE_INFO_BUFFER(info));
          return GST_PAD_PROBE_OK;
        },
        this, nullptr);
  }
#undef SELF
  GST_PAD_SET_PROXY_CAPS(sink_);
  GST_PAD_SET_PROXY_CAPS(src_);
  gst_element_add_pad(GST_ELEMENT(bin_), sink_);
  gst_element_add_pad(GST_ELEMENT(bin_), src_);
}

GObject* Classify::owner(const char* property) const {
  for (GstElement* child : {vivit_, label_, tubelet_})
    if (child && g_object_class_find_property(G_OBJECT_GET_CLASS(child), property)) return G_OBJECT(child);
  return nullptr;
}

/// The queue of tubelets is one of moments: crop=region cuts a tubelet of every person in each, and were it
/// full in the middle of one, the same persons would lose theirs every time.
void Classify::make_room(GstBuffer* tubelet) {
  if (std::exchange(moment_, GST_BUFFER_PTS(tubelet)) == GST_BUFFER_PTS(tubelet)) return;
  std::rotate(in_moment_.begin(), in_moment_.begin() + 1, in_moment_.end());
  in_moment_.back() = 1 + static_cast<guint>(std::max(0, tubelets_following(tubelet)));
  // Room for the largest of those that may be in it: a queue that shrinks while it is full loses half of one.
  const guint room = kHeldTubelets * *std::max_element(in_moment_.begin(), in_moment_.end());
  if (std::exchange(room_, room) != room) g_object_set(tubelets_.get(), "max-size-buffers", room, nullptr);
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
  if (!gst_pad_push_event(feed_.get(), eos)) return true;  // it has failed, or is at its end
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
  if (!label_) return;
  const auto last = Owned<GstPad>::adopt(gst_element_get_static_pad(label_, "src"));
  gst_pad_send_event(last.get(), gst_event_ref(qos));
}

void Classify::activate() {
  gst_segment_init(&segment_, GST_FORMAT_TIME);
  moment_ = GST_CLOCK_TIME_NONE;
  stopping_ = false;
  for (GstPad* pad : {results_.get(), feed_.get()}) gst_pad_set_active(pad, TRUE);
}

/// After the parts have stopped: no thread is in them any more.
void Classify::deactivate() {
  for (GstPad* pad : {feed_.get(), results_.get()}) gst_pad_set_active(pad, FALSE);
  bool queued = false;
  for (GstElement* queue : {frames_.get(), tubelets_.get()}) {
    if (!queue || GST_OBJECT_PARENT(queue) != GST_OBJECT(bin_)) continue;
    queued = true;
    gst_element_set_state(queue, GST_STATE_NULL);
    gst_bin_remove(bin_, queue);  // and unlinks it
  }
  if (queued) link_directly();
  latest_.clear();
  open_ = false;
}

/// Links the analysis and tells it what upstream has said so far.
void Classify::open() {
  live_ = is_live(sink_).value_or(may_be_live(GST_ELEMENT(bin_)));
  waiting_ = wait == kWaitAuto ? !live_ : wait == kWaitAlways;
  GST_INFO_OBJECT(bin_, "frames %s for the analysis", waiting_ ? "wait" : "do not wait");
  if (!waiting_ && !link_queues()) throw Error("cannot link the analysis of moneclassify");
  gst_pad_sticky_events_foreach(
      sink_,
      [](GstPad*, GstEvent** event, gpointer feed) -> gboolean {
        gst_pad_push_event(GST_PAD(feed), gst_event_ref(*event));
        return TRUE;
      },
      feed_.get());
  open_ = true;
}

/// OK unless the analysis has failed; that it is stopping or has seen EOS is no reason to stop the video.
GstFlowReturn Classify::analyse(GstBuffer* frame) {
  const GstFlowReturn flow = gst_pad_push(feed_.get(), gst_buffer_ref(frame));
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
    gst_pad_push_event(feed_.get(), gst_event_ref(event));
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
  return answered || wait != kWaitAlways;
}

/// The analysis may not be linked yet: its engine's context is asked for at the engine.
bool Classify::answer_context(GstQuery* query) const {
  if (!vivit_) return false;
  const auto pad = Owned<GstPad>::adopt(gst_element_get_static_pad(vivit_, "sink"));
  return gst_pad_query(pad.get(), query);
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
  const auto pad = Owned<GstPad>::adopt(gst_element_get_static_pad(vivit_, "sink"));
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

void mone::part_changed(GObject* part, GParamSpec* spec, gpointer bin) {
  const Classify* impl = GST_MONE_CLASSIFY(bin)->impl;
  if (!impl || spec->owner_type == GST_TYPE_OBJECT) return;  // being made; its name and parent are its own
  if (impl->owner(spec->name) == part && g_object_class_find_property(G_OBJECT_GET_CLASS(bin), spec->name))
    g_object_notify(G_OBJECT(bin), spec->name);
}

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
  else if (GObject* owner = impl(object).owner(spec->name))
    g_object_set_property(owner, spec->name, value);
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* spec) {
  if (id == mone::kWait)
    g_value_set_enum(value, impl(object).wait);
  else if (GObject* owner = impl(object).owner(spec->name))
    g_object_get_property(owner, spec->name, value);
}

GstStateChangeReturn change_state(GstElement* element, GstStateChange change) {
  const std::string& absent = impl(element).absent();
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

/// In the parts' own words.
void show_properties(GObjectClass* object_class) {
  guint id = mone::kFirstShown;
  for (const auto& [type, names] : mone::kShown) {
    auto* part = G_OBJECT_CLASS(g_type_class_ref(type()));
    for (const char* name : names)
      if (GParamSpec* spec = g_object_class_find_property(part, name))
        g_object_class_install_property(object_class, id++, mone::clone_param_spec(spec));
    g_type_class_unref(part);
  }
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
  show_properties(object_class);

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
