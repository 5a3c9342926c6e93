/// Cameras in front of the real elements, at real-time pace:
///
///     actiontestsrc is-live=true ! monetubelet ! queue ! monevivit ! fakesink
///
/// and what became of every tubelet, seen by probes. Several views may share one actiontestsrc through a
/// `tee`: each has its own monetubelet, queue and monevivit, so that drawing people does not take the machine
/// from those who look at them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace mone::load {

/// What became of the tubelets of one run.
struct Tally {
  long arrived = 0;    ///< left monetubelet
  long predicted = 0;  ///< scores came out
  long on_time = 0;    ///< ... before the next tubelet's time
  long skipped = 0;    ///< neither scores nor a place in the window
  long scored = 0;     ///< predicted on time where a viewer can name the action and the window is full
  long right = 0;
  double budget = 0, realised = 0, hop = 0;  ///< sums over predicted
  std::vector<double> latency;               ///< seconds, of predictions

  void add(const Tally& other);
};

struct CameraOptions {
  std::string model;  ///< file
  int threads = 2;
  int views = 1, views_per_camera = 1;
  double fps = 30;
  int width = 160, height = 120;
  double seconds = 10, warm_up = 3;  ///< played; of that not counted
  double latency_target = 0;         ///< seconds; 0: until the next tubelet
  double utilisation = .85;
  /// false: budget 1, each view runs its own tubelets as they come and drops those whose next one has come:
  /// what one would write first.
  bool adaptive = true;
  /// Every second while counting, with what was counted in it.
  std::function<void(double seconds, const Tally& of_it)> every_second;
};

struct CameraRun {
  Tally tally;
  double seconds = 0;              ///< counted
  double rate = 0;                 ///< tubelets per second that arrived, all views
  double processor = 0;            ///< seconds of all threads while counting
  double drawing = 0;              ///< of those: drawing, converting and cutting
  double slowness = 1, batch = 1;  ///< means of the engine's load() while counting
};

/// Plays and counts. @throws std::runtime_error with what the bus said
CameraRun play_cameras(const std::shared_ptr<Engine>& engine, const CameraOptions& options);

}  // namespace mone::load
