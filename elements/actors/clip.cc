#include "elements/actors/clip.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace mone::actors {
namespace {

constexpr uint64_t kCrossing = 20, kEdge = 21;  // purposes of random numbers, beside those of a scene
constexpr float kLeastFps = 8, kMostFps = 25;   // of those drawn

float draw_fps(Rng& rng, float fixed, bool live) {
  if (fixed > 0) return fixed;
  constexpr float kUsual[] = {15,    15, 15,
                              12.5f, 12, 10};  // what 30, 25, 24 and 20 fps streams are sampled at
  if (live && rng.chance(0.7f)) return kUsual[rng.below(6)];
  return rng.in(kLeastFps, kMostFps);
}

/// Size of the picture inside the frame.
void draw_content_size(Rng& rng, bool letterbox, int* width, int* height) {
  if (!letterbox) return;
  constexpr float kAspects[] = {4.0f / 3, 16.0f / 9, 1, 4.0f / 3, 16.0f / 9};
  const float aspect = kAspects[rng.below(5)],
              frame = static_cast<float>(*width) / static_cast<float>(*height);
  if (aspect > frame)
    *height = std::max(16, static_cast<int>(std::lround(static_cast<float>(*width) / aspect)));
  else
    *width = std::max(16, static_cast<int>(std::lround(static_cast<float>(*height) * aspect)));
}

}  // namespace

ClipMaker::ClipMaker(const mone_actors_clip_options& options) : options_(options) {
  const float slowest = options.fps > 0 ? options.fps : kLeastFps;
  const double longest = static_cast<double>(options.frames - 1) / static_cast<double>(slowest);
  action_seconds_ = std::max(8.0, longest + 2);
}

SceneOptions ClipMaker::choose_scene(Rng& rng, uint64_t seed, Label label, bool live) const {
  SceneOptions scene;
  scene.seed = seed;
  scene.width = options_.width;
  scene.height = options_.height;
  draw_content_size(rng, options_.letterbox != 0, &scene.width, &scene.height);
  const float drawn = live ? rng.in(0, 0.7f) : rng.unit();
  scene.clutter = options_.clutter < 0 ? drawn : options_.clutter;
  scene.planes = options_.rgb ? 3 : 1;
  scene.difficulty = options_.difficulty;
  scene.wide = !live;
  scene.subject = label;
  // Drawn apart, so that without such clips all others stay as they are.
  Rng crossing(seed, kCrossing);
  scene.crosses = !live && motion_of(label).speed && crossing.chance(options_.crossing_share);
  // Without a history the two are there from the beginning, apart, as those who are about to meet often are.
  const bool meets = motion_of(label).needs_partner;
  const bool history = rng.chance(meets ? 0.5f : live ? 0.75f : 0.45f), idle = rng.chance(live ? 0.2f : 0.5f);
  const Cue before{idle ? Label::kNothing : static_cast<Label>(rng.below(kLabelCount)),
                   idle && rng.chance(0.1f), rng.in(1.5f, 4)};
  if (history) scene.cues.push_back(before);
  if (history && !live && label == Label::kSitDown && rng.chance(0.4f)) scene.cues[0].label = Label::kWalk;
  const bool empty = label == Label::kNothing && rng.chance(0.15f);
  scene.cues.push_back({label, empty, action_seconds_});
  return scene;
}

ClipMaker::Window ClipMaker::choose_window(Scene& scene, Rng& rng, bool live, double action_start) const {
  Window window{action_start, draw_fps(rng, options_.fps, live), 1};
  const double seconds = static_cast<double>(options_.frames - 1) / static_cast<double>(window.fps);
  const bool early = rng.chance(motion_of(scene.options().subject).needs_partner ? 0.6f : 0.4f);
  const double first = early ? scene.timeline().acts_from(action_start) : action_start;
  const double latest = early ? 1.2 + seconds : action_seconds_ - 0.1;
  for (int attempt = 0; attempt < 120; ++attempt) {
    const double end = first + static_cast<double>(rng.unit()) * latest * (attempt < 60 ? 1 : 2);
    if (end < seconds || end > action_start + action_seconds_ - 0.01) continue;
    window.end = end;
    if (scene.timeline().shows_action(end - seconds, end, &window.share)) return window;
  }
  // Of a long clip of a short action none may show enough: then what the middle shows.
  window.end = action_start + std::max(action_seconds_ / 2, seconds);
  scene.timeline().shows_action(window.end - seconds, window.end, &window.share);
  return window;
}

void ClipMaker::aim(Scene& scene, Rng& rng, uint64_t seed, const Window& window) const {
  const double seconds = (options_.frames - 1) / static_cast<double>(window.fps);
  const auto back = [&](float share) { return window.end - seconds * static_cast<double>(share); };
  const float middle = rng.in(0.3f, 0.7f);
  if (scene.options().crosses) {
    Rng crossing(seed, kEdge);
    // Out of the picture at any moment of the window or a little later; in early enough to be seen.
    const bool out = crossing.chance(0.7f);
    if (scene.aim_at_edge(back(out ? crossing.in(-0.1f, 0.9f) : crossing.in(0.2f, 1)), out)) return;
  }
  scene.aim(back(middle));
}

void ClipMaker::write_joints(const Scene& scene, int left, int top, float* out) const {
  std::fill(out, out + MONE_ACTORS_PERSONS * MONE_ACTORS_JOINTS * 2, MONE_ACTORS_ABSENT);
  const View view = scene.view(frame_);
  for (const Figure& figure : frame_.figures) {
    if (figure.role != Role::kActor && figure.role != Role::kPartner) continue;
    const Joints& j = figure.joints;
    const Vec3 points[MONE_ACTORS_JOINTS] = {j.head,    j.shoulder[0], j.shoulder[1], j.elbow[0], j.elbow[1],
                                             j.hand[0], j.hand[1],     j.hip[0],      j.hip[1],   j.knee[0],
                                             j.knee[1], j.ankle[0],    j.ankle[1]};
    float* to = out + (figure.role == Role::kActor ? 0 : MONE_ACTORS_JOINTS * 2);
    for (const Vec3& point : points) {
      const Disc at = view.project(point, 0);
      *to++ = (at.x + static_cast<float>(left)) / static_cast<float>(options_.width);
      *to++ = (at.y + static_cast<float>(top)) / static_cast<float>(options_.height);
    }
  }
}

void ClipMaker::make(uint64_t seed, int32_t label, const ClipOutput& out) {
  Rng rng(seed, 1);
  const int drawn_label = rng.below(kLabelCount);
  if (label < 0) label = drawn_label;
  const bool live = rng.unit() < options_.live_share;
  Scene scene(choose_scene(rng, seed, static_cast<Label>(label), live));
  const SceneOptions& chosen = scene.options();
  const double action_start = chosen.cues.size() > 1 ? static_cast<double>(chosen.cues[0].seconds) : 0;
  const Window window = choose_window(scene, rng, live, action_start);
  const double step = 1 / static_cast<double>(window.fps);
  if (!live) aim(scene, rng, seed, window);
  const Look look = draw_look(rng, options_.difficulty * (live ? 0.5f : 1.0f));
  const float jitter = rng.chance(0.3f) ? rng.in(0, 0.25f) * options_.difficulty : 0;

  const int w = chosen.width, h = chosen.height, left = (options_.width - w) / 2,
            top = (options_.height - h) / 2;
  const size_t plane = static_cast<size_t>(w) * static_cast<size_t>(h);
  canvas_.resize(plane * 3);
  Canvas canvas{
      {canvas_.data(), canvas_.data() + plane, canvas_.data() + 2 * plane}, chosen.planes, 0, 0, w, h, w};
  const size_t bytes = static_cast<size_t>(chosen.planes),
               stride = static_cast<size_t>(options_.width) * bytes;
  const size_t picture = stride * static_cast<size_t>(options_.height);
  const int frames = options_.history + options_.frames;
  std::fill(out.pixels, out.pixels + picture * static_cast<size_t>(frames), uint8_t{0});
  for (int f = 0; f < frames; ++f) {
    const double late = step * static_cast<double>(jitter * rng.in(-1, 1));
    const double time = std::max(0.0, window.end - step * (frames - 1 - f) + late);
    scene.prepare(time, frame_);
    scene.draw(frame_, canvas);
    uint8_t* to = out.pixels + picture * static_cast<size_t>(f) + stride * static_cast<size_t>(top) +
                  bytes * static_cast<size_t>(left);
    developer_.develop(look, canvas, f == 0, rng, to, stride);
    if (out.joints)
      write_joints(scene, left, top,
                   out.joints + static_cast<ptrdiff_t>(f) * MONE_ACTORS_PERSONS * MONE_ACTORS_JOINTS * 2);
  }
  if (out.label) *out.label = label;
  if (out.span) {
    out.span[0] = clamp01(1 - window.share);
    out.span[1] = 1;
  }
}

}  // namespace mone::actors
