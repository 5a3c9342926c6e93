/// Counts to figures: intervals, confusion, events. Nothing here knows about videos or models.
#pragma once

#include <map>
#include <vector>

namespace mone {

/// A proportion's 95 % interval (Wilson's score interval): honest where n is small or the share near 0 or 1.
struct Interval {
  double low = 0, high = 1;
};
Interval wilson(int right, int of);

/// How often something was right.
struct Share {
  int right = 0, of = 0;
  void add(bool good) { right += good, ++of; }
  double value() const { return of ? static_cast<double>(right) / of : 0; }
  Interval interval() const { return wilson(right, of); }
};

/// Truth by answer, [C, C].
class Confusion {
 public:
  explicit Confusion(int classes = 0)
      : classes_(classes), counts_(static_cast<std::size_t>(classes) * classes) {}
  void add(int truth, int answer) { ++counts_[truth * classes_ + answer]; }
  int classes() const { return classes_; }
  int at(int truth, int answer) const { return counts_[truth * classes_ + answer]; }
  Share all() const;
  /// Of those that are `label`, how many were called so.
  Share recall(int label) const;
  /// Of those called `label`, how many were.
  Share precision(int label) const;
  /// What `label` was most often taken for, or -1.
  int most_taken_for(int label) const;

 private:
  int classes_;
  std::vector<int> counts_;
};

/// Something that happens, or is said to happen, in one video.
struct TimedLabel {
  int label = 0;
  double begin = 0, end = 0;  ///< seconds
  float score = 0;            ///< of one that is said: the highest it reached
};

/// An event that was said, or one that happened and that nobody said.
struct JudgedEvent {
  enum class Verdict { kFound, kDouble, kFalseAlarm, kMissed };
  TimedLabel event;
  Verdict verdict = Verdict::kFound;
};
/// "found", "double", "false_alarm", "missed".
const char* to_name(JudgedEvent::Verdict verdict);

/// Events said against events that happened, over many videos.
///
/// A said event is right if it overlaps one of its label that no earlier one has found, give or take the
/// tolerance; a further one on the same is a double, which is neither right nor wrong; any other is a false
/// alarm.
class EventCounts {
 public:
  explicit EventCounts(int classes = 0, double tolerance = 0.5);
  /// @param seconds  how long the video is
  /// @return  all that was said and all that was missed, by their begin
  std::vector<JudgedEvent> add_video(std::vector<TimedLabel> happened, std::vector<TimedLabel> said,
                                     double seconds);

  struct Label {
    int happened = 0, found = 0, false_alarms = 0, doubles = 0;
    double seconds_without = 0;    ///< of videos in which it does not happen
    int false_alarms_without = 0;  ///< in those
  };
  const Label& label(int index) const { return labels_[index]; }
  int classes() const { return static_cast<int>(labels_.size()); }
  Share recall() const;
  Share precision() const;
  int false_alarms() const;
  double hours() const { return seconds_ / 3600; }
  double false_alarms_per_hour() const { return seconds_ > 0 ? false_alarms() / hours() : 0; }

 private:
  double tolerance_, seconds_ = 0;
  std::vector<Label> labels_;
};

}  // namespace mone
