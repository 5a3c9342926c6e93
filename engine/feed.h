/// A video stream's place at the engine's batcher: tubelets go in with a time, and come back scored, scored
/// at a lower budget, without a prediction, or skipped, as the budget controller finds the machine able.
///
///     auto feed = engine->new_feed({.name = "camera 1"});
///     auto window = engine->new_stream();                       // one for each region
///     const mone::Answer a = feed->run(*window, {{pixels, begin, end, rate}});
///     if (a.prediction) show(a.prediction->logits, a.verdict.budget);
///
/// Stream::push() is the other door: at a budget of one's own, at once, unplanned.
#pragma once

#include <memory>

#include "engine/budget/controller.h"
#include "engine/engine.h"

namespace mone {

/// A tubelet for the batcher. The pixels stay where they are until it is answered.
struct Submission {
  Tubelet tubelet;
  Time arrived{};   ///< steady clock, when it could first have been run; 0: now
  int regions = 1;  ///< windows that this feed has now, each with a tubelet per hop
};

/// What became of it.
struct Answer {
  const Prediction* prediction = nullptr;  ///< valid until the stream's next tubelet; null: see `verdict`
  Verdict verdict;                         ///< budget asked for, hop, whether it was skipped, and why
  double realised = 0;                     ///< what whole tokens made of the budget; 0: skipped
  int batch = 0;                           ///< tubelets in its call, all feeds; 0: skipped
  int queue = 0;       ///< tubelets of all feeds in line when its call began, itself among them
  double seconds = 0;  ///< its share of the call's time
  Time waited{};       ///< from its arrival to this answer
  bool late = false;   ///< answered after its deadline
};

/// Made by Engine::new_feed(), for one thread at a time; set(), qos() and view() from any. What is under way
/// when it is destroyed is answered as skipped.
class MONE_API Feed {
 public:
  virtual ~Feed() = default;
  /// @throws ConfigError if a value is outside its range
  virtual void set(const StreamTerms& terms) = 0;
  /// Downstream gets data `proportion` times too slowly (<= 1: it keeps up).
  virtual void qos(double proportion) = 0;
  virtual StreamView view() const = 0;

  /// Puts a tubelet in line. A stream (window) has one in line at a time; those of several streams of one
  /// feed may go together.
  /// @throws ShapeError if the pixels do not fit the model, ConfigError if the stream has one in line already
  virtual void submit(Stream& stream, const Submission& submission) = 0;
  /// Waits for the answer. Streams get theirs in the order in which they submitted.
  /// @throws DeviceError if the engine failed on this tubelet, and nobody else's: the stream is as before.
  ///         ConfigError if the stream has none in line
  virtual Answer wait(Stream& stream) = 0;
  Answer run(Stream& stream, const Submission& submission) {
    submit(stream, submission);
    return wait(stream);
  }
};

}  // namespace mone
