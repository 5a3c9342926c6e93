/// Runs a model over the videos of a manifest, at several budgets and with controls for its router at once.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "pipeline/eval_manifest.h"
#include "pipeline/eval_map.h"
#include "pipeline/eval_settings.h"
#include "pipeline/eval_stats.h"

namespace mone {

/// What one setting gave on one set.
struct EvalPoint {
  EvalSetting setting;
  Confusion clips;    ///< a clip's answer: mean over its windows, all labels of the model to choose from
  Confusion windows;  ///< every full window by itself
  Share top5;
  /// Clips of actions only, and to choose from only the actions that occur in the set.
  Share closed;
  Share false_actions;  ///< of the background's full windows, how many are called an action
  EventCounts events;
  double realised = 0, gmac = 0;  ///< mean over the predictions

  long predictions = 0;
};

struct EvalSet {
  std::string name;
  std::vector<int> labels;  ///< of the model, that occur
  int videos = 0, failed = 0;
  double seconds = 0;
  bool trimmed = true;            ///< every video is one event
  std::vector<EvalPoint> points;  ///< one for each setting
  /// The router's with the largest budget.
  const EvalPoint& dearest_point() const;
};

/// What one event of a manifest was called, by setting; -1: no window lay in it.
struct EvalAnswer {
  std::string path, set, label;
  int truth = -1;
  double begin = 0, end = 0;
  std::vector<int> answers;
  std::vector<float> scores;
};

/// An event of a video, at the largest budget of the router.
struct EvalEventSeen {
  std::string path, set;
  JudgedEvent judged;
};

struct Evaluation {
  std::vector<EvalSetting> settings;
  std::vector<EvalSet> sets;
  std::vector<EvalAnswer> answers;
  std::vector<EvalEventSeen> events;
  std::vector<ExpertMap> maps;
  std::vector<std::string>
      failures;  ///< videos that could not be read, one line each; nothing of them counts
  std::vector<std::string> warnings;  ///< what settings and manifest leave out, and videos of which parts
                                      ///< were lost: the rest counts
};

class Evaluator {
 public:
  /// A plain model has one budget, 1, and no controls; so has a joint one no controls.
  Evaluator(Engine& engine, const EvalManifest& manifest, const EvalOptions& options);
  ~Evaluator();
  /// @param on_progress  told the share of the video that is done
  void add(const EvalVideo& video, const std::function<void(double)>& on_progress);
  const Evaluation& result() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mone
