/**
 * SECTION:element-monevivit
 * @title: monevivit
 * @short_description: Scores video tubelets with a MoNE-ViViT model
 *
 * Takes tubelets as `monetubelet` cuts them, keeps the last few of each region in a window, and gives the
 * model's scores for every new one. What it takes is fixed by the loaded model and travels upstream by caps.
 * Elements of a process that name the same model, backend, device, dtype, threads and deterministic share
 * one engine.
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
#include <string>
#include <string_view>
#include <utility>

#include "elements/elements.h"
#include "elements/glue/element.h"
#include "elements/glue/gst_ptr.h"
#include "elements/glue/property.h"
#include "elements/scores_meta.h"
#include "elements/tubelet_caps.h"
#include "elements/vivit_scorer.h"

GST_DEBUG_CATEGORY(mone_vivit_debug);  // of vivit_scorer.cc, too
GST_DEBUG_CATEGORY(mone_budget_debug);
GST_DEBUG_CATEGORY_STATIC(mone_engine_debug);
#define GST_CAT_DEFAULT mone_vivit_debug

namespace mone {
namespace {

GType dtype_type() {
  static const GEnumValue values[] = {
      {kDtypeAuto, "bf16 where the backend runs it in hardware, else f32", "auto"},
      {kDtypeF32, "32-bit floating point", "f32"},
      {kDtypeBf16, "Weights and activations in bfloat16, sums in f32", "bf16"},
      {kDtypeInt8, "Products in int8, the rest as in bf16; refused for a model whose answers it changes",
       "int8"},
      {kDtypeF16, "Weights and activations in half precision, sums in f32: for GPUs without bfloat16", "f16"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstMoneDtype", values);
  return type;
}

GType budget_mode_type() {
  static const GEnumValue values[] = {
      {kBudgetAuto, "The engine, as the streams and the machine ask; budget-max where not live", "auto"},
      {kBudgetFixed, "The property budget", "fixed"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstMoneBudgetMode", values);
  return type;
}

constexpr Property<VivitSettings> kProperties[] = {
    {"model", &VivitSettings::model,
     "Model file (safetensors) or Hugging Face ViViT folder; empty: $MONE_MODEL, else the default model"},
    {"backend", &VivitSettings::backend,
     "Backend by name (cuda, onednn, reference); empty: $MONE_BACKEND, else the best here"},
    {"device", &VivitSettings::device,
     "Where the network runs: auto (a GPU that can, else the CPU, decided at the start), cpu, cuda, or "
     "cuda:N"},
    {"dtype", &VivitSettings::dtype, "Number format of the network", kReady, dtype_type},
    {"threads",
     &VivitSettings::threads,
     {0, 1024},
     "Threads of the engine; 0: every core this process may use"},
    {"deterministic", &VivitSettings::deterministic, "Same bits whoever shares a batch"},
    {"hf-compat", &VivitSettings::hf_compat,
     "Follow the preprocessor's JSON of a Hugging Face folder (size, range of the pixels) instead of what "
     "its weights were trained on"},
    {"budget-mode", &VivitSettings::budget_mode, "Who sets the budget", kLive, budget_mode_type},
    {"budget",
     &VivitSettings::budget,
     {0.0625, 1},
     "Mean share of the model's width a token gets, from the next tubelet on. Reading tells the present one; "
     "writing it sets budget-mode=fixed",
     kLive},
    {"budget-min",
     &VivitSettings::budget_min,
     {0.0625, 1},
     "budget-mode=auto: never less (at most budget-max)",
     kLive},
    {"budget-max",
     &VivitSettings::budget_max,
     {0.0625, 1},
     "budget-mode=auto: never more; what a stream gets that is not live",
     kLive},
    {"latency-target",
     &VivitSettings::latency_target,
     {0, 1e12},
     "Time from a tubelet to its scores that a live stream may take, ns; 0: until the next tubelet",
     kLive},
    {"stream-weight",
     &VivitSettings::stream_weight,
     {0.001, 1000},
     "Budget, and turns when the engine is short, relative to other streams of the same engine",
     kLive},
    {"utilisation",
     &VivitSettings::utilisation,
     {0.01, 1},
     "Share of the engine's time that budgets are planned for. All streams of an engine have the same: who "
     "writes last",
     kLive},
    {"max-gap",
     &VivitSettings::max_gap,
     {0, 1e12},
     "Longest time without tubelets that a window may span, ns; 0: one window",
     kReady},
};
constexpr guint kStats = 1 + G_N_ELEMENTS(kProperties);

}  // namespace
}  // namespace mone

#define GST_TYPE_MONE_VIVIT (gst_mone_vivit_get_type())
G_DECLARE_FINAL_TYPE(GstMoneVivit, gst_mone_vivit, GST, MONE_VIVIT, GstBaseTransform)
struct _GstMoneVivit {
  GstBaseTransform parent;
  mone::VivitScorer* impl;  // new in init, delete in finalize
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

mone::VivitScorer& impl(void* element) { return *GST_MONE_VIVIT(element)->impl; }

void finalize(GObject* object) {
  delete GST_MONE_VIVIT(object)->impl;
  G_OBJECT_CLASS(gst_mone_vivit_parent_class)->finalize(object);
}

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* spec) {
  if (id < mone::kStats) {
    impl(object).set(mone::kProperties[id - 1], value);
    const std::string_view name = spec->name;
    if (name == "budget") g_object_notify(object, "budget-mode");
    if (name == "latency-target")
      gst_element_post_message(GST_ELEMENT(object), gst_message_new_latency(GST_OBJECT(object)));
  } else
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

/// One tubelet may be answered by none, one or several buffers of scores: called until it gives none.
GstFlowReturn generate_output(GstBaseTransform* t, GstBuffer** out) {
  auto in = Owned<GstBuffer>::adopt(std::exchange(t->queued_buf, nullptr));
  return guarded(t, GST_FLOW_ERROR, [&] {
    if (in) impl(t).take(std::move(in));
    *out = impl(t).next().release();
    return GST_FLOW_OK;
  });
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
  const GstEventType type = GST_EVENT_TYPE(event);
  if ((gst_event_type_get_flags(type) & GST_EVENT_TYPE_SERIALIZED) && type != GST_EVENT_FLUSH_STOP)
    guarded(t, false, [&] {
      impl(t).drain();
      return true;
    });
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_CAPS:
      if (!takes(t, event)) {
        gst_event_unref(event);
        return FALSE;
      }
      impl(t).on_caps();
      break;
    case GST_EVENT_STREAM_START:
      impl(t).on_stream_start();
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

/// Downstream's QOS is the controller's to answer, and goes on upstream.
gboolean src_event(GstBaseTransform* t, GstEvent* event) {
  if (GST_EVENT_TYPE(event) == GST_EVENT_QOS) {
    gdouble proportion = 1;
    gst_event_parse_qos(event, nullptr, &proportion, nullptr, nullptr);
    guarded(t, false, [&] {
      impl(t).on_qos(proportion);
      return true;
    });
  }
  return GST_BASE_TRANSFORM_CLASS(gst_mone_vivit_parent_class)->src_event(t, event);
}

/// A live tubelet may take until the next one comes, or latency-target.
gboolean query(GstBaseTransform* t, GstPadDirection direction, GstQuery* query) {
  if (GST_QUERY_TYPE(query) == GST_QUERY_CONTEXT && impl(t).answer_context(query)) return TRUE;
  const bool done = GST_BASE_TRANSFORM_CLASS(gst_mone_vivit_parent_class)->query(t, direction, query);
  if (!done || direction != GST_PAD_SRC || GST_QUERY_TYPE(query) != GST_QUERY_LATENCY) return done;
  gboolean live;
  GstClockTime min, max;
  gst_query_parse_latency(query, &live, &min, &max);
  if (live) {
    const auto hop = static_cast<GstClockTime>(impl(t).latency().count());
    gst_query_set_latency(query, live, min + hop, GST_CLOCK_TIME_IS_VALID(max) ? max + hop : max);
  }
  return TRUE;
}

}  // namespace

/// Why a controller changed its plan, one line each, as the category `monebudget`.
static void log_decision(const mone::Decision& decision) {
  if (gst_debug_category_get_threshold(mone_budget_debug) >= GST_LEVEL_INFO)
    GST_CAT_INFO(mone_budget_debug, "%s", mone::to_string(decision).c_str());
}

/// The engine's own lines, as the category `moneengine`.
static void log_engine(int level, const std::string& line) {
  constexpr GstDebugLevel kLevels[] = {GST_LEVEL_ERROR, GST_LEVEL_WARNING, GST_LEVEL_INFO, GST_LEVEL_DEBUG};
  GST_CAT_LEVEL_LOG(mone_engine_debug, kLevels[std::clamp(level, 0, 3)], nullptr, "%s", line.c_str());
}

static void gst_mone_vivit_class_init(GstMoneVivitClass* klass) {
  GST_DEBUG_CATEGORY_INIT(mone_vivit_debug, "monevivit", 0, "tubelets to scores");
  GST_DEBUG_CATEGORY_INIT(mone_engine_debug, "moneengine", 0, "the network and its backends");
  GST_DEBUG_CATEGORY_INIT(mone_budget_debug, "monebudget", 0, "what tubelets may spend, and why");
  mone::set_log_sink(log_engine);
  mone::set_decision_sink(log_decision);
  auto* object_class = G_OBJECT_CLASS(klass);
  object_class->finalize = finalize;
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  mone::install_properties<mone::VivitSettings>(object_class, mone::kProperties);
  g_object_class_install_property(
      object_class, mone::kStats,
      g_param_spec_boxed(
          "stats", "stats",
          "Tubelets processed, lost, skipped, not-predicted (wide hop), deadline-misses, "
          "restarts (windows begun, the first too; uint64); regions (uint); rate, budget, realised, "
          "batch, ms-per-tubelet of the engine, ms-last, ms-waited (double), hop, queue (int), "
          "budget-mode, live; of the engine: engine-level, engine-load, engine-busy, engine-batch, "
          "engine-slowness, utilisation (double), engine-streams (int), engine-decisions (uint64); model, "
          "model-hash, backend, dtype, threads",
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
  for (GType (*type)() : {mone::dtype_type, mone::budget_mode_type})
    gst_type_mark_as_plugin_api(type(), static_cast<GstPluginAPIFlags>(0));

  auto* transform_class = GST_BASE_TRANSFORM_CLASS(klass);
  transform_class->start = start;
  transform_class->stop = stop;
  transform_class->transform_caps = transform_caps;
  transform_class->accept_caps = accept_caps;
  transform_class->transform_size = transform_size;
  transform_class->transform_meta = transform_meta;
  transform_class->generate_output = generate_output;
  // Never called; without one the base class would hand the tubelet itself on.
  transform_class->transform = [](GstBaseTransform*, GstBuffer*, GstBuffer*) {
    return GST_FLOW_NOT_SUPPORTED;
  };
  transform_class->sink_event = sink_event;
  transform_class->src_event = src_event;
  transform_class->query = query;
}

static void gst_mone_vivit_init(GstMoneVivit* self) {
  self->impl = new mone::VivitScorer(GST_BASE_TRANSFORM(self));
  // The base class would drop tubelets that nobody counts; the controller lowers the budget instead.
  gst_base_transform_set_qos_enabled(GST_BASE_TRANSFORM(self), FALSE);
}
