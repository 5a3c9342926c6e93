/// A script as a function of time: who does what, where, and how one action turns into the next.
#pragma once

#include <cstdint>
#include <vector>

#include "elements/actors/body.h"
#include "elements/actors/motion.h"
#include "elements/actors/script.h"

namespace mone::actors {

/// The floor the actor has, metres; x to the right of the picture, z towards the camera.
struct Stage {
  float half_width = 1.2f;      ///< room to walk to either side
  float picture_half = 1.8f;    ///< where the picture ends at the actor's depth
  float variety = 1;            ///< 0 = average styles
  float odd_views = 0;          ///< share of actions seen from any side
  float straight_paths = 0;     ///< share of walks that go straight on instead of turning back in time
  float partner_share = 0.3f;   ///< of actions that may have a second person
  float low_share = 0;          ///< of "nothing" entries that stay low
  float slow_share = 0;         ///< of walks that are slow, as in rooms
  float once_share = 0;         ///< of other entries that are done once
  float company_share = 0.12f;  ///< of "nothing" entries with somebody to talk to
  Vec3 chair;
  float chair_yaw = 0;
};

enum class Path { kNone, kLine, kCircle, kOnTheSpot };

/// One entry of the script with everything drawn.
struct Entry {
  float seconds() const { return static_cast<float>(cue.seconds); }
  Cue cue;
  int64_t number = 0;    ///< since time 0
  double start = 0;      ///< seconds
  bool once = false;     ///< not over and over: rests before it, and then stays as it ended
  float rest = 0;        ///< seconds of that rest before
  float transition = 0;  ///< seconds at its start in which the person comes over from the entry before
  Style style;
  Vec3 home;
  float yaw = 0;
  Path path = Path::kNone;
  float range = 1;  ///< half length of a line, radius of a circle
  bool partner = false;
  Style partner_style;
  float distance = 1;  ///< to the partner
};

/// The people of the action at one moment.
struct Moment {
  const Entry* entry = nullptr;
  float elapsed = 0;  ///< since the entry began
  float acted = 0;    ///< of the action itself, >= 0; stops where it is done once and over
  bool actor_there = false, partner_there = false;
  Pose actor, partner;
  bool in_transition = false;
};

/// A pure function of (cues, seed, stage, bodies, time). Keeps the passes it computed last, so not for
/// several threads.
class Timeline {
 public:
  /// Empty cues: every label in drawn order, without end.
  Timeline(std::vector<Cue> cues, uint64_t seed, const Stage& stage, const Body& actor, const Body& partner);

  Moment at(double time);
  /// Seconds of one pass.
  double pass_seconds() const { return pass_seconds_; }
  /// When the entry at `time` begins to act: the person has come over and rested.
  double acts_from(double time);
  /// Share of [from, to] in which the entry at `to` is acting, and whether its marking part was shown well
  /// enough.
  bool shows_action(double from, double to, float* share);

 private:
  struct Pass {
    int64_t index = -1;
    std::vector<Entry> entries;
  };
  const Pass& pass(int64_t index);
  void build(Pass& pass, const Entry* before);
  void place(Entry& entry, const Entry* before, Rng& rng);
  Pose actor_pose(const Entry& entry, float elapsed) const;
  Pose partner_pose(const Entry& entry, float elapsed) const;
  float transition_seconds(const Entry& entry, const Entry& before) const;
  const Entry* before(const Entry& entry);
  const Entry& entry_at(double time);

  std::vector<Cue> cues_;
  bool endless_;
  uint64_t seed_;
  Stage stage_;
  Body actor_, partner_;
  double pass_seconds_ = 0;
  Pass passes_[2];
};

/// Whether an action that has been going on for `acted` seconds has shown what marks it.
bool recognisable(const Entry& entry, float acted);

}  // namespace mone::actors
