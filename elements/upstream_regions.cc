#include "elements/upstream_regions.h"

#include <algorithm>

#ifdef HAVE_GST_ANALYTICS
#include <gst/analytics/analytics.h>
#endif

namespace mone {
namespace {

constexpr double kSameOverlap = 0.3;  // intersection over union

double area(const Box& box) { return static_cast<double>(box.width) * box.height; }

double overlap(const Box& a, const Box& b) {
  const double shared = area(intersection(a, b));
  return shared / std::max(1.0, area(a) + area(b) - shared);
}

}  // namespace

std::vector<UpstreamRegions::Found> UpstreamRegions::read(GstBuffer* buffer, const Box& visible) {
  std::vector<Found> found;
  const auto add = [&](const Box& box, gint id) {
    const Box inside = intersection(box, visible);
    if (inside.width > 0 && inside.height > 0) found.push_back({inside, id});
  };
  gpointer state = nullptr;
  while (GstMeta* meta =
             gst_buffer_iterate_meta_filtered(buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)) {
    const auto* roi = reinterpret_cast<const GstVideoRegionOfInterestMeta*>(meta);
    const auto n = [](guint v) { return static_cast<int>(std::min(v, 1u << 20)); };
    add({n(roi->x), n(roi->y), n(roi->w), n(roi->h)}, roi->id);
  }
#ifdef HAVE_GST_ANALYTICS
  if (GstAnalyticsRelationMeta* relations = gst_buffer_get_analytics_relation_meta(buffer)) {
    gpointer next = nullptr;
    GstAnalyticsMtd item;
    while (
        gst_analytics_relation_meta_iterate(relations, &next, gst_analytics_od_mtd_get_mtd_type(), &item)) {
      auto* object = reinterpret_cast<GstAnalyticsODMtd*>(&item);
      gint x = 0, y = 0, w = 0, h = 0;
      gfloat confidence = 0;
      if (gst_analytics_od_mtd_get_location(object, &x, &y, &w, &h, &confidence)) add({x, y, w, h}, 0);
    }
  }
#endif
  return found;
}

/// Takes out of `found` what is known already.
void UpstreamRegions::match(std::vector<Found>& found) {
  for (Known& known : known_) {
    auto best = found.end();
    double most = kSameOverlap;
    for (auto it = found.begin(); it != found.end(); ++it)
      if (const double o = overlap(it->box, known.region.box); o >= most) most = o, best = it;
    if (best == found.end() && known.upstream != 0)
      best = std::find_if(found.begin(), found.end(), [&](const Found& f) { return f.id == known.upstream; });
    if (best == found.end()) {
      ++known.unseen;
      continue;
    }
    known.region.box = best->box;
    known.upstream = best->id;
    known.unseen = 0;
    found.erase(best);
  }
}

std::span<const Region> UpstreamRegions::of(GstBuffer* buffer, const Box& visible) {
  auto found = read(buffer, visible);
  match(found);
  std::erase_if(known_, [](const Known& known) { return known.unseen > kKeptFrames; });
  if (known_.size() > most_) known_.resize(most_);
  for (const Found& f : found)
    if (known_.size() < most_) known_.push_back({{next_++, f.box}, f.id, 0});
  out_.clear();
  for (const Known& known : known_) out_.push_back(known.region);
  return out_;
}

}  // namespace mone
