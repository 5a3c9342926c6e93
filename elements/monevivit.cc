/**
 * SECTION:element-monevivit
 * @title: monevivit
 * @short_description: Scores video tubelets with a MoNE-ViViT model
 *
 * Takes tubelets as `monetubelet` cuts them, keeps the last few of each region in a window, and gives the
 * model's scores for every new one. What it takes is fixed by the loaded model and travels upstream by caps.
 * Elements of a process that name the same model, backend, dtype and threads share one engine.
 *
 * `budget` is the share of the model's width that a tubelet may spend. It can be changed while PLAYING and
 * acts on the next tubelet.
 *
 * ## Example
 *
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=90 ! monetubelet ! monevivit budget=0.5 ! monelabel ! fdsink
 * ]|
 */
#include <gst/base/gstbasetransform.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>

#include "elements/budget_source.h"
#include "elements/elements.h"
#include "elements/engine_cache.h"
#include "elements/glue/clock.h"
#include "elements/glue/element.h"
#include "elements/glue/gst_ptr.h"
#include "elements/glue/property.h"
#include "elements/region_windows.h"
#include "elements/scores_meta.h"
#include "elements/tubelet_caps.h"
#include "elements/tubelet_meta.h"

GST_DEBUG_CATEGORY_STATIC(mone_vivit_debug);
GST_DEBUG_CATEGORY_STATIC(mone_engine_debug);
#define GST_CAT_DEFAULT mone_vivit_debug

namespace mone {
namespace {

enum { kDtypeAuto, kDtypeF32, kDtypeBf16 };

GType dtype_type() {
  static const GEnumValue values[] = {
      {kDtypeAuto, "bf16 where the backend runs it in hardware, else f32", "auto"},
      {kDtypeF32, "32-bit floating point", "f32"},
      {kDtypeBf16, "Weights and activations in bfloat16, sums in f32", "bf16"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstMoneDtype", values);
  return type;
}

struct Settings {
  std::string model, backend;
  gint dtype = kDtypeAuto;
  gint threads = 0;
  bool deterministic = false;
  double budget = 1;
  guint64 max_gap = 0;

  bool same_engine(const Settings& o) const {
    return model == o.model && backend == o.backend && dtype == o.dtype && threads == o.threads &&
           deterministic == o.deterministic;
  }
};

constexpr Property<Settings> kProperties[] = {
    {"model", &Settings::model, "Model file (safetensors); empty: $MONE_MODEL, else the default model"},
    {"backend", &Settings::backend,
     "Backend by name (onednn, reference); empty: $MONE_BACKEND, else the best here"},
    {"dtype", &Settings::dtype, "Number format of the network", kReady, dtype_type},
    {"threads", &Settings::threads, {0, 1024}, "Threads of the engine; 0: every core this process may use"},
    {"deterministic", &Settings::deterministic, "Same bits whoever shares a batch"},
    {"budget",
     &Settings::budget,
     {0.0625, 1},
     "Mean share of the model's width a token gets, from the next tubelet on",
     kLive},
    {"max-gap", &Settings::max_gap, "Longest time without tubelets that a window may span, ns; 0: one window",
     kReady},
};
constexpr guint kStats = 1 + G_N_ELEMENTS(kProperties);

/// What `stats` tells.
struct Stats {
  guint64 processed = 0, lost = 0, restarts = 0;
  double rate = 0, budget = 0, realised = 0;
  double ms = 0, ms_mean = 0;  ///< last tubelet; exponential average over about 16
  guint regions = 0;
};

/// PTS and running time keep their relation: no window needs to end.
bool continues(const GstSegment& a, const GstSegment& b) {
  if (a.format != GST_FORMAT_TIME || b.format != GST_FORMAT_TIME || a.rate != b.rate) return false;
  const auto zero = [](const GstSegment& s) {
    return static_cast<double>(s.base) - static_cast<double>(s.start) - static_cast<double>(s.offset);
  };
  return !(b.flags & GST_SEGMENT_FLAG_RESET) && zero(a) == zero(b);
}

}  // namespace

/// The element's C++ half. Settings are what was asked, under the lock; the engine exists from READY on, the
/// windows between start and stop, and only the streaming thread touches those.
class Vivit {
 public:
  explicit Vivit(GstBaseTransform* element) : element_(element) {}

  void set(const Property<Settings>& property, const GValue* value) {
    const std::lock_guard lock(mutex_);
    set_property(settings_, property, value);
    budget_.fix(settings_.budget);
  }
  void get(const Property<Settings>& property, GValue* value) const {
    const std::lock_guard lock(mutex_);
    get_property(settings_, property, value);
  }

  /// Loads what the properties name, unless that is loaded already.
  Result<bool> open() {
    const Settings asked = settings();
    if (engine() && asked.same_engine(opened_)) return true;
    EngineOptions options;
    options.backend = asked.backend;
    options.threads = asked.threads;
    options.deterministic = asked.deterministic;
    if (asked.dtype != kDtypeAuto) options.dtype = asked.dtype == kDtypeF32 ? DType::kF32 : DType::kBf16;
    auto made = shared_engine(asked.model, options);
    if (!made) return made.error();
    const std::lock_guard lock(mutex_);
    engine_ = made.value();
    opened_ = asked;
    info_ = model_info(*engine_);
    sink_caps_ = tubelet_caps(tubelet_format(engine_->model().config()));
    src_caps_ = Owned<GstCaps>::adopt(gst_caps_new_simple(
        MONE_SCORES_CAPS, "classes", G_TYPE_INT, engine_->model().config().C, "model", G_TYPE_STRING,
        info_.model.c_str(), "model-hash", G_TYPE_STRING, info_.model_hash.c_str(), nullptr));
    return true;
  }
  void close() {
    const std::lock_guard lock(mutex_);
    engine_.reset();
    sink_caps_ = {};
    src_caps_ = {};
  }

  void start() {
    windows_ = std::make_unique<RegionWindows>(engine(), from_gst(settings().max_gap));
    told_model_ = false;
    last_budget_ = -1;
    refused_ = {};
    gst_segment_init(&segment_, GST_FORMAT_TIME);
    const std::lock_guard lock(mutex_);
    stats_ = {};
  }
  void stop() { windows_.reset(); }
  void restart() {
    if (windows_) windows_->reset();
  }

  /// The caps of one side once a model is loaded, null before.
  Owned<GstCaps> caps(GstPadDirection side) const {
    const std::lock_guard lock(mutex_);
    return side == GST_PAD_SINK ? sink_caps_ : src_caps_;
  }
  gsize scores_size() const {
    const auto e = engine();
    return e ? sizeof(float) * static_cast<gsize>(e->model().config().C) : 0;
  }
  Time nominal_hop() const {
    const auto e = engine();
    if (!e) return Time(0);
    return std::chrono::duration_cast<Time>(
        std::chrono::duration<double>(1 / e->model().config().rate_nominal));
  }

  /// Whether these caps are refused for the first time.
  bool refuse(GstCaps* caps) {
    if (refused_ && gst_caps_is_equal(refused_.get(), caps)) return false;
    refused_ = Owned<GstCaps>::share(caps);
    return true;
  }

  void on_segment(const GstSegment& segment) {
    if (!continues(segment_, segment)) restart();
    segment_ = segment;
  }
  void on_gap(GstClockTime end) {
    if (windows_ && GST_CLOCK_TIME_IS_VALID(end)) windows_->expire(from_gst(end));
  }

  GstFlowReturn score(GstBuffer* in, GstBuffer* out);
  GstStructure* stats() const;

 private:
  Settings settings() const {
    const std::lock_guard lock(mutex_);
    return settings_;
  }
  std::shared_ptr<Engine> engine() const {
    const std::lock_guard lock(mutex_);
    return engine_;
  }
  RegionTubelet read(GstBuffer* in, const TubeletMeta& meta, std::span<const std::uint8_t> pixels) const;
  void write(GstBuffer* out, const TubeletMeta& meta, const RegionWindows::Outcome& outcome) const;
  void count(const RegionWindows::Outcome& outcome, double rate, double ms);
  void tell_model();
  void tell_budget(GstBuffer* in, double budget);

  GstBaseTransform* element_;
  mutable std::mutex mutex_;
  Settings settings_, opened_;
  BudgetSource budget_;
  std::shared_ptr<Engine> engine_;
  ModelInfo info_;
  Owned<GstCaps> sink_caps_, src_caps_;
  Stats stats_;

  // Of the streaming thread.
  std::unique_ptr<RegionWindows> windows_;
  GstSegment segment_{};
  bool told_model_ = false;
  double last_budget_ = -1;
  Owned<GstCaps> refused_;
};

RegionTubelet Vivit::read(GstBuffer* in, const TubeletMeta& meta,
                          std::span<const std::uint8_t> pixels) const {
  RegionTubelet t;
  const GstClockTime end = GST_BUFFER_PTS_IS_VALID(in) ? GST_BUFFER_PTS(in) : 0;
  const GstClockTime begin = meta.frame_pts.empty() ? end : std::min(meta.frame_pts.front(), end);
  t.tubelet = {pixels, from_gst(begin), from_gst(end), meta.rate, meta.missing};
  t.region = meta.region;
  t.epoch = meta.epoch;
  t.discont = GST_BUFFER_IS_DISCONT(in);
  if (GST_BUFFER_DURATION_IS_VALID(in)) t.hop = from_gst(GST_BUFFER_DURATION(in));
  t.source_width = meta.source_width;
  t.source_height = meta.source_height;
  return t;
}

void Vivit::write(GstBuffer* out, const TubeletMeta& meta, const RegionWindows::Outcome& outcome) const {
  const Prediction& p = *outcome.prediction;
  gst_buffer_fill(out, 0, p.logits.data(), p.logits.size_bytes());
  ScoresMeta scores;
  scores.region = meta.region;
  scores.box = meta.box;
  scores.source_width = meta.source_width;
  scores.source_height = meta.source_height;
  scores.window_start = to_gst(p.window_begin);
  scores.window_end = to_gst(p.window_end);
  scores.max_gap = to_gst(outcome.max_gap);
  scores.budget = p.budget;
  scores.realised = p.realised;
  scores.rate = meta.rate;
  scores.missing = p.tubelets_missing;
  scores.warming = p.warming;
  scores.mixed_rate = p.mixed_rate;
  scores.rate_out_of_range = meta.rate_out_of_range;
  scores.experts.assign(p.experts.begin(), p.experts.end());
  add_scores_meta(out, scores);
  if (outcome.restarted)
    GST_BUFFER_FLAG_SET(out, GST_BUFFER_FLAG_DISCONT);
  else
    GST_BUFFER_FLAG_UNSET(out, GST_BUFFER_FLAG_DISCONT);
}

GstFlowReturn Vivit::score(GstBuffer* in, GstBuffer* out) {
  const BufferMap pixels(in, GST_MAP_READ);
  if (!pixels) throw Error("cannot read the tubelet's memory");
  const TubeletMeta meta = get_tubelet_meta(in).value_or(TubeletMeta{});
  const double budget = budget_.next(meta.rate);
  tell_budget(in, budget);
  const auto began = std::chrono::steady_clock::now();
  const auto outcome = windows_->push(read(in, meta, {pixels.data(), pixels.size()}), budget);
  const std::chrono::duration<double, std::milli> ms = std::chrono::steady_clock::now() - began;
  if (outcome.restarted) GST_INFO_OBJECT(element_, "region %u starts a window", meta.region);
  if (outcome.lost) GST_DEBUG_OBJECT(element_, "region %u lost %d tubelets", meta.region, outcome.lost);
  write(out, meta, outcome);
  count(outcome, meta.rate, ms.count());
  tell_model();
  return GST_FLOW_OK;
}

void Vivit::count(const RegionWindows::Outcome& outcome, double rate, double ms) {
  const std::lock_guard lock(mutex_);
  stats_.processed++;
  stats_.lost += static_cast<guint64>(outcome.lost);
  stats_.restarts += outcome.restarted;
  stats_.rate = rate;
  stats_.budget = outcome.prediction->budget;
  stats_.realised = outcome.prediction->realised;
  stats_.ms = ms;
  stats_.ms_mean = stats_.processed == 1 ? ms : stats_.ms_mean + (ms - stats_.ms_mean) / 16;
  stats_.regions = static_cast<guint>(windows_->size());
}

/// Once, after caps and segment and before the first scores.
void Vivit::tell_model() {
  if (std::exchange(told_model_, true)) return;
  mutex_.lock();
  const ModelInfo info = info_;
  mutex_.unlock();
  gst_pad_push_event(GST_BASE_TRANSFORM_SRC_PAD(element_), new_model_event(info));
}

/// A QOS message whose quality is the budget, whenever that changes.
void Vivit::tell_budget(GstBuffer* in, double budget) {
  if (std::exchange(last_budget_, budget) == budget) return;
  mutex_.lock();
  const Stats now = stats_;
  mutex_.unlock();
  const GstClockTime pts = GST_BUFFER_PTS(in);
  GstMessage* message = gst_message_new_qos(
      GST_OBJECT(element_), FALSE, gst_segment_to_running_time(&segment_, GST_FORMAT_TIME, pts),
      gst_segment_to_stream_time(&segment_, GST_FORMAT_TIME, pts), pts, GST_BUFFER_DURATION(in));
  gst_message_set_qos_values(message, 0, 1, static_cast<gint>(budget * 1e6 + 0.5));
  gst_message_set_qos_stats(message, GST_FORMAT_BUFFERS, now.processed, now.lost);
  gst_element_post_message(GST_ELEMENT(element_), message);
}

GstStructure* Vivit::stats() const {
  const std::lock_guard lock(mutex_);
  GstStructure* s = gst_structure_new(
      "application/x-mone-stats", "processed", G_TYPE_UINT64, stats_.processed, "lost", G_TYPE_UINT64,
      stats_.lost, "restarts", G_TYPE_UINT64, stats_.restarts, "regions", G_TYPE_UINT, stats_.regions, "rate",
      G_TYPE_DOUBLE, stats_.rate, "budget", G_TYPE_DOUBLE, stats_.budget, "realised", G_TYPE_DOUBLE,
      stats_.realised, "ms-per-tubelet", G_TYPE_DOUBLE, stats_.ms_mean, "ms-last", G_TYPE_DOUBLE, stats_.ms,
      nullptr);
  if (engine_)
    gst_structure_set(s, "model", G_TYPE_STRING, info_.model.c_str(), "model-hash", G_TYPE_STRING,
                      info_.model_hash.c_str(), "backend", G_TYPE_STRING, info_.backend.c_str(), "dtype",
                      G_TYPE_STRING, info_.dtype.c_str(), "threads", G_TYPE_INT, engine_->threads(), nullptr);
  return s;
}

}  // namespace mone

#define GST_TYPE_MONE_VIVIT (gst_mone_vivit_get_type())
G_DECLARE_FINAL_TYPE(GstMoneVivit, gst_mone_vivit, GST, MONE_VIVIT, GstBaseTransform)
struct _GstMoneVivit {
  GstBaseTransform parent;
  mone::Vivit* impl;  // new in init, delete in finalize
};
G_DEFINE_TYPE(GstMoneVivit, gst_mone_vivit, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE(monevivit, "monevivit", GST_RANK_NONE, GST_TYPE_MONE_VIVIT)

namespace {

using mone::guarded;
using mone::Owned;

GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(MONE_TUBELET_CAPS));
GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(MONE_SCORES_CAPS));

mone::Vivit& impl(void* element) { return *GST_MONE_VIVIT(element)->impl; }

void finalize(GObject* object) {
  delete GST_MONE_VIVIT(object)->impl;
  G_OBJECT_CLASS(gst_mone_vivit_parent_class)->finalize(object);
}

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* spec) {
  if (id < mone::kStats)
    impl(object).set(mone::kProperties[id - 1], value);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* spec) {
  if (id < mone::kStats)
    impl(object).get(mone::kProperties[id - 1], value);
  else if (id == mone::kStats)
    g_value_take_boxed(value, impl(object).stats());
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

/// The model is there from READY on, so that caps are known before anything flows; a property changed in
/// READY takes effect on the way to PAUSED.
bool open(GstElement* element) {
  return guarded(element, false, [&] {
    const auto opened = impl(element).open();
    if (!opened) mone::post_failure(element, opened.error());
    return opened.has_value();
  });
}

GstStateChangeReturn change_state(GstElement* element, GstStateChange change) {
  if (change == GST_STATE_CHANGE_NULL_TO_READY || change == GST_STATE_CHANGE_READY_TO_PAUSED)
    if (!open(element)) return GST_STATE_CHANGE_FAILURE;
  const auto result = GST_ELEMENT_CLASS(gst_mone_vivit_parent_class)->change_state(element, change);
  if (change == GST_STATE_CHANGE_READY_TO_NULL) impl(element).close();
  return result;
}

gboolean start(GstBaseTransform* t) {
  return guarded(t, FALSE, [&] {
    impl(t).start();
    return TRUE;
  });
}

gboolean stop(GstBaseTransform* t) {
  impl(t).stop();
  return TRUE;
}

/// Caps of the other side, given some of this side.
GstCaps* transform_caps(GstBaseTransform* t, GstPadDirection direction, GstCaps* caps, GstCaps* filter) {
  const bool down = direction == GST_PAD_SINK;
  const auto here = impl(t).caps(direction);
  auto there = impl(t).caps(down ? GST_PAD_SRC : GST_PAD_SINK);
  if (!there)
    there = Owned<GstCaps>::adopt(gst_static_pad_template_get_caps(down ? &src_template : &sink_template));
  if (here && !gst_caps_can_intersect(here.get(), caps)) return gst_caps_new_empty();
  if (!filter) return there.release();
  return gst_caps_intersect_full(filter, there.get(), GST_CAPS_INTERSECT_FIRST);
}

/// Any tubelets pass here, so that the CAPS event arrives and the answer to wrong ones says what is wanted.
gboolean accept_caps(GstBaseTransform*, GstPadDirection direction, GstCaps* caps) {
  const auto all = Owned<GstCaps>::adopt(
      gst_static_pad_template_get_caps(direction == GST_PAD_SINK ? &sink_template : &src_template));
  return gst_caps_is_subset(caps, all.get());
}

gboolean transform_size(GstBaseTransform* t, GstPadDirection direction, GstCaps*, gsize size, GstCaps*,
                        gsize* othersize) {
  if (direction != GST_PAD_SINK) return FALSE;
  static_cast<void>(size);
  *othersize = impl(t).scores_size();
  return TRUE;
}

gboolean transform_meta(GstBaseTransform*, GstBuffer*, GstMeta* meta, GstBuffer*) {
  return meta->info->api ==
         GST_REFERENCE_TIMESTAMP_META_API_TYPE;  // wall clock times stay with the window's end
}

GstFlowReturn transform(GstBaseTransform* t, GstBuffer* in, GstBuffer* out) {
  return guarded(t, GST_FLOW_ERROR, [&] { return impl(t).score(in, out); });
}

bool takes(GstBaseTransform* t, GstEvent* event) {
  GstCaps* caps = nullptr;
  gst_event_parse_caps(event, &caps);
  const auto wanted = impl(t).caps(GST_PAD_SINK);
  const bool fits = !wanted || gst_caps_is_subset(caps, wanted.get());
  if (fits || !impl(t).refuse(caps)) return fits;  // upstream repeats the event, one error is enough
  const mone::OwnedChars can(gst_caps_to_string(wanted.get())), got(gst_caps_to_string(caps));
  GST_ELEMENT_ERROR(
      t, STREAM, FORMAT, ("These tubelets do not fit the model, which takes %s.", can.get()),
      ("got %s; let monetubelet negotiate with monevivit, or load the model they were cut for", got.get()));
  return false;
}

gboolean sink_event(GstBaseTransform* t, GstEvent* event) {
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_CAPS:
      if (!takes(t, event)) {
        gst_event_unref(event);
        return FALSE;
      }
      break;
    case GST_EVENT_FLUSH_STOP:
      impl(t).restart();
      break;
    case GST_EVENT_SEGMENT: {
      const GstSegment* segment = nullptr;
      gst_event_parse_segment(event, &segment);
      impl(t).on_segment(*segment);
      break;
    }
    case GST_EVENT_GAP: {
      GstClockTime pts, duration;
      gst_event_parse_gap(event, &pts, &duration);
      impl(t).on_gap(GST_CLOCK_TIME_IS_VALID(duration) ? pts + duration : pts);
      break;
    }
    default:
      break;
  }
  return GST_BASE_TRANSFORM_CLASS(gst_mone_vivit_parent_class)->sink_event(t, event);
}

/// A live tubelet may take until the next one comes.
gboolean query(GstBaseTransform* t, GstPadDirection direction, GstQuery* query) {
  const bool done = GST_BASE_TRANSFORM_CLASS(gst_mone_vivit_parent_class)->query(t, direction, query);
  if (!done || direction != GST_PAD_SRC || GST_QUERY_TYPE(query) != GST_QUERY_LATENCY) return done;
  gboolean live;
  GstClockTime min, max;
  gst_query_parse_latency(query, &live, &min, &max);
  if (live) {
    const auto hop = static_cast<GstClockTime>(impl(t).nominal_hop().count());
    gst_query_set_latency(query, live, min + hop, GST_CLOCK_TIME_IS_VALID(max) ? max + hop : max);
  }
  return TRUE;
}

}  // namespace

/// The engine's own lines, as the category `moneengine`.
static void log_engine(int level, const std::string& line) {
  constexpr GstDebugLevel kLevels[] = {GST_LEVEL_ERROR, GST_LEVEL_WARNING, GST_LEVEL_INFO, GST_LEVEL_DEBUG};
  GST_CAT_LEVEL_LOG(mone_engine_debug, kLevels[std::clamp(level, 0, 3)], nullptr, "%s", line.c_str());
}

static void gst_mone_vivit_class_init(GstMoneVivitClass* klass) {
  GST_DEBUG_CATEGORY_INIT(mone_vivit_debug, "monevivit", 0, "tubelets to scores");
  GST_DEBUG_CATEGORY_INIT(mone_engine_debug, "moneengine", 0, "the network and its backends");
  mone::set_log_sink(log_engine);
  auto* object_class = G_OBJECT_CLASS(klass);
  object_class->finalize = finalize;
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  mone::install_properties<mone::Settings>(object_class, mone::kProperties);
  g_object_class_install_property(
      object_class, mone::kStats,
      g_param_spec_boxed(
          "stats", "stats",
          "Model, backend, tubelets processed and lost, restarts, rate, budget asked and realised, "
          "milliseconds per tubelet",
          GST_TYPE_STRUCTURE, static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));

  auto* element_class = GST_ELEMENT_CLASS(klass);
  element_class->change_state = change_state;
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_static_metadata(element_class, "MoNE-ViViT scores", "Filter/Analyzer/Video",
                                        "Scores video tubelets with a Mixture of Nested Experts video "
                                        "transformer, at a compute budget that can be "
                                        "turned while it runs",
                                        "The gst-mone authors");
  gst_element_class_add_static_metadata(
      element_class, "example",
      "gst-launch-1.0 videotestsrc num-buffers=90 ! monetubelet ! monevivit budget=0.5 ! monelabel ! fdsink");
  gst_type_mark_as_plugin_api(mone::dtype_type(), static_cast<GstPluginAPIFlags>(0));

  auto* transform_class = GST_BASE_TRANSFORM_CLASS(klass);
  transform_class->start = start;
  transform_class->stop = stop;
  transform_class->transform_caps = transform_caps;
  transform_class->accept_caps = accept_caps;
  transform_class->transform_size = transform_size;
  transform_class->transform_meta = transform_meta;
  transform_class->transform = transform;
  transform_class->sink_event = sink_event;
  transform_class->query = query;
}

static void gst_mone_vivit_init(GstMoneVivit* self) {
  self->impl = new mone::Vivit(GST_BASE_TRANSFORM(self));
  gst_base_transform_set_qos_enabled(GST_BASE_TRANSFORM(self), TRUE);
}
