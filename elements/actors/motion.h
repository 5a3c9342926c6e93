/// The actions: what each looks like at a moment, how it repeats, and when it can be recognised.
#pragma once

#include <array>

#include "elements/actors/body.h"
#include "elements/actors/pose.h"
#include "elements/actors/rng.h"

namespace mone::actors {

/// Order is the order of the model's labels: append only.
enum class Label : int {
  kWalk,
  kRun,
  kJump,
  kJumpingJack,
  kWave,
  kClap,
  kBend,
  kSitDown,
  kStandUp,
  kFall,
  kKick,
  kPunch,
  kPush,
  kPoint,
  kThrow,
  kHandshake,
  kHug,
  kNothing,
};
inline constexpr int kLabelCount = 18;

/// How this person does this action this time: drawn once, then fixed, so that a pose is a function of time
/// alone.
struct Style {
  std::array<float, 32> dice;  ///< 0..1 each
  float phase = 0;             ///< 0..2 pi
  int side = 0;                ///< leading hand or foot
  bool stays_low = false;      ///< of nothing, in training only: on a chair, or down on purpose
  float pace = 1;              ///< of a walk; below 1, in training only: shorter steps, and fewer of them
  /// Die `k` as a value between low and high.
  float pick(int k, float low, float high) const { return low + (high - low) * dice[static_cast<size_t>(k)]; }
  bool chance(int k, float p) const { return dice[static_cast<size_t>(k)] < p; }
};
Style draw_style(Rng& rng, float variety);

/// When a repeating action shows what it is. Seconds from the start of one repetition.
struct Timing {
  float period = 0;      ///< 0: continuous, recognisable throughout
  float show_begin = 0;  ///< the part that marks the action
  float show_end = 0;
  float clean_end = 0;  ///< from here to the period the person gets back to start again
};

enum class Facing { kFrontal, kSideways, kAny };

/// One action. Functions get seconds since the action began (>= 0) and change an idle pose.
struct Motion {
  const char* name;
  Facing facing;
  void (*pose)(const Style&, const Body&, float t, Pose&);
  Timing (*timing)(const Style&);
  /// Metres per second along the path; null stays in place.
  float (*speed)(const Style&, const Body&);
  /// Of the second person, who faces the first; null acts alone.
  void (*partner)(const Style&, const Body&, float t, Pose&);
  /// Between the two, metres.
  float (*distance)(const Style&);
  bool needs_partner;  ///< always two (handshake, hug); otherwise the partner is sometimes there
  bool needs_chair;
  /// 0..1: how firmly the two hold each other's right hand; null never.
  float (*grip)(const Style&, float t) = nullptr;
};

const Motion& motion_of(Label label);
/// Whether it is done on the chair.
bool on_chair(Label label, const Style& style);

/// Standing at ease: the pose every action starts from. `liveliness` 0 still .. 1 stepping, gesturing,
/// looking round.
Pose standing(const Style& style, float t, float liveliness);

/// 0 standing .. 1 seated; feet stay where they are.
void sit(const Style& style, const Body& body, float e, Pose& pose);

/// What has no name and is done low: sits, crouches, kneels, lies down slowly, lies.
void stay_low(const Style& style, const Body& body, float t, Pose& pose);
bool sits_low(const Style& style);

/// Adds walking legs: `amount` 0..1, `phase` in radians.
void step_legs(Pose& pose, float amount, float phase);

/// Steps backwards from where the pose stands, by `away` metres that change by `speed` metres a second.
void step_away(Pose& pose, float away, float speed, float phase);

/// A smooth wander in about -1..1, `channel` 0..11, `rate` in Hz.
float wander(const Style& style, int channel, float t, float rate);

// motions/*.cc
extern const Motion kWalk, kRun, kJump, kJumpingJack, kWave, kClap, kBend, kSitDown, kStandUp, kFall, kKick,
    kPunch, kPush, kPoint, kThrow, kHandshake, kHug, kNothing;

}  // namespace mone::actors
