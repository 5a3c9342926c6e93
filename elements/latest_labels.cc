#include "elements/latest_labels.h"

#include <algorithm>

namespace mone {

void LatestLabels::put(ActionMeta action) {
  const std::lock_guard lock(mutex_);
  ActionMeta& slot = regions_[action.window.region];
  if (slot.fresh) action.events.insert(action.events.begin(), slot.events.begin(), slot.events.end());
  slot = std::move(action);
}

std::vector<ActionMeta> LatestLabels::at(GstClockTime pts) {
  std::vector<ActionMeta> labels;
  const std::lock_guard lock(mutex_);
  GstClockTime now = pts;
  if (!GST_CLOCK_TIME_IS_VALID(pts)) {
    now = 0;
    for (const auto& [region, action] : regions_) now = std::max(now, action.window.window_end);
  }
  for (auto it = regions_.begin(); it != regions_.end();) {
    ActionMeta& action = it->second;
    const ScoresMeta& window = action.window;
    if (now > window.window_end && now - window.window_end > window.max_gap) {
      it = regions_.erase(it);
      continue;
    }
    if (window.window_end <= now) {
      labels.push_back(action);
      action.fresh = false;
      action.events.clear();
    }
    ++it;
  }
  return labels;
}

void LatestLabels::clear() {
  const std::lock_guard lock(mutex_);
  regions_.clear();
}

}  // namespace mone
