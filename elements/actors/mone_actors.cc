#include "elements/actors/mone_actors.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>

#include "elements/actors/clip.h"
#include "elements/actors/live.h"
#include "elements/actors/script.h"
#include "engine/c_interface.h"

using namespace mone::actors;

namespace {

thread_local std::string last_error;

/// Copies as much as the caller's version of a struct has; the rest keeps its default.
template <class Options>
Options adopted(const Options* given, Options defaults) {
  if (!given || given->struct_size < sizeof(uint32_t))
    throw std::invalid_argument("options: struct_size is not set; call the init function first");
  std::memcpy(&defaults, given, std::min<size_t>(given->struct_size, sizeof(Options)));
  return defaults;
}

void require(bool holds, const char* what) {
  if (!holds) throw std::invalid_argument(what);
}

/// Within thirty years of the start, NaN at the start.
double sensible(double time) { return std::min(1e9, std::max(0.0, time)); }

void check(const mone_actors_clip_options& o) {
  require(o.width >= 16 && o.width <= 1024 && o.height >= 16 && o.height <= 1024,
          "width and height must be 16..1024");
  require(o.frames >= 1 && o.frames <= 256, "frames must be 1..256");
  require(o.history >= 0 && o.history <= 256, "history must be 0..256");
  require(o.fps == 0 || (o.fps >= 1 && o.fps <= 240), "fps must be 0 (drawn) or 1..240");
  require(o.clutter <= 1, "clutter must be at most 1 (below 0: drawn)");
  require(o.difficulty >= 0 && o.difficulty <= 1, "difficulty must be 0..1");
  require(o.live_share >= 0 && o.live_share <= 1, "live_share must be 0..1");
  require(o.crossing_share >= 0 && o.crossing_share <= 1, "crossing_share must be 0..1");
  require(o.threads >= 1 && o.threads <= 1024, "threads must be 1..1024");
}

}  // namespace

struct mone_actors_scene {
  LivePicture picture;
  bool endless;
};

int mone_actors_label_count(void) { return kLabelCount; }

const char* mone_actors_label(int index) {
  return index >= 0 && index < kLabelCount ? motion_of(static_cast<Label>(index)).name : nullptr;
}

int mone_actors_label_index(const char* name) {
  Cue cue;
  return name && find_cue(name, &cue) ? static_cast<int>(cue.label) : -1;
}

const char* mone_actors_error(void) { return last_error.c_str(); }

void mone_actors_clip_options_init(mone_actors_clip_options* options) {
  *options = {sizeof(mone_actors_clip_options), 112, 112, 16, 0, -1, 1, 0.5f, 0, 1, 1, 0, 0};
}

int mone_actors_render_clips(uint64_t seed, int count, const int32_t* labels,
                             const mone_actors_clip_options* options, uint8_t* pixels, float* joints,
                             int32_t* labels_out, float* action_span) {
  return mone::answered(last_error, -1, [&] {
    mone_actors_clip_options defaults;
    mone_actors_clip_options_init(&defaults);
    const mone_actors_clip_options o = adopted(options, defaults);
    check(o);
    require(count >= 0, "count must not be negative");
    require(pixels || count == 0, "pixels must not be NULL");
    for (int i = 0; labels && i < count; ++i)
      require(labels[i] >= -1 && labels[i] < kLabelCount, "labels: index out of range");
    const size_t frames = static_cast<size_t>(o.history) + static_cast<size_t>(o.frames);
    const size_t clip =
        frames * static_cast<size_t>(o.width) * static_cast<size_t>(o.height) * (o.rgb ? 3 : 1);
    const size_t clip_joints = frames * MONE_ACTORS_PERSONS * MONE_ACTORS_JOINTS * 2;
    mone::share_out(count, o.threads, "mone-actors", [&](const auto& next_clip) {
      ClipMaker maker(o);
      for (int i = next_clip(); i < count; i = next_clip()) {
        const auto at = static_cast<size_t>(i);
        maker.make(mix_bits(seed) + at, labels ? labels[i] : -1,
                   {pixels + at * clip, joints ? joints + at * clip_joints : nullptr,
                    labels_out ? labels_out + i : nullptr, action_span ? action_span + 2 * at : nullptr});
      }
    });
    return 0;
  });
}

void mone_actors_scene_options_init(mone_actors_scene_options* options) {
  *options = {sizeof(mone_actors_scene_options), nullptr, 0, 640, 480, 1, 0.3f, MONE_ACTORS_I420, 0};
}

mone_actors_scene* mone_actors_scene_new(const mone_actors_scene_options* options) {
  return mone::answered(last_error, static_cast<mone_actors_scene*>(nullptr), [&] {
    mone_actors_scene_options defaults;
    mone_actors_scene_options_init(&defaults);
    const mone_actors_scene_options o = adopted(options, defaults);
    require(o.width >= 16 && o.width <= 7680 && o.height >= 16 && o.height <= 4320,
            "width must be 16..7680, height 16..4320");
    require(o.clutter >= 0 && o.clutter <= 1, "clutter must be 0..1");
    require(o.pixel_aspect >= 0.1f && o.pixel_aspect <= 10, "pixel_aspect must be 0.1..10");
    require(o.format >= MONE_ACTORS_RGB && o.format <= MONE_ACTORS_NV12, "format is unknown");
    SceneOptions scene;
    std::string error;
    if (!parse_script(o.script ? o.script : "", &scene.cues, &error)) throw std::invalid_argument(error);
    const bool endless = scene.cues.empty();
    scene.seed = mix_bits(o.seed ^ 0xAC7095ull);
    scene.width = o.width;
    scene.height = o.height;
    scene.pixel_aspect = o.pixel_aspect;
    scene.clutter = o.clutter;
    return new mone_actors_scene{LivePicture(scene, o.format, o.bt709 != 0), endless};
  });
}

void mone_actors_scene_free(mone_actors_scene* scene) { delete scene; }

double mone_actors_scene_duration(const mone_actors_scene* scene) {
  return scene->endless ? 0 : const_cast<mone_actors_scene*>(scene)->picture.timeline().pass_seconds();
}

void mone_actors_scene_render(mone_actors_scene* scene, double time, uint8_t* const* planes,
                              const int32_t* strides) {
  mone::answered(last_error, 0, [&] {
    scene->picture.render(sensible(time), planes, strides);
    return 0;
  });
}

void mone_actors_scene_truth(mone_actors_scene* scene, double time, mone_actors_truth* truth) {
  mone::answered(last_error, 0, [&] {
    scene->picture.truth(sensible(time), truth);
    return 0;
  });
}

int32_t mone_actors_scene_persons(mone_actors_scene* scene, double time, mone_actors_person* persons,
                                  int32_t most) {
  return mone::answered(last_error, 0, [&] {
    const auto found = scene->picture.persons(sensible(time));
    std::copy_n(found.begin(), std::clamp<ptrdiff_t>(most, 0, std::ssize(found)), persons);
    return static_cast<int>(found.size());
  });
}
