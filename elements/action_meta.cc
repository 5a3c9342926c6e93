#include "elements/action_meta.h"

#include "elements/glue/custom_meta.h"
#include "elements/glue/structure.h"

namespace mone {
namespace {

constexpr char kMeta[] = "GstMoneActionMeta";

void write_scores_list(GstStructure* s, const char* labels, const char* scores,
                       const std::vector<NamedScore>& list) {
  std::vector<std::string> names;
  std::vector<double> values;
  for (const NamedScore& n : list) {
    names.push_back(n.label);
    values.push_back(n.score);
  }
  set_strings(s, labels, names);
  set_doubles(s, scores, values);
}

std::vector<NamedScore> read_scores_list(const GstStructure* s, const char* labels, const char* scores) {
  const auto names = get_strings(s, labels);
  const auto values = get_doubles(s, scores);
  std::vector<NamedScore> list;
  for (std::size_t i = 0; i < std::min(names.size(), values.size()); ++i)
    list.push_back({names[i], values[i]});
  return list;
}

void write_event(GstStructure* s, const ActionEvent& e) {
  gst_structure_set(s, "event", G_TYPE_STRING, e.event.c_str(), "label", G_TYPE_STRING, e.label.c_str(),
                    "label-index", G_TYPE_INT, e.index, "score", G_TYPE_DOUBLE, e.score, "start",
                    G_TYPE_UINT64, e.start, "end", G_TYPE_UINT64, e.end, nullptr);
}

void write_events(GstStructure* s, const std::vector<ActionEvent>& events) {
  GValue array = G_VALUE_INIT;
  gst_value_array_init(&array, static_cast<guint>(events.size()));
  for (const ActionEvent& e : events) {
    GstStructure* one = gst_structure_new_empty("mone-event");
    write_event(one, e);
    GValue item = G_VALUE_INIT;
    g_value_init(&item, GST_TYPE_STRUCTURE);
    g_value_take_boxed(&item, one);
    gst_value_array_append_and_take_value(&array, &item);
  }
  gst_structure_take_value(s, "events", &array);
}

std::vector<ActionEvent> read_events(const GstStructure* s) {
  std::vector<ActionEvent> events;
  const GValue* array = gst_structure_get_value(s, "events");
  if (!array || !GST_VALUE_HOLDS_ARRAY(array)) return events;
  for (guint i = 0; i < gst_value_array_get_size(array); ++i) {
    const GValue* item = gst_value_array_get_value(array, i);
    if (!GST_VALUE_HOLDS_STRUCTURE(item)) continue;
    const GstStructure* e = gst_value_get_structure(item);
    events.push_back({get_string(e, "event"), get_string(e, "label"), get_int(e, "label-index"),
                      get_double(e, "score"), get_uint64(e, "start", 0), get_uint64(e, "end", 0)});
  }
  return events;
}

}  // namespace

void write_action(GstStructure* s, const ActionMeta& a) {
  write_scores(s, a.window);
  write_model(s, a.model);
  const NamedScore best = a.top.empty() ? NamedScore{} : a.top.front();
  gst_structure_set(s, "label", G_TYPE_STRING, best.label.c_str(), "score", G_TYPE_DOUBLE, best.score,
                    "label-index", G_TYPE_INT, a.label_index, "fresh", G_TYPE_BOOLEAN, a.fresh, "stream-id",
                    G_TYPE_STRING, a.stream_id.c_str(), nullptr);
  write_scores_list(s, "top-labels", "top-scores", a.top);
  write_scores_list(s, "active-labels", "active-scores", a.active);
  write_events(s, a.events);
  if (!a.reference.empty())
    gst_structure_set(s, "reference", G_TYPE_STRING, a.reference.c_str(), "reference-start", G_TYPE_UINT64,
                      a.reference_start(), "reference-end", G_TYPE_UINT64, a.reference_end, nullptr);
}

ActionMeta read_action(const GstStructure* s) {
  ActionMeta a;
  a.window = read_scores(s);
  a.model = read_model(s);
  a.top = read_scores_list(s, "top-labels", "top-scores");
  a.active = read_scores_list(s, "active-labels", "active-scores");
  a.events = read_events(s);
  a.label_index = get_int(s, "label-index");
  a.fresh = get_bool(s, "fresh");
  a.stream_id = get_string(s, "stream-id");
  a.reference = get_string(s, "reference");
  a.reference_end = get_uint64(s, "reference-end");
  return a;
}

const GstMetaInfo* register_action_meta() {
  static const GstMetaInfo* const info = custom_meta(kMeta);
  return info;
}

void add_action_meta(GstBuffer* buffer, const ActionMeta& action) {
  register_action_meta();
  write_action(gst_custom_meta_get_structure(gst_buffer_add_custom_meta(buffer, kMeta)), action);
}

std::vector<ActionMeta> get_action_metas(GstBuffer* buffer) {
  const GstMetaInfo* info = register_action_meta();
  std::vector<ActionMeta> actions;
  gpointer state = nullptr;
  while (GstMeta* meta = gst_buffer_iterate_meta_filtered(buffer, &state, info->api))
    actions.push_back(read_action(gst_custom_meta_get_structure(reinterpret_cast<GstCustomMeta*>(meta))));
  return actions;
}

OwnedStructure action_message(const ActionMeta& action, const ActionEvent& event) {
  OwnedStructure s(gst_structure_new_empty("mone-label"));
  write_action(s.get(), action);
  gst_structure_remove_fields(s.get(), "events", "experts", nullptr);
  const Box box = action.window.box_in_frame();  // with no experts to lay over the crop
  gst_structure_set(s.get(), "x", G_TYPE_INT, box.x, "y", G_TYPE_INT, box.y, "width", G_TYPE_INT, box.width,
                    "height", G_TYPE_INT, box.height, nullptr);
  write_event(s.get(), event);
  return s;
}

}  // namespace mone
