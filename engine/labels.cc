#include "engine/labels.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace mone {
namespace {

void check(const LabelPolicy& p) {
  if (p.top_k < 1) throw ConfigError("top-k must be at least 1, not " + std::to_string(p.top_k));
  if (!(p.smoothing >= 0))
    throw ConfigError("smoothing must be 0 or more seconds, not " + std::to_string(p.smoothing));
  if (!(p.off >= 0 && p.off <= p.on && p.on <= 1))
    throw ConfigError("thresholds must satisfy 0 <= off <= on <= 1, not off " + std::to_string(p.off) +
                      " and on " + std::to_string(p.on));
}

}  // namespace

const char* to_name(EventKind kind) {
  switch (kind) {
    case EventKind::kNew:
      return "new";
    case EventKind::kUpdate:
      return "update";
    case EventKind::kEnd:
      return "end";
  }
  return "";
}

void softmax(std::span<const float> logits, std::span<float> probs) {
  float top = -INFINITY;
  for (float x : logits)
    if (std::isfinite(x)) top = std::max(top, x);
  double sum = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    probs[i] = std::isfinite(logits[i]) ? std::exp(logits[i] - top) : 0.f;
    sum += probs[i];
  }
  if (sum > 0)
    for (float& p : probs) p = static_cast<float>(p / sum);
}

LabelTracker::LabelTracker(int classes, const LabelPolicy& policy) {
  if (classes < 1) throw ConfigError("labels need at least one class, not " + std::to_string(classes));
  const auto n = static_cast<std::size_t>(classes);
  now_.resize(n);
  smoothed_.resize(n);
  active_.resize(n);
  order_.resize(n);
  set_policy(policy);
}

void LabelTracker::set_policy(const LabelPolicy& policy) {
  check(policy);
  policy_ = policy;
}

const LabelState& LabelTracker::update(std::span<const float> logits, Time window_begin, Time window_end,
                                       bool warming, Time interval) {
  if (logits.size() != now_.size())
    throw ShapeError("scores of " + std::to_string(logits.size()) + " classes where the model has " +
                     std::to_string(now_.size()));
  state_.events.clear();
  const bool apart = window_begin > last_end_ && window_end - last_end_ > interval + interval / 2;
  if (!empty_ && (apart || window_end < last_end_)) state_.events = reset();
  state_.restarted = empty_;
  softmax(logits, now_);
  smooth(window_end);
  find_events(window_begin + (window_end - window_begin) / 2, window_end, warming);
  find_top();
  return state_;
}

void LabelTracker::smooth(Time window_end) {
  double share = 1;
  if (!empty_ && policy_.smoothing > 0)
    share = -std::expm1(-std::chrono::duration<double>(window_end - last_end_).count() / policy_.smoothing);
  for (std::size_t i = 0; i < now_.size(); ++i)
    smoothed_[i] += static_cast<float>(share * (now_[i] - smoothed_[i]));
  if (share == 1) smoothed_ = now_;
  last_end_ = window_end;
  empty_ = false;
}

void LabelTracker::find_events(Time middle, Time window_end, bool warming) {
  state_.active.clear();
  std::vector<LabelEvent> goes_on, begins;
  for (std::size_t i = 0; i < active_.size(); ++i) {
    Active& a = active_[i];
    const float score = smoothed_[i];
    const int label = static_cast<int>(i);
    if (a.on && score < policy_.off) {
      state_.events.push_back({EventKind::kEnd, label, a.peak, a.begin, std::max(a.begin, middle)});
      a = {};
    } else if (a.on) {
      a.peak = std::max(a.peak, score);
      goes_on.push_back({EventKind::kUpdate, label, score, a.begin, window_end});
    } else if (score >= policy_.on && !warming) {
      a = {true, score, middle};
      begins.push_back({EventKind::kNew, label, score, middle, middle});
    }
    if (a.on) state_.active.push_back({label, score});
  }
  state_.events.insert(state_.events.end(), goes_on.begin(), goes_on.end());
  state_.events.insert(state_.events.end(), begins.begin(), begins.end());
}

void LabelTracker::find_top() {
  const auto k = std::min(static_cast<std::size_t>(policy_.top_k), order_.size());
  std::iota(order_.begin(), order_.end(), 0);
  const auto score = [this](int label) { return smoothed_[static_cast<std::size_t>(label)]; };
  std::partial_sort(order_.begin(), order_.begin() + static_cast<std::ptrdiff_t>(k), order_.end(),
                    [&](int a, int b) { return score(a) != score(b) ? score(a) > score(b) : a < b; });
  state_.top.clear();
  for (std::size_t i = 0; i < k; ++i) state_.top.push_back({order_[i], score(order_[i])});
}

std::vector<LabelEvent> LabelTracker::reset() {
  std::vector<LabelEvent> ended;
  for (std::size_t i = 0; i < active_.size(); ++i)
    if (active_[i].on)
      ended.push_back({EventKind::kEnd, static_cast<int>(i), active_[i].peak, active_[i].begin,
                       std::max(active_[i].begin, last_end_)});
  std::fill(active_.begin(), active_.end(), Active{});
  std::fill(smoothed_.begin(), smoothed_.end(), 0.f);
  empty_ = true;
  return ended;
}

RegionLabels::RegionLabels(int classes, const LabelPolicy& policy) : classes_(classes), policy_(policy) {
  LabelTracker(classes, policy);  // says at once what is wrong with them
}

void RegionLabels::set_policy(const LabelPolicy& policy) {
  check(policy);
  policy_ = policy;
  for (auto& [region, tracker] : trackers_) tracker.set_policy(policy);
}

const LabelState& RegionLabels::update(unsigned region, std::span<const float> logits, Time window_begin,
                                       Time window_end, bool warming, Time interval) {
  return trackers_.try_emplace(region, classes_, policy_)
      .first->second.update(logits, window_begin, window_end, warming, interval);
}

std::vector<RegionLabels::Ended> RegionLabels::expire(Time now, Time age) {
  std::vector<Ended> ended;
  for (auto it = trackers_.begin(); it != trackers_.end();) {
    if (now - it->second.last_window_end() <= age) {
      ++it;
      continue;
    }
    ended.push_back({it->first, it->second.reset()});
    it = trackers_.erase(it);
  }
  return ended;
}

std::vector<RegionLabels::Ended> RegionLabels::reset() {
  std::vector<Ended> ended;
  for (auto& [region, tracker] : trackers_) ended.push_back({region, tracker.reset()});
  trackers_.clear();
  return ended;
}

}  // namespace mone
