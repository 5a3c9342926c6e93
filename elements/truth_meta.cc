#include "elements/truth_meta.h"

#include "elements/glue/custom_meta.h"

namespace mone {
namespace {
constexpr char kName[] = "GstMoneTruthMeta";
}

const GstMetaInfo* register_truth_meta() {
  static const GstMetaInfo* const info = custom_meta(kName);
  return info;
}

void add_truth_meta(GstBuffer* buffer, const TruthMeta& t) {
  register_truth_meta();
  GstStructure* s = gst_custom_meta_get_structure(gst_buffer_add_custom_meta(buffer, kName));
  gst_structure_set(s, "label", G_TYPE_STRING, t.label.c_str(), "label-index", G_TYPE_INT, t.label_index,
                    "in-transition", G_TYPE_BOOLEAN, t.in_transition, "phase", G_TYPE_DOUBLE, t.phase,
                    "persons", G_TYPE_INT, t.persons, "entry", G_TYPE_INT, t.entry, "x", G_TYPE_INT, t.x, "y",
                    G_TYPE_INT, t.y, "width", G_TYPE_INT, t.width, "height", G_TYPE_INT, t.height, nullptr);
}

std::optional<TruthMeta> get_truth_meta(GstBuffer* buffer) {
  register_truth_meta();
  GstCustomMeta* meta = gst_buffer_get_custom_meta(buffer, kName);
  if (!meta) return {};
  const GstStructure* s = gst_custom_meta_get_structure(meta);
  TruthMeta t;
  gboolean in_transition = FALSE;
  if (const char* label = gst_structure_get_string(s, "label")) t.label = label;
  gst_structure_get(s, "label-index", G_TYPE_INT, &t.label_index, "in-transition", G_TYPE_BOOLEAN,
                    &in_transition, "phase", G_TYPE_DOUBLE, &t.phase, "persons", G_TYPE_INT, &t.persons,
                    "entry", G_TYPE_INT, &t.entry, "x", G_TYPE_INT, &t.x, "y", G_TYPE_INT, &t.y, "width",
                    G_TYPE_INT, &t.width, "height", G_TYPE_INT, &t.height, nullptr);
  t.in_transition = in_transition;
  return t;
}

}  // namespace mone
