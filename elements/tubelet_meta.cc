#include "elements/tubelet_meta.h"

#include "elements/glue/custom_meta.h"
#include "elements/glue/structure.h"

namespace mone {
namespace {

constexpr char kName[] = "GstMoneTubeletMeta";

/// Writes the PTS list in place where its length allows.
void set_frame_pts(GstStructure* s, const std::vector<GstClockTime>& pts) {
  const GValue* present = gst_structure_get_value(s, "frame-pts");
  if (present && GST_VALUE_HOLDS_ARRAY(present) && gst_value_array_get_size(present) == pts.size()) {
    for (guint i = 0; i < pts.size(); ++i)
      g_value_set_uint64(const_cast<GValue*>(gst_value_array_get_value(present, i)), pts[i]);
    return;
  }
  GValue array = G_VALUE_INIT;
  gst_value_array_init(&array, static_cast<guint>(pts.size()));
  for (GstClockTime t : pts) {
    GValue item = G_VALUE_INIT;
    g_value_init(&item, G_TYPE_UINT64);
    g_value_set_uint64(&item, t);
    gst_value_array_append_and_take_value(&array, &item);
  }
  gst_structure_take_value(s, "frame-pts", &array);
}

}  // namespace

const GstMetaInfo* register_tubelet_meta() {
  static const GstMetaInfo* const info = custom_meta(kName);
  return info;
}

GstMeta* set_tubelet_meta(GstBuffer* buffer, const TubeletMeta& m) {
  register_tubelet_meta();
  GstCustomMeta* meta = gst_buffer_get_custom_meta(buffer, kName);
  if (!meta) meta = gst_buffer_add_custom_meta(buffer, kName);
  GstStructure* s = gst_custom_meta_get_structure(meta);
  gst_structure_set(s, "region", G_TYPE_UINT, m.region, "x", G_TYPE_INT, m.box.x, "y", G_TYPE_INT, m.box.y,
                    "width", G_TYPE_INT, m.box.width, "height", G_TYPE_INT, m.box.height, "source-width",
                    G_TYPE_INT, m.source_width, "source-height", G_TYPE_INT, m.source_height, "missing",
                    G_TYPE_INT, m.missing, "rate", G_TYPE_DOUBLE, m.rate, "stride", G_TYPE_INT, m.stride,
                    "epoch", G_TYPE_UINT, m.epoch, "rate-out-of-range", G_TYPE_BOOLEAN, m.rate_out_of_range,
                    "interlaced", G_TYPE_BOOLEAN, m.interlaced, "cut-at", G_TYPE_UINT64, m.cut_at,
                    "following", G_TYPE_INT, m.following, nullptr);
  set_uint64(s, "upstream-id", m.upstream_id);
  set_frame_pts(s, m.frame_pts);
  return &meta->meta;
}

int tubelets_following(GstBuffer* buffer) {
  register_tubelet_meta();
  GstCustomMeta* meta = gst_buffer_get_custom_meta(buffer, kName);
  int following = 0;
  if (meta) gst_structure_get_int(gst_custom_meta_get_structure(meta), "following", &following);
  return following;
}

std::optional<TubeletMeta> get_tubelet_meta(GstBuffer* buffer) {
  register_tubelet_meta();
  GstCustomMeta* meta = gst_buffer_get_custom_meta(buffer, kName);
  if (!meta) return {};
  const GstStructure* s = gst_custom_meta_get_structure(meta);
  TubeletMeta m;
  gboolean out_of_range = FALSE, interlaced = FALSE;
  gst_structure_get(s, "region", G_TYPE_UINT, &m.region, "x", G_TYPE_INT, &m.box.x, "y", G_TYPE_INT, &m.box.y,
                    "width", G_TYPE_INT, &m.box.width, "height", G_TYPE_INT, &m.box.height, "source-width",
                    G_TYPE_INT, &m.source_width, "source-height", G_TYPE_INT, &m.source_height, "missing",
                    G_TYPE_INT, &m.missing, "rate", G_TYPE_DOUBLE, &m.rate, "stride", G_TYPE_INT, &m.stride,
                    "epoch", G_TYPE_UINT, &m.epoch, "rate-out-of-range", G_TYPE_BOOLEAN, &out_of_range,
                    "interlaced", G_TYPE_BOOLEAN, &interlaced, "cut-at", G_TYPE_UINT64, &m.cut_at,
                    "following", G_TYPE_INT, &m.following, nullptr);
  m.upstream_id = find_uint64(s, "upstream-id");
  m.rate_out_of_range = out_of_range;
  m.interlaced = interlaced;
  const GValue* pts = gst_structure_get_value(s, "frame-pts");
  if (pts && GST_VALUE_HOLDS_ARRAY(pts))
    for (guint i = 0; i < gst_value_array_get_size(pts); ++i)
      m.frame_pts.push_back(g_value_get_uint64(gst_value_array_get_value(pts, i)));
  return m;
}

}  // namespace mone
