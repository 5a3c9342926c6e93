/// Labelled clips for training: windows of scenes, seen through drawn cameras and codecs.
#pragma once

#include <cstdint>
#include <vector>

#include "elements/actors/look.h"
#include "elements/actors/mone_actors.h"
#include "elements/actors/scene.h"

namespace mone::actors {

/// Where one clip goes. Pointers may be null except `pixels`.
struct ClipOutput {
  uint8_t* pixels;
  float* joints;
  int32_t* label;
  float* span;
};

/// Draws clips one after another; one per thread.
class ClipMaker {
 public:
  explicit ClipMaker(const mone_actors_clip_options& options);
  /// @param label  index, or -1 to draw one
  void make(uint64_t seed, int32_t label, const ClipOutput& out);

 private:
  struct Window {
    double end;
    float fps;
    float share;  ///< that shows the action
  };
  SceneOptions choose_scene(Rng& rng, uint64_t seed, Label label, bool live) const;
  void aim(Scene& scene, Rng& rng, uint64_t seed, const Window& window) const;
  Window choose_window(Scene& scene, Rng& rng, bool live, double action_start) const;
  void write_joints(const Scene& scene, int left, int top, float* out) const;

  mone_actors_clip_options options_;
  double action_seconds_;  ///< long enough for a clip at any rate that may be drawn
  Frame frame_;
  Developer developer_;
  std::vector<float> canvas_;
};

}  // namespace mone::actors
