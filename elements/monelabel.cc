/**
 * SECTION:element-monelabel
 * @title: monelabel
 * @short_description: Turns action scores into labels
 *
 * Softmax, smoothing over time, top-k, and labels that switch on above one threshold and off below a lower
 * one. What comes out is what downstream takes: `application/x-json` (one object a line),
 * `text/x-raw,format=utf8` (feeds `textoverlay wait-text=false`), or the scores themselves with a
 * `GstMoneActionMeta` on each buffer.
 *
 * Element messages named `mone-label` tell the application what begins, goes on and ends (property
 * `messages`; none begins while a window is still filling): `event` is "new", "update" or "end"; `label`,
 * `score`, `start`, `end`; and where, when and how it was found. Times are PTS in nanoseconds (in JSON
 * seconds of PTS), as of the buffers they belong to; `stream-time` is `start` as a player counts, from the
 * beginning of the file. (Many files begin at a PTS above 0.) All fields: docs/messages.md.
 *
 * ## Example
 *
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=90 ! monetubelet ! monevivit ! monelabel top-k=3 !
 * application/x-json ! fdsink
 * ]|
 */
#include <gst/base/gstbasetransform.h>

#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "elements/action_meta.h"
#include "elements/elements.h"
#include "elements/glue/clock.h"
#include "elements/glue/element.h"
#include "elements/glue/gst_ptr.h"
#include "elements/glue/property.h"
#include "elements/glue/segment.h"
#include "elements/label_text.h"
#include "elements/scores_meta.h"
#include "engine/labels.h"

GST_DEBUG_CATEGORY_STATIC(mone_label_debug);
#define GST_CAT_DEFAULT mone_label_debug

namespace mone {
namespace {

enum { kMessagesNone, kMessagesChanges, kMessagesAll };

GType messages_type() {
  static const GEnumValue values[] = {{kMessagesNone, "No messages", "none"},
                                      {kMessagesChanges, "What begins and what ends", "changes"},
                                      {kMessagesAll, "Also each window of what goes on", "all"},
                                      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstMoneLabelMessages", values);
  return type;
}

struct Settings {
  guint top_k = 5;
  double smoothing = 0.5;
  double on = 0.5;
  double off = 0.35;
  gint messages = kMessagesChanges;

  LabelPolicy policy() const { return {static_cast<int>(top_k), smoothing, on, std::min(on, off)}; }
};

constexpr Property<Settings> kProperties[] = {
    {"top-k", &Settings::top_k, {1, 1000}, "Labels reported with each window", kLive},
    {"smoothing",
     &Settings::smoothing,
     {0, 3600},
     "Time constant of the exponential average over scores, seconds; 0: none",
     kLive},
    {"on", &Settings::on, {0, 1}, "A label begins when its score reaches this", kLive},
    {"off", &Settings::off, {0, 1}, "A label ends when its score falls below this; at most `on`", kLive},
    {"messages", &Settings::messages, "Element messages `mone-label` on the bus", kLive, messages_type},
};

enum class Output { kJson, kText, kScores };

GstBuffer* new_text_buffer(const std::string& text) {
  return gst_buffer_new_memdup(text.data(), text.size());
}

}  // namespace

/// The element's C++ half: settings under the lock, all else belongs to the streaming thread.
class Label {
 public:
  explicit Label(GstBaseTransform* element) : element_(element) {}

  void set(const Property<Settings>& property, const GValue* value) {
    const std::lock_guard lock(mutex_);
    set_property(settings_, property, value);
    settings_changed_ = true;
  }
  void get(const Property<Settings>& property, GValue* value) const {
    const std::lock_guard lock(mutex_);
    get_property(settings_, property, value);
  }

  void start() {
    labels_.reset();
    last_.clear();
    info_ = {};
    output_ = Output::kJson;
    max_gap_ = Time(0);
  }
  void set_caps(const GstCaps* in, const GstCaps* out);
  void set_model(const ModelInfo& info) {
    info_ = info;
    info_.labels.clear();
    names_ = info;
  }
  /// Ends what is on, and says so: on the bus, and downstream if `push`.
  void finish(bool push);
  void on_segment(const GstSegment& segment);
  void on_gap(GstClockTime end);
  GstBuffer* label(GstBuffer* in);

 private:
  struct Last {  // of a region, to say where its labels ended
    ActionMeta action;
    GstClockTime duration = GST_CLOCK_TIME_NONE;
  };
  Settings settings() {
    const std::lock_guard lock(mutex_);
    if (std::exchange(settings_changed_, false) && labels_) labels_->set_policy(settings_.policy());
    return settings_;
  }
  ActionMeta describe(GstBuffer* in, const LabelState& state, ScoresMeta window) const;
  ActionEvent name(const LabelEvent& event) const;
  void end_regions(const std::vector<RegionLabels::Ended>& ended, bool push);
  void expire(Time now);
  void post(const ActionMeta& action, gint which);
  GstBuffer* write(const ActionMeta& action, GstBuffer* in) const;

  GstBaseTransform* element_;
  mutable std::mutex mutex_;
  Settings settings_;
  bool settings_changed_ = false;

  int classes_ = 0;
  Output output_ = Output::kJson;
  ModelInfo info_, names_;
  std::unique_ptr<RegionLabels> labels_;
  std::map<guint, Last> last_;
  Time max_gap_{0};  // of the newest scores
};

void Label::set_caps(const GstCaps* in, const GstCaps* out) {
  const GstStructure* s = gst_caps_get_structure(in, 0);
  int classes = 0;
  if (!gst_structure_get_int(s, "classes", &classes) || classes < 1)
    throw ShapeError("scores of no class; connect monelabel to monevivit");
  const GstStructure* o = gst_caps_get_structure(out, 0);
  output_ = gst_structure_has_name(o, "application/x-json") ? Output::kJson
            : gst_structure_has_name(o, "text/x-raw")       ? Output::kText
                                                            : Output::kScores;
  if (labels_ && classes == classes_) return;
  finish(false);
  const std::lock_guard lock(mutex_);
  classes_ = classes;
  labels_ = std::make_unique<RegionLabels>(classes, settings_.policy());
}

ActionEvent Label::name(const LabelEvent& e) const {
  return {to_name(e.kind), names_.label(e.label), e.label, e.score, to_gst(e.begin), to_gst(e.end)};
}

ActionMeta Label::describe(GstBuffer* in, const LabelState& state, ScoresMeta window) const {
  ActionMeta a;
  a.window = std::move(window);
  a.model = info_;
  for (const ScoredLabel& l : state.top) a.top.push_back({names_.label(l.label), l.score});
  for (const ScoredLabel& l : state.active) a.active.push_back({names_.label(l.label), l.score});
  for (const LabelEvent& e : state.events) a.events.push_back(name(e));
  a.label_index = state.top.front().label;
  if (const OwnedChars id{gst_pad_get_stream_id(GST_BASE_TRANSFORM_SINK_PAD(element_))})
    a.stream_id = id.get();
  if (const auto* reference = gst_buffer_get_reference_timestamp_meta(in, nullptr)) {
    const OwnedChars caps(gst_caps_to_string(reference->reference));
    a.reference = caps.get();
    a.reference_end = reference->timestamp;
  }
  return a;
}

GstBuffer* Label::label(GstBuffer* in) {
  if (!labels_) throw Error("scores came before caps");
  const Settings s = settings();
  const BufferMap map(in, GST_MAP_READ);
  if (!map) throw Error("cannot read the scores");
  std::vector<float> logits(map.size() / sizeof(float));
  std::memcpy(logits.data(), map.data(), logits.size() * sizeof(float));
  ScoresMeta window = get_scores_meta(in).value_or(ScoresMeta{});
  if (window.window_end == 0 && GST_BUFFER_PTS_IS_VALID(in)) {
    window.window_end = GST_BUFFER_PTS(in);
    window.window_start = GST_BUFFER_PTS(in);
  }
  const Time end = from_gst(window.window_end);
  // Of a model with short windows, or where predictions come seldom, the next one may be later than a window
  // is long.
  if (window.max_gap > 0 && GST_BUFFER_DURATION_IS_VALID(in))
    window.max_gap = std::max(window.max_gap, GST_BUFFER_DURATION(in) + GST_BUFFER_DURATION(in) / 2);
  if (window.max_gap > 0) max_gap_ = from_gst(window.max_gap);
  expire(end);
  const LabelState& state =
      labels_->update(window.region, logits, from_gst(window.window_start), end, window.warming,
                      GST_BUFFER_DURATION_IS_VALID(in) ? from_gst(GST_BUFFER_DURATION(in)) : Time(0));
  Last& last = last_[window.region];
  last = {describe(in, state, std::move(window)), GST_BUFFER_DURATION(in)};
  post(last.action, s.messages);
  return write(last.action, in);
}

void Label::post(const ActionMeta& action, gint which) {
  for (const ActionEvent& event : action.events) {
    GST_LOG_OBJECT(element_, "%s %s %.2f", event.event.c_str(), event.label.c_str(), event.score);
    if (which == kMessagesNone || (which == kMessagesChanges && event.event == "update")) continue;
    OwnedStructure message = action_message(action, event);
    // Also of a start before the present segment, which a label that goes on may have.
    guint64 stream_time = 0;
    if (gst_segment_to_stream_time_full(&element_->segment, GST_FORMAT_TIME, event.start, &stream_time) == 1)
      gst_structure_set(message.get(), "stream-time", G_TYPE_UINT64, stream_time, nullptr);
    gst_element_post_message(GST_ELEMENT(element_),
                             gst_message_new_element(GST_OBJECT(element_), message.release()));
  }
}

GstBuffer* Label::write(const ActionMeta& action, GstBuffer* in) const {
  GstBuffer* out = output_ == Output::kJson   ? new_text_buffer(json_line(action))
                   : output_ == Output::kText ? new_text_buffer(plain_text(action))
                                              : gst_buffer_copy(in);
  if (output_ != Output::kScores)
    gst_buffer_copy_into(out, in,
                         static_cast<GstBufferCopyFlags>(GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS),
                         0, static_cast<gsize>(-1));
  // Half a hop over, or textoverlay would blink whenever the next text is a little late.
  if (output_ == Output::kText && GST_BUFFER_DURATION_IS_VALID(out))
    GST_BUFFER_DURATION(out) += GST_BUFFER_DURATION(out) / 2;
  add_action_meta(out, action);
  return out;
}

void Label::end_regions(const std::vector<RegionLabels::Ended>& ended, bool push) {
  for (const auto& [region, events] : ended) {
    const auto found = last_.find(region);
    if (found == last_.end()) continue;
    Last last = std::move(found->second);
    last_.erase(found);
    if (events.empty()) continue;
    last.action.fresh = false;
    last.action.active.clear();
    last.action.events.clear();
    for (const LabelEvent& e : events) last.action.events.push_back(name(e));
    post(last.action, settings().messages);
    if (!push || output_ != Output::kJson) continue;
    GstBuffer* line = new_text_buffer(json_line(last.action));
    GST_BUFFER_PTS(line) = last.action.window.window_end;
    add_action_meta(line, last.action);
    gst_pad_push(GST_BASE_TRANSFORM_SRC_PAD(element_), line);
  }
}

/// Ends the labels of regions that have not been seen for max_gap.
void Label::expire(Time now) {
  if (labels_ && max_gap_ > Time(0)) end_regions(labels_->expire(now, max_gap_), true);
}

void Label::on_gap(GstClockTime end) {
  if (GST_CLOCK_TIME_IS_VALID(end)) expire(from_gst(end));
}

void Label::on_segment(const GstSegment& segment) {
  if (!continues(element_->segment, segment)) finish(true);  // times to come may lie before what has been
}

void Label::finish(bool push) {
  if (labels_) end_regions(labels_->reset(), push);
  last_.clear();
}

}  // namespace mone

#define GST_TYPE_MONE_LABEL (gst_mone_label_get_type())
G_DECLARE_FINAL_TYPE(GstMoneLabel, gst_mone_label, GST, MONE_LABEL, GstBaseTransform)
struct _GstMoneLabel {
  GstBaseTransform parent;
  mone::Label* impl;  // new in init, delete in finalize
};
G_DEFINE_TYPE(GstMoneLabel, gst_mone_label, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE(monelabel, "monelabel", GST_RANK_NONE, GST_TYPE_MONE_LABEL)

namespace {

using mone::guarded;
using mone::Owned;

#define MONE_TEXT_CAPS "application/x-json; text/x-raw, format=(string)utf8"

GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(MONE_SCORES_CAPS));
GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(MONE_TEXT_CAPS "; " MONE_SCORES_CAPS));

mone::Label& impl(void* element) { return *GST_MONE_LABEL(element)->impl; }

void finalize(GObject* object) {
  delete GST_MONE_LABEL(object)->impl;
  G_OBJECT_CLASS(gst_mone_label_parent_class)->finalize(object);
}

void set_property(GObject* object, guint id, const GValue* value, GParamSpec*) {
  impl(object).set(mone::kProperties[id - 1], value);
}
void get_property(GObject* object, guint id, GValue* value, GParamSpec*) {
  impl(object).get(mone::kProperties[id - 1], value);
}

gboolean start(GstBaseTransform* t) {
  impl(t).start();
  return TRUE;
}

/// Text in three forms from any scores: JSON first, where downstream takes all.
GstCaps* transform_caps(GstBaseTransform*, GstPadDirection direction, GstCaps* caps, GstCaps* filter) {
  auto there = Owned<GstCaps>::adopt(
      gst_caps_from_string(direction == GST_PAD_SINK ? MONE_TEXT_CAPS : MONE_SCORES_CAPS));
  if (direction == GST_PAD_SINK)
    there = Owned<GstCaps>::adopt(gst_caps_merge(there.release(), gst_caps_ref(caps)));
  if (!filter) return there.release();
  return gst_caps_intersect_full(filter, there.get(), GST_CAPS_INTERSECT_FIRST);
}

gboolean set_caps(GstBaseTransform* t, GstCaps* in, GstCaps* out) {
  return guarded(t, FALSE, [&] {
    impl(t).set_caps(in, out);
    return TRUE;
  });
}

/// Texts differ in size, so the whole answer is made here.
GstFlowReturn prepare_output_buffer(GstBaseTransform* t, GstBuffer* in, GstBuffer** out) {
  return guarded(t, GST_FLOW_ERROR, [&] {
    *out = impl(t).label(in);
    return GST_FLOW_OK;
  });
}
GstFlowReturn transform(GstBaseTransform*, GstBuffer*, GstBuffer*) { return GST_FLOW_OK; }

gboolean sink_event(GstBaseTransform* t, GstEvent* event) {
  if (const auto info = mone::parse_model_event(event)) impl(t).set_model(*info);
  if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP) impl(t).finish(false);
  guarded(t, FALSE, [&] {
    if (GST_EVENT_TYPE(event) == GST_EVENT_EOS) impl(t).finish(true);
    if (GST_EVENT_TYPE(event) == GST_EVENT_SEGMENT) {
      const GstSegment* segment = nullptr;
      gst_event_parse_segment(event, &segment);
      impl(t).on_segment(*segment);
    }
    if (GST_EVENT_TYPE(event) == GST_EVENT_GAP) {
      GstClockTime pts, duration;
      gst_event_parse_gap(event, &pts, &duration);
      impl(t).on_gap(GST_CLOCK_TIME_IS_VALID(duration) ? pts + duration : pts);
    }
    return TRUE;
  });
  return GST_BASE_TRANSFORM_CLASS(gst_mone_label_parent_class)->sink_event(t, event);
}

}  // namespace

static void gst_mone_label_class_init(GstMoneLabelClass* klass) {
  GST_DEBUG_CATEGORY_INIT(mone_label_debug, "monelabel", 0, "scores to labels");
  auto* object_class = G_OBJECT_CLASS(klass);
  object_class->finalize = finalize;
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  mone::install_properties<mone::Settings>(object_class, mone::kProperties);

  auto* element_class = GST_ELEMENT_CLASS(klass);
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_static_metadata(
      element_class, "Action labels", "Filter/Analyzer",
      "Turns action scores into labels with a start and an end, as JSON lines, "
      "text or metadata, and as messages on the bus",
      "The gst-mone authors");
  gst_element_class_add_static_metadata(element_class, "example",
                                        "gst-launch-1.0 videotestsrc num-buffers=90 ! monetubelet ! "
                                        "monevivit ! monelabel top-k=3 ! application/x-json ! fdsink");
  gst_type_mark_as_plugin_api(mone::messages_type(), static_cast<GstPluginAPIFlags>(0));

  auto* transform_class = GST_BASE_TRANSFORM_CLASS(klass);
  transform_class->start = start;
  transform_class->transform_caps = transform_caps;
  transform_class->set_caps = set_caps;
  transform_class->prepare_output_buffer = prepare_output_buffer;
  transform_class->transform = transform;
  transform_class->sink_event = sink_event;
}

static void gst_mone_label_init(GstMoneLabel* self) {
  self->impl = new mone::Label(GST_BASE_TRANSFORM(self));
  gst_base_transform_set_in_place(GST_BASE_TRANSFORM(self), FALSE);
}
