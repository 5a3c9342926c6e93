#include "elements/latest_labels.h"

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
  for (auto it = regions_.begin(); it != regions_.end();) {
    ActionMeta& action = it->second;
    const ScoresMeta& window = action.window;
    if (GST_CLOCK_TIME_IS_VALID(pts) && pts > window.window_end && pts - window.window_end > window.max_gap) {
      it = regions_.erase(it);
      continue;
    }
    if (!GST_CLOCK_TIME_IS_VALID(pts) || window.window_end <= pts) {
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
