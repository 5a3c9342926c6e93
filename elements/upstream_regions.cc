#include "elements/upstream_regions.h"

#include <algorithm>

#ifdef HAVE_GST_ANALYTICS
#include <gst/analytics/analytics.h>
#endif

namespace mone {
namespace {

constexpr double kSameOverlap = 0.3;  // intersection over union
[[maybe_unused]] constexpr double kSameBox = 0.9;
constexpr std::size_t kTypesTold = 8;

double area(const Box& box) { return static_cast<double>(box.width) * box.height; }

double overlap(const Box& a, const Box& b) {
  const double shared = area(intersection(a, b));
  return shared / std::max(1.0, area(a) + area(b) - shared);
}

#ifdef HAVE_GST_ANALYTICS
/// What a tracker says of a detection. Nothing where there is none.
struct Track {
  guint64 id = 0;
  bool there = false;
  bool lost = false;  // the tracker repeats where it saw it last
};

Track track_of(GstAnalyticsRelationMeta* relations, guint object) {
  Track track;
  gpointer next = nullptr;
  GstAnalyticsTrackingMtd tracking;
  GstClockTime first_seen, last_seen;
  gboolean lost = FALSE;
  track.there = gst_analytics_relation_meta_get_direct_related(relations, object, GST_ANALYTICS_REL_TYPE_ANY,
                                                               gst_analytics_tracking_mtd_get_mtd_type(),
                                                               &next, &tracking) &&
                gst_analytics_tracking_mtd_get_info(&tracking, &track.id, &first_seen, &last_seen, &lost);
  track.lost = lost;
  return track;
}
#endif

}  // namespace

bool UpstreamRegions::wanted(GQuark type) {
  if (type_.empty() || g_ascii_strcasecmp(type ? g_quark_to_string(type) : "", type_.c_str()) == 0)
    return true;
  if (other_types_.size() < kTypesTold) other_types_.insert(type);
  return false;
}

std::string UpstreamRegions::other_types() const {
  std::string names;
  for (const GQuark type : other_types_)
    names += (names.empty() ? "" : ", ") + std::string(type ? g_quark_to_string(type) : "without a type");
  return names;
}

std::vector<UpstreamRegions::Found> UpstreamRegions::read(GstBuffer* buffer, const Box& visible) {
  std::vector<Found> found;
  const auto add = [&](Found one) {
    one.box = intersection(one.box, visible);
    if (one.box.width > 0 && one.box.height > 0) found.push_back(one);
  };
  gpointer state = nullptr;
  while (GstMeta* meta =
             gst_buffer_iterate_meta_filtered(buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)) {
    const auto* roi = reinterpret_cast<const GstVideoRegionOfInterestMeta*>(meta);
    const auto n = [](guint v) { return static_cast<int>(std::min(v, 1u << 20)); };
    // 0 is what GStreamer gives where nobody sets one.
    const auto id = roi->id != 0 ? std::optional<guint64>(static_cast<guint>(roi->id)) : std::nullopt;
    if (wanted(roi->roi_type)) add({{n(roi->x), n(roi->y), n(roi->w), n(roi->h)}, id});
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
      if (!wanted(gst_analytics_od_mtd_get_obj_type(object)) ||
          !gst_analytics_od_mtd_get_location(object, &x, &y, &w, &h, &confidence))
        continue;
      const Track track = track_of(relations, item.id);
      if (track.lost) continue;
      // Some detectors write both metas for one box.
      const auto roi = std::find_if(found.begin(), found.end(), [&](const Found& f) {
        return !f.tracked && overlap(f.box, intersection({x, y, w, h}, visible)) > kSameBox;
      });
      if (roi != found.end() && !track.there) continue;
      if (roi != found.end()) found.erase(roi);
      add({{x, y, w, h}, track.there ? std::optional(track.id) : std::nullopt, track.there});
    }
  }
#endif
  return found;
}

/// Takes out of `found` what is known already.
void UpstreamRegions::match(std::vector<Found>& found, Time now) {
  std::vector<bool> seen(known_.size());
  const auto take = [&](std::size_t k, std::vector<Found>::iterator it) {
    Known& known = known_[k];
    known.region.box = it->box;
    known.seen = now;
    if (it->id) known.id = it->id, known.tracked = it->tracked;
    seen[k] = true;
    found.erase(it);
  };
  for (std::size_t k = 0; k < known_.size(); ++k) {
    const Known& known = known_[k];
    const auto same = std::find_if(found.begin(), found.end(), [&](const Found& f) {
      return f.tracked && known.tracked && f.id == known.id;
    });
    if (same != found.end()) take(k, same);
  }
  for (std::size_t k = 0; k < known_.size(); ++k) {
    if (seen[k]) continue;
    const Known& known = known_[k];
    auto best = found.end();
    double most = kSameOverlap;
    for (auto it = found.begin(); it != found.end(); ++it) {
      if (it->tracked && known.tracked) continue;  // the tracker says that it is somebody else
      if (const double o = overlap(it->box, known.region.box); o >= most) most = o, best = it;
    }
    if (best == found.end() && known.id && !known.tracked)
      best = std::find_if(found.begin(), found.end(),
                          [&](const Found& f) { return !f.tracked && f.id == known.id; });
    if (best != found.end()) take(k, best);
  }
}

/// For one more. Who is seen goes before who was.
bool UpstreamRegions::make_room(Time now) {
  if (known_.size() < most_) return true;
  const auto longest = seen_longest_ago();
  if (longest == known_.end() || longest->seen == now) return false;
  known_.erase(longest);
  return true;
}

/// Of those alike the newest.
std::vector<UpstreamRegions::Known>::iterator UpstreamRegions::seen_longest_ago() {
  auto longest = known_.begin();
  for (auto it = known_.begin(); it != known_.end(); ++it)
    if (it->seen <= longest->seen) longest = it;
  return longest;
}

std::span<const Region> UpstreamRegions::of(GstBuffer* buffer, const Box& visible, Time now) {
  auto found = read(buffer, visible);
  match(found, now);
  std::erase_if(known_, [now](const Known& known) { return now - known.seen > kKept; });
  while (known_.size() > most_) known_.erase(seen_longest_ago());
  for (const Found& f : found)
    if (make_room(now)) known_.push_back({{next_++, f.box}, f.id, f.tracked, now});
  out_.clear();
  for (const Known& known : known_) out_.push_back(known.region);
  return out_;
}

std::optional<guint64> UpstreamRegions::upstream_id(std::uint32_t region) const {
  for (const Known& known : known_)
    if (known.region.id == region) return known.id;
  return {};
}

}  // namespace mone
