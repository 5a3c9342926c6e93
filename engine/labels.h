/// Scores to labels: softmax, smoothing over time, top-k, and events with a start and an end.
///
///     LabelTracker tracker(400, {});
///     const LabelState& now = tracker.update(logits, window_begin, window_end);
///     now.top[0].label;                         // best label at this moment
///     for (const LabelEvent& e : now.events) …  // what began, goes on, or ended with this window
///
/// One tracker follows one region by one thread at a time; RegionLabels keeps one for each region.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/error.h"
#include "engine/export.h"
#include "engine/time.h"

namespace mone {

/// What makes a score a label.
struct LabelPolicy {
  int top_k = 5;           ///< labels reported per window, at least 1
  double smoothing = 0.5;  ///< time constant of the exponential average, seconds; 0 = each window by itself
  double on = 0.5;         ///< a label begins when its smoothed score reaches this
  double off = 0.35;       ///< and ends when it falls below this; at most `on`
};

struct ScoredLabel {
  int label = 0;    ///< class index
  float score = 0;  ///< smoothed softmax, 0 to 1
};

enum class EventKind { kNew, kUpdate, kEnd };

/// "new", "update", "end".
MONE_API const char* to_name(EventKind kind);

/// One label, from the window that switched it on to the one that switched it off.
///
/// A window sees some seconds, so the moment of a change is taken as the middle of the window that crossed
/// the threshold: too early and too late are then equally likely. Forgetting (reset, gap) ends a label at the
/// end of its last window.
struct LabelEvent {
  EventKind kind = EventKind::kNew;
  int label = 0;
  float score = 0;        ///< now; with kEnd the highest it reached
  Time begin{0}, end{0};  ///< of the label so far; kNew: end = begin
};

/// What is known after a window. Valid until the tracker's next call.
struct LabelState {
  std::vector<ScoredLabel> top;     ///< top_k labels, best first; equal scores go to the lower index
  std::vector<ScoredLabel> active;  ///< labels that are on, lowest index first
  std::vector<LabelEvent> events;   ///< ends first, then updates, then new ones
  bool restarted = false;           ///< nothing from before this window is in the scores
};

class MONE_API LabelTracker {
 public:
  /// @throws ConfigError if classes < 1 or the policy is out of range
  LabelTracker(int classes, const LabelPolicy& policy);

  /// Acts from the next window on; what is on stays on until it falls below the new `off`.
  /// @throws ConfigError if the policy is out of range
  void set_policy(const LabelPolicy& policy);

  /// Takes the scores of one window. A window that shares no time with the one before although it comes later
  /// than was to be expected, or one that ends before it, starts afresh: labels that were on end first.
  ///
  /// @param logits f32 [C]; a value that is not finite counts as no evidence (score 0)
  /// @param warming the window is not full yet (Prediction::warming): scores count, but no label begins on
  /// them
  /// @param interval expected time from one window to the next: windows shorter than that never share time
  /// @throws ShapeError if logits.size() differs from `classes`
  const LabelState& update(std::span<const float> logits, Time window_begin, Time window_end,
                           bool warming = false, Time interval = Time(0));

  /// Ends what is on (at the end of its last window) and forgets everything.
  std::vector<LabelEvent> reset();

  Time last_window_end() const { return last_end_; }

 private:
  struct Active {
    bool on = false;
    float peak = 0;
    Time begin{0};
  };
  void smooth(Time window_end);
  void find_events(Time middle, Time window_end, bool warming);
  void find_top();

  LabelPolicy policy_;
  std::vector<float> now_, smoothed_;  // [C]
  std::vector<Active> active_;         // [C]
  std::vector<int> order_;             // [C], scratch of find_top
  LabelState state_;
  Time last_end_{0};
  bool empty_ = true;
};

/// A tracker for each region id, made when the region first appears.
class MONE_API RegionLabels {
 public:
  /// @throws ConfigError as LabelTracker
  RegionLabels(int classes, const LabelPolicy& policy);
  void set_policy(const LabelPolicy& policy);
  const LabelState& update(unsigned region, std::span<const float> logits, Time window_begin, Time window_end,
                           bool warming = false, Time interval = Time(0));

  struct Ended {
    unsigned region;
    std::vector<LabelEvent> events;
  };
  /// Forgets regions whose last window ended more than `age` before `now`, and says what ended with them.
  std::vector<Ended> expire(Time now, Time age);
  /// Forgets all regions.
  std::vector<Ended> reset();

 private:
  int classes_;
  LabelPolicy policy_;
  std::map<unsigned, LabelTracker> trackers_;
};

/// softmax of f32 [C] into `probs`; values that are not finite get 0. All of them: 0 everywhere.
MONE_API void softmax(std::span<const float> logits, std::span<float> probs);

}  // namespace mone
