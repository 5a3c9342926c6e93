#include "pipeline/eval_stats.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace mone {

Interval wilson(int right, int of) {
  if (of <= 0) return {0, 1};
  constexpr double z = 1.959963984540054;  // 95 %, two-sided
  const double n = of, p = right / n, z2 = z * z;
  const double middle = (p + z2 / (2 * n)) / (1 + z2 / n);
  const double half = z / (1 + z2 / n) * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n));
  return {std::max(middle - half, 0.0), std::min(middle + half, 1.0)};
}

Share Confusion::all() const {
  Share share;
  for (int i = 0; i < classes_; ++i) share.right += at(i, i);
  share.of = std::accumulate(counts_.begin(), counts_.end(), 0);
  return share;
}

Share Confusion::recall(int label) const {
  Share share{at(label, label), 0};
  for (int answer = 0; answer < classes_; ++answer) share.of += at(label, answer);
  return share;
}

Share Confusion::precision(int label) const {
  Share share{at(label, label), 0};
  for (int truth = 0; truth < classes_; ++truth) share.of += at(truth, label);
  return share;
}

int Confusion::most_taken_for(int label) const {
  int most = -1;
  for (int answer = 0; answer < classes_; ++answer)
    if (answer != label && at(label, answer) > (most < 0 ? 0 : at(label, most))) most = answer;
  return most;
}

const char* to_name(JudgedEvent::Verdict verdict) {
  switch (verdict) {
    case JudgedEvent::Verdict::kFound:
      return "found";
    case JudgedEvent::Verdict::kDouble:
      return "double";
    case JudgedEvent::Verdict::kFalseAlarm:
      return "false_alarm";
    case JudgedEvent::Verdict::kMissed:
      return "missed";
  }
  return "";
}

EventCounts::EventCounts(int classes, double tolerance) : tolerance_(tolerance), labels_(classes) {}

std::vector<JudgedEvent> EventCounts::add_video(std::vector<TimedLabel> happened,
                                                std::vector<TimedLabel> said, double seconds) {
  seconds_ += seconds;
  std::vector<bool> there(labels_.size()), found(happened.size());
  for (const TimedLabel& event : happened) {
    ++labels_[event.label].happened;
    there[event.label] = true;
  }
  for (std::size_t i = 0; i < labels_.size(); ++i)
    if (!there[i]) labels_[i].seconds_without += seconds;

  // What is said finds the event that ends first of those it overlaps.
  std::sort(happened.begin(), happened.end(), [](const auto& a, const auto& b) { return a.end < b.end; });
  std::sort(said.begin(), said.end(), [](const auto& a, const auto& b) { return a.begin < b.begin; });
  std::vector<JudgedEvent> judged;
  using Verdict = JudgedEvent::Verdict;
  for (const TimedLabel& event : said) {
    Label& label = labels_[event.label];
    bool overlaps = false, fresh = false;
    for (std::size_t i = 0; i < happened.size() && !fresh; ++i) {
      const TimedLabel& truth = happened[i];
      if (truth.label != event.label || event.begin > truth.end + tolerance_ ||
          event.end < truth.begin - tolerance_)
        continue;
      overlaps = true;
      fresh = !found[i];
      found[i] = true;
    }
    label.found += fresh;
    label.doubles += overlaps && !fresh;
    label.false_alarms += !overlaps;
    label.false_alarms_without += !overlaps && !there[event.label];
    judged.push_back({event, fresh ? Verdict::kFound : overlaps ? Verdict::kDouble : Verdict::kFalseAlarm});
  }
  for (std::size_t i = 0; i < happened.size(); ++i)
    if (!found[i]) judged.push_back({happened[i], Verdict::kMissed});
  std::stable_sort(judged.begin(), judged.end(),
                   [](const auto& a, const auto& b) { return a.event.begin < b.event.begin; });
  return judged;
}

Share EventCounts::recall() const {
  Share share;
  for (const Label& label : labels_) share.right += label.found, share.of += label.happened;
  return share;
}

Share EventCounts::precision() const {
  Share share;
  for (const Label& label : labels_) share.right += label.found, share.of += label.found + label.false_alarms;
  return share;
}

int EventCounts::false_alarms() const {
  int count = 0;
  for (const Label& label : labels_) count += label.false_alarms;
  return count;
}

}  // namespace mone
