#include "elements/analytics.h"

#ifdef HAVE_GST_ANALYTICS
#include <gst/analytics/analytics.h>
#endif

namespace mone {

#ifdef HAVE_GST_ANALYTICS
void add_analytics(GstBuffer* buffer, const ActionMeta& action) {
  if (action.top.empty()) return;
  GstAnalyticsRelationMeta* meta = gst_buffer_get_analytics_relation_meta(buffer);
  if (!meta) meta = gst_buffer_add_analytics_relation_meta(buffer);
  if (!meta) return;

  std::vector<gfloat> scores;
  std::vector<GQuark> labels;
  for (const NamedScore& s : action.top) {
    scores.push_back(static_cast<gfloat>(s.score));
    labels.push_back(g_quark_from_string(s.label.c_str()));
  }
  const Box box = action.window.box_in_frame();
  GstAnalyticsODMtd object;
  GstAnalyticsClsMtd classes;
  if (!gst_analytics_relation_meta_add_od_mtd(meta, labels.front(), box.x, box.y, box.width, box.height,
                                              scores.front(), &object) ||
      !gst_analytics_relation_meta_add_cls_mtd(meta, scores.size(), scores.data(), labels.data(), &classes))
    return;
  gst_analytics_relation_meta_set_relation(meta, GST_ANALYTICS_REL_TYPE_RELATE_TO, object.id, classes.id);
}
#else
void add_analytics(GstBuffer*, const ActionMeta&) {}
#endif

}  // namespace mone
