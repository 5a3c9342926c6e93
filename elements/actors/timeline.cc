#include "elements/actors/timeline.h"

#include <cmath>

#include "elements/actors/figure.h"

namespace mone::actors {
namespace {

constexpr float kSettle = 0.55f;      ///< seconds a continuous action needs to be recognised
constexpr float kShownShare = 0.6f;   ///< of the marking part
constexpr float kPartnerWalk = 1.2f;  ///< seconds a partner takes to come or go
constexpr float kPartnerFar = 2.6f;   ///< metres
constexpr double kRounding = 1e-9;    ///< seconds
constexpr float kActsFrom = 0.6f;     ///< share of the transition after which the action's own time runs

/// Nobody there and a motion without a timing are continuous: period 0.
Timing timing_of(const Entry& entry) {
  const Motion& motion = motion_of(entry.cue.label);
  return motion.timing && !entry.cue.empty ? motion.timing(entry.style) : Timing{};
}

/// Since the person got there.
float idle_seconds(const Entry& entry, float elapsed) {
  return std::max(0.0f, elapsed - kActsFrom * entry.transition);
}

float acted_seconds(const Entry& entry, float elapsed) {
  return std::max(0.0f, idle_seconds(entry, elapsed) - entry.rest);
}

/// What the motion is asked for: who does it once stops before getting back to start again, who sat down
/// stays seated and who fell lies there.
float posed_seconds(const Entry& entry, float elapsed) {
  const float acted = acted_seconds(entry, elapsed);
  if (!entry.once) return acted;
  const Timing timing = timing_of(entry);
  return std::min({acted, timing.clean_end, 0.999f * timing.period});
}

float draw_yaw(Facing facing, float odd_views, Rng& rng) {
  const float any = rng.in(-kPi, kPi), side = rng.sign() * kPi / 2 + rng.normal() * 0.33f,
              front = rng.normal() * 0.38f;
  const float kind = rng.unit(), odd = rng.unit();
  if (odd < odd_views) return any;
  if (facing == Facing::kFrontal) return front;
  if (facing == Facing::kSideways) return side;
  return kind < 0.42f ? side : kind < 0.82f ? front : any;
}

/// Goes to and fro between -range and range with rounded ends; the direction turns while it is near an end.
void pace(float travelled, float range, float* along, float* turned) {
  const float u = travelled / (2 * range), leg = std::floor(u), f = u - leg;
  const bool back = static_cast<int64_t>(leg) & 1;
  const float round = std::min(0.5f, 0.35f / range), x = (back ? 1 - 2 * f : 2 * f - 1);
  const float end = 1 - std::abs(x), near = end < round ? round / 2 + end * end / (2 * round) : end;
  *along = (x < 0 ? near - 1 : 1 - near) * range;
  const float zone = round / 2;
  float turn = leg * kPi;
  if (f < zone) turn -= kPi * 0.5f * (1 - ease(-zone, zone, f) * 2 + 1);
  if (f > 1 - zone) turn += kPi * ease(1 - zone, 1 + zone, f);
  *turned = turn;
}

std::vector<Cue> all_actions(uint64_t seed) {
  std::vector<Cue> cues;
  Rng rng(seed, 11);
  for (int i = 0; i < kLabelCount; ++i) cues.push_back({static_cast<Label>(i), false, rng.in(3.2f, 5.0f)});
  cues.push_back({Label::kNothing, false, rng.in(2.5f, 4)});
  cues.push_back({Label::kNothing, true, rng.in(2.5f, 3.5f)});
  return cues;
}

/// How long the person needs to get out of a pose: off the floor, off the chair.
float recovery_seconds(const Pose& pose) {
  if (std::abs(pose.pitch) + std::abs(pose.roll) > 0.5f) return 1.3f;
  return pose.hip[0] > 0.9f && pose.hip[1] > 0.9f ? 0.9f : 0.45f;
}

}  // namespace

bool recognisable(const Entry& entry, float acted) {
  const Timing timing = timing_of(entry);
  if (timing.period <= 0) return acted >= kSettle;
  const float turn = std::floor(acted / timing.period), c = acted - turn * timing.period;
  if (turn > 0 && entry.once) return false;
  if (turn > 0 && timing.clean_end >= timing.period) return true;
  return c >= mix(timing.show_begin, timing.show_end, kShownShare) && c < timing.clean_end;
}

Timeline::Timeline(std::vector<Cue> cues, uint64_t seed, const Stage& stage, const Body& actor,
                   const Body& partner)
    : cues_(std::move(cues)),
      endless_(cues_.empty()),
      seed_(seed),
      stage_(stage),
      actor_(actor),
      partner_(partner) {
  if (endless_) cues_ = all_actions(seed);
  for (const Cue& cue : cues_) pass_seconds_ += static_cast<double>(cue.seconds);
}

void Timeline::place(Entry& entry, const Entry* before, Rng& rng) {
  const Motion& motion = motion_of(entry.cue.label);
  entry.style = draw_style(rng, stage_.variety);
  const bool nothing = entry.cue.label == Label::kNothing;
  // Shares of 0 draw nothing: what actiontestsrc shows of a seed stays as it is.
  entry.style.stays_low = nothing && stage_.low_share > 0 && rng.chance(stage_.low_share);
  if (entry.cue.label == Label::kWalk && stage_.slow_share > 0 && rng.chance(stage_.slow_share))
    entry.style.pace = rng.in(0.55f, 0.9f);
  entry.once = motion.timing && stage_.once_share > 0 && rng.chance(stage_.once_share);
  if (entry.once) entry.rest = rng.in(0.8f, 3);
  entry.partner_style = draw_style(rng, stage_.variety);
  entry.partner_style.side = 1 - entry.style.side;
  entry.yaw = draw_yaw(motion.facing, stage_.odd_views, rng);
  const float jitter_x = rng.in(-0.4f, 0.4f) * stage_.half_width, jitter_z = rng.in(-0.2f, 0.2f);
  const float kind = rng.unit(), company = rng.unit(), distance = rng.in(0.6f, 2.0f), straight = rng.unit();
  const bool talks = nothing && !entry.style.stays_low && company < stage_.company_share;
  entry.partner = !entry.cue.empty &&
                  (motion.needs_partner || talks || (motion.partner && company < stage_.partner_share));
  entry.distance = motion.distance ? motion.distance(entry.style) : distance;
  entry.home = {jitter_x, 0, jitter_z};
  if (on_chair(entry.cue.label, entry.style)) {
    entry.home = stage_.chair;
    entry.yaw = stage_.chair_yaw;
  } else if (entry.cue.empty) {
    entry.home = {(stage_.picture_half + 0.8f) * (jitter_x < 0 ? -1.0f : 1.0f), 0, 0};
  } else if (before && !before->cue.empty) {
    const Vec3 here = actor_pose(*before, before->seconds()).position;
    if (length(here - entry.home) < 0.6f && std::abs(here.x) < stage_.half_width) entry.home = here;
  }
  if (entry.partner) {  // both in the picture
    if (talks) entry.yaw = draw_yaw(Facing::kSideways, 0, rng);
    entry.home.x = -std::sin(entry.yaw) * entry.distance / 2 + 0.3f * jitter_x;
  }
  const float speed = motion.speed ? motion.speed(entry.style, actor_) : 0;
  if (speed <= 0) return;
  entry.range = stage_.half_width;
  const bool run = entry.cue.label == Label::kRun;
  entry.path = kind < (run ? 0.5f : 0.75f) ? Path::kLine : Path::kCircle;
  if (straight < stage_.straight_paths) entry.path = Path::kLine, entry.range = 50;
  if (run && kind > 0.93f) entry.path = Path::kOnTheSpot;
  if (entry.path == Path::kCircle) entry.range = std::min(1.5f, stage_.half_width * 0.8f);
}

Pose Timeline::actor_pose(const Entry& entry, float elapsed) const {
  const Motion& motion = motion_of(entry.cue.label);
  const float t = posed_seconds(entry, elapsed);
  Pose pose =
      standing(entry.style, idle_seconds(entry, elapsed), entry.cue.label == Label::kNothing ? 1.0f : 0.3f);
  pose.yaw += entry.yaw;
  pose.position = entry.home;
  if (entry.path == Path::kLine) {
    const Vec3 forward = heading(entry.yaw);
    const float start = entry.range > 10
                            ? entry.range
                            : std::clamp(dot(entry.home, forward), -entry.range, entry.range) + entry.range;
    float along, turned;
    pace(start + motion.speed(entry.style, actor_) * t, entry.range, &along, &turned);
    const float from = entry.range > 10 ? 0 : dot(entry.home, forward);
    pose.position = entry.home + forward * (along - from);
    pose.yaw += turned;
  } else if (entry.path == Path::kCircle) {
    const float way = entry.style.side ? 1.0f : -1.0f;
    const float angle = way * motion.speed(entry.style, actor_) * t / entry.range;
    pose.position = heading(entry.yaw - way * kPi / 2 + angle) * entry.range + entry.home * 0.3f;
    pose.yaw += angle;
    pose.side += -0.06f * way;
  }
  if (!entry.cue.empty) motion.pose(entry.style, actor_, t, pose);
  return pose;
}

Pose Timeline::partner_pose(const Entry& entry, float elapsed) const {
  const Motion& motion = motion_of(entry.cue.label);
  const float t = posed_seconds(entry, elapsed);
  Pose pose = standing(entry.partner_style, idle_seconds(entry, elapsed), 0.6f);
  pose.yaw += entry.yaw + kPi;
  pose.position = entry.home + heading(entry.yaw) * entry.distance;
  if (motion.partner) {
    // A blow is taken when it lands and hands meet where both shake: the second follows the first one's
    // timing.
    const bool together = motion.needs_partner || motion.timing;
    motion.partner(together ? entry.style : entry.partner_style, partner_, t, pose);
  } else {
    kNothing.pose(entry.partner_style, partner_, t, pose);
  }
  return pose;
}

float Timeline::transition_seconds(const Entry& entry, const Entry& before) const {
  const Pose from = actor_pose(before, before.seconds()), to = actor_pose(entry, 0);
  float seconds = recovery_seconds(from);
  if (entry.cue.label == Label::kStandUp) seconds = std::max(seconds, 0.9f);
  seconds = std::max(seconds, length(to.position - from.position) / 1.7f);
  seconds = std::max(seconds, std::abs(wrap_angle(to.yaw - from.yaw)) * 0.28f);
  if (entry.partner != before.partner) seconds = std::max(seconds, kPartnerWalk);
  return std::min(seconds, 0.7f * entry.seconds());
}

void Timeline::build(Pass& pass, const Entry* before) {
  std::vector<Cue> cues = cues_;
  Rng order(seed_, 1000 + static_cast<uint64_t>(pass.index));
  if (endless_)
    for (size_t i = cues.size(); i > 1; --i)
      std::swap(cues[i - 1], cues[static_cast<size_t>(order.below(static_cast<int>(i)))]);
  pass.entries.assign(cues.size(), {});
  double start = static_cast<double>(pass.index) * pass_seconds_;
  for (size_t i = 0; i < cues.size(); ++i) {
    Entry& entry = pass.entries[i];
    entry.cue = cues[i];
    entry.number = pass.index * static_cast<int64_t>(cues.size()) + static_cast<int64_t>(i);
    entry.start = start;
    start += cues[i].seconds;
    Rng rng(seed_, 5000 + static_cast<uint64_t>(entry.number));
    // The first entry of a pass does not look back, so that a pass is known without all the passes before it.
    const Entry* previous = i > 0 ? &pass.entries[i - 1] : nullptr;
    place(entry, previous, rng);
    if (!previous) previous = before;
    if (previous) entry.transition = transition_seconds(entry, *previous);
  }
}

const Timeline::Pass& Timeline::pass(int64_t index) {
  Pass& slot = passes_[index & 1];
  if (slot.index == index) return slot;
  slot.index = index;
  if (index == 0) {
    build(slot, nullptr);
    return slot;
  }
  // The last entry of the pass before: built without what precedes it, which changes only its own first
  // transition.
  Pass previous;
  previous.index = index - 1;
  build(previous, nullptr);
  build(slot, &previous.entries.back());
  return slot;
}

const Entry& Timeline::entry_at(double time) {
  const double late = time + std::max(kRounding, 4e-16 * time);  // starts are sums and products of seconds
  const Pass& found = pass(static_cast<int64_t>(std::floor(late / pass_seconds_)));
  const Entry* entry = &found.entries.front();
  for (const Entry& candidate : found.entries)
    if (candidate.start <= late) entry = &candidate;
  return *entry;
}

const Entry* Timeline::before(const Entry& entry) {
  if (entry.number == 0) return nullptr;
  const auto count = static_cast<int64_t>(cues_.size());
  const Pass& holder = pass((entry.number - 1) / count);
  return &holder.entries[static_cast<size_t>((entry.number - 1) % count)];
}

Moment Timeline::at(double time) {
  Moment moment;
  const Entry& entry = entry_at(std::max(0.0, time));
  moment.entry = &entry;
  moment.elapsed = static_cast<float>(std::max(0.0, time - entry.start));
  moment.acted = posed_seconds(entry, moment.elapsed);
  moment.in_transition =
      moment.elapsed < entry.transition || !recognisable(entry, acted_seconds(entry, moment.elapsed));
  moment.actor = actor_pose(entry, moment.elapsed);
  moment.actor_there = !entry.cue.empty;
  moment.partner_there = entry.partner;
  if (entry.partner) moment.partner = partner_pose(entry, moment.elapsed);
  if (const auto grip = motion_of(entry.cue.label).grip; grip && entry.partner)
    join_hands(moment.actor, actor_, moment.partner, partner_, 0, grip(entry.style, moment.acted));
  const Entry* last = moment.elapsed < entry.transition ? before(entry) : nullptr;
  if (!last) return moment;

  const float w = ease(0, entry.transition, moment.elapsed);
  const Pose from = actor_pose(*last, last->seconds());
  const float way = length(moment.actor.position - from.position),
              turn = std::abs(wrap_angle(moment.actor.yaw - from.yaw));
  moment.actor = blend(from, moment.actor, w);
  step_legs(moment.actor, std::sin(kPi * w) * std::min(1.0f, way / 0.5f + turn / 2.5f),
            2 * kPi * 1.3f * moment.elapsed);
  moment.actor_there = !entry.cue.empty || !last->cue.empty;
  if (entry.partner && last->partner) {
    const Pose previous = partner_pose(*last, last->seconds());
    moment.partner = blend(previous, moment.partner, w);
    step_legs(moment.partner, std::sin(kPi * w) * 0.7f, 8 * moment.elapsed);
  } else if (entry.partner || last->partner) {
    // Comes from afar, or turns round and goes.
    moment.partner_there = true;
    const Entry& with = entry.partner ? entry : *last;
    const float near = entry.partner ? w : 1 - w;
    Pose there = entry.partner ? moment.partner : partner_pose(*last, last->seconds());
    Pose walking = standing(with.partner_style, moment.elapsed, 0.2f);
    walking.yaw = with.yaw + (entry.partner ? kPi : 0.0f);
    walking.position = there.position + heading(with.yaw) * (kPartnerFar * (1 - near));
    kWalk.pose(with.partner_style, partner_, moment.elapsed, walking);
    moment.partner = blend(walking, there, ease(0.75f, 1, near));
    moment.partner.position = walking.position;
  }
  return moment;
}

double Timeline::acts_from(double time) {
  const Entry& entry = entry_at(time);
  return entry.start + static_cast<double>(kActsFrom * entry.transition + entry.rest);
}

bool Timeline::shows_action(double from, double to, float* share) {
  const Entry entry = entry_at(to);
  const double begun = acts_from(to);
  const double window = std::max(1e-3, to - from);
  *share = static_cast<float>((to - std::max(from, begun)) / window);
  // The way from standing into a low pose is quick and no motion of its own.
  if (entry.style.stays_low && from < entry.start + static_cast<double>(entry.transition)) return false;
  const auto acted = static_cast<float>(to - begun);
  if (acted <= 0 || to - entry.start < static_cast<double>(entry.transition) || !recognisable(entry, acted))
    return false;
  const Timing timing = timing_of(entry);
  if (timing.period <= 0) return *share >= 0.5f;
  const float earliest = std::max(0.0f, static_cast<float>(from - begun));
  float shown = 0;
  const float turns = entry.once ? 1 : acted / timing.period;
  for (float turn = 0; turn < turns; ++turn) {
    const float a = std::max(earliest, turn * timing.period + timing.show_begin);
    const float b = std::min(acted, turn * timing.period + timing.show_end);
    shown += std::max(0.0f, b - a);
  }
  const float mark = timing.show_end - timing.show_begin;
  return shown >= kShownShare * std::min(mark, 0.8f * static_cast<float>(window));
}

}  // namespace mone::actors
