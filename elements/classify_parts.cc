#include "elements/classify_parts.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "elements/cuda_memory.h"
#include "elements/elements.h"
#include "elements/glue/proxy.h"
#include "elements/scores_meta.h"
#include "elements/tubelet_meta.h"

namespace mone {
namespace {

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

/// "notify" of a part: what it changes by itself (budget-mode, as budget is set) is heard of from the bin.
void part_changed(GObject* part, GParamSpec* spec, gpointer bin) {
  for (const auto& [type, names] : kShown)
    if (G_OBJECT_TYPE(part) == type())
      for (const char* name : names)
        if (g_str_equal(name, spec->name)) g_object_notify(G_OBJECT(bin), name);
}

GstStaticPadTemplate feed_template = GST_STATIC_PAD_TEMPLATE(
    "feed", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-raw" MONE_CUDA_VIDEO_CAPS));
GstStaticPadTemplate results_template =
    GST_STATIC_PAD_TEMPLATE("results", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(MONE_SCORES_CAPS));

Owned<GstPad> new_pad(GstStaticPadTemplate* made_from) {
  return Owned<GstPad>::adopt(
      GST_PAD(gst_object_ref_sink(gst_pad_new_from_static_template(made_from, made_from->name_template))));
}

Owned<GstPad> pad_of(GstElement* element, const char* name) {
  return element ? Owned<GstPad>::adopt(gst_element_get_static_pad(element, name)) : Owned<GstPad>();
}

/// A source pad from its peer.
void unlink(GstPad* pad) {
  const auto peer = Owned<GstPad>::adopt(gst_pad_get_peer(pad));
  if (peer) gst_pad_unlink(pad, peer.get());
}

}  // namespace

GstElement* ClassifyParts::make(const char* factory, const char* name) {
  GstElement* element = gst_element_factory_make(factory, name);
  if (!element && absent_.empty()) absent_ = factory;
  return element;
}

GstElement* ClassifyParts::add(const char* factory, const char* name) {
  GstElement* element = make(factory, name);
  if (!element) return nullptr;
  gst_bin_add(bin_, element);
  // As long as there is a bin: an application may hold a part longer.
  g_signal_connect_object(element, "notify", G_CALLBACK(part_changed), bin_, static_cast<GConnectFlags>(0));
  return element;
}

/// That holds so many, of whatever size and duration, and lets go of the oldest.
Owned<GstElement> ClassifyParts::queue(const char* name, guint buffers) {
  GstElement* made = make("queue", name);
  if (!made) return {};
  constexpr int kLeakOldest = 2;
  g_object_set(made, "leaky", kLeakOldest, "max-size-buffers", buffers, "max-size-bytes", 0u, "max-size-time",
               guint64{0}, "silent", TRUE, nullptr);
  return Owned<GstElement>::adopt(GST_ELEMENT(gst_object_ref_sink(made)));
}

ClassifyParts::ClassifyParts(GstBin* bin)
    : bin_(bin),
      feed_(new_pad(&feed_template)),
      results_(new_pad(&results_template)),
      frames_(queue("frames", kHeldFrames - 1)),
      tubelets_(queue("tubelets", kHeldTubelets)),
      convert_(add("videoconvert", "convert")),
      tubelet_(add("monetubelet", "tubelet")),
      vivit_(add("monevivit", "vivit")),
      label_(add("monelabel", "label")) {
  if (!absent_.empty()) return;
  g_object_set(convert_, "qos", FALSE, nullptr);  // what is late for a display is not for the analysis
  gst_element_link(convert_, tubelet_);
  gst_element_link(vivit_, label_);
  gst_pad_link(last().get(), results_.get());
  link_directly();
  gst_pad_add_probe(
      pad_of(tubelets_.get(), "sink").get(), GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad*, GstPadProbeInfo* info, gpointer self) {
        static_cast<ClassifyParts*>(self)->make_room(GST_PAD_PROBE_INFO_BUFFER(info));
        return GST_PAD_PROBE_OK;
      },
      this, nullptr);
}

ClassifyParts::~ClassifyParts() {
  unlink(feed_.get());
  if (const auto end = Owned<GstPad>::adopt(gst_pad_get_peer(results_.get()))) unlink(end.get());
}

GObject* ClassifyParts::owner(const char* property) const {
  for (GstElement* child : {vivit_, label_, tubelet_})
    if (child && g_object_class_find_property(G_OBJECT_GET_CLASS(child), property)) return G_OBJECT(child);
  return nullptr;
}

Owned<GstPad> ClassifyParts::scorer() const { return pad_of(vivit_, "sink"); }
Owned<GstPad> ClassifyParts::last() const { return pad_of(label_, "src"); }

/// Without the queues.
void ClassifyParts::link_directly() {
  gst_pad_link(feed_.get(), pad_of(convert_, "sink").get());
  gst_element_link(tubelet_, vivit_);
}

bool ClassifyParts::add_queues() {
  unlink(feed_.get());
  gst_element_unlink(tubelet_, vivit_);
  for (GstElement* queue : {frames_.get(), tubelets_.get()}) gst_bin_add(bin_, queue);
  return gst_element_link(frames_.get(), convert_) &&
         gst_element_link_many(tubelet_, tubelets_.get(), vivit_, nullptr) &&
         gst_pad_link(feed_.get(), pad_of(frames_.get(), "sink").get()) == GST_PAD_LINK_OK &&
         gst_element_sync_state_with_parent(tubelets_.get()) &&
         gst_element_sync_state_with_parent(frames_.get());
}

void ClassifyParts::activate() {
  moment_ = GST_CLOCK_TIME_NONE;
  for (GstPad* pad : {results_.get(), feed_.get()}) gst_pad_set_active(pad, TRUE);
}

void ClassifyParts::deactivate() {
  for (GstPad* pad : {feed_.get(), results_.get()}) gst_pad_set_active(pad, FALSE);
  bool queued = false;
  for (GstElement* queue : {frames_.get(), tubelets_.get()}) {
    if (!queue || GST_OBJECT_PARENT(queue) != GST_OBJECT(bin_)) continue;
    queued = true;
    gst_element_set_state(queue, GST_STATE_NULL);
    gst_bin_remove(bin_, queue);  // and unlinks it
  }
  if (queued) link_directly();
}

/// The queue of tubelets is one of moments: crop=region cuts a tubelet of every person in each, and were it
/// full in the middle of one, the same persons would lose theirs every time.
void ClassifyParts::make_room(GstBuffer* tubelet) {
  if (std::exchange(moment_, GST_BUFFER_PTS(tubelet)) == GST_BUFFER_PTS(tubelet)) return;
  std::rotate(in_moment_.begin(), in_moment_.begin() + 1, in_moment_.end());
  in_moment_.back() = 1 + static_cast<guint>(std::max(0, tubelets_following(tubelet)));
  // Room for the largest of those that may be in it: a queue that shrinks while it is full loses half of one.
  const guint room = kHeldTubelets * *std::max_element(in_moment_.begin(), in_moment_.end());
  if (std::exchange(room_, room) != room) g_object_set(tubelets_.get(), "max-size-buffers", room, nullptr);
}

void show_part_properties(GObjectClass* bin_class, guint first) {
  for (const auto& [type, names] : kShown) {
    auto* part = G_OBJECT_CLASS(g_type_class_ref(type()));
    for (const char* name : names)
      if (GParamSpec* spec = g_object_class_find_property(part, name))
        g_object_class_install_property(bin_class, first++, clone_param_spec(spec));
    g_type_class_unref(part);
  }
}

}  // namespace mone
