/// The world of one seed: people, camera, backdrop, chair and light, and how to draw a part of it at a
/// moment.
#pragma once

#include <cstdint>
#include <vector>

#include "elements/actors/backdrop.h"
#include "elements/actors/camera.h"
#include "elements/actors/figure.h"
#include "elements/actors/timeline.h"

namespace mone::actors {

struct SceneOptions {
  std::vector<Cue> cues;  ///< empty = endless
  uint64_t seed = 0;
  int width = 640, height = 480;
  float pixel_aspect = 1;
  float clutter = 0.3f;
  int planes = 3;                   ///< 1 luma, 3 RGB
  float difficulty = 1;             ///< 0 = one plain look
  bool wide = false;                ///< training's wider ranges of cameras, styles and framings
  Label subject = Label::kNothing;  ///< wide: the action the camera was set up for
  bool crosses = false;             ///< wide: the camera stands still, the actor crosses its edge
};

/// A rectangle in pixels, right and bottom exclusive.
struct Box {
  int left = 0, top = 0, right = 0, bottom = 0;
  bool empty() const { return left >= right || top >= bottom; }
  bool meets(const Box& o) const {
    return left < o.right && o.left < right && top < o.bottom && o.top < bottom;
  }
  Box joined(const Box& o) const {
    return {std::min(left, o.left), std::min(top, o.top), std::max(right, o.right),
            std::max(bottom, o.bottom)};
  }
  Box within(int width, int height) const {
    return {std::max(0, left), std::max(0, top), std::min(width, right), std::min(height, bottom)};
  }
};

/// One shape on the picture, in drawing order.
struct Shape {
  Disc a, b;
  Surface surface;
  float depth;
};

enum class Role { kActor, kPartner, kBystander, kThing };

/// One person or thing in a frame.
struct Figure {
  Role role;
  Joints joints;
  Box box;
  Disc shadow;  ///< radius 0: none
  float shadow_height;
  size_t first, last;  ///< solids
};

/// Everything needed to draw one moment. Reused from frame to frame.
struct Frame {
  Moment moment;
  int shift_x = 0, shift_y = 0;  ///< of the backdrop, pixels, even
  std::vector<Figure> figures;   ///< the actor first if there
  std::vector<Solid> solids;
  std::vector<Shape> shapes;  ///< sorted, far first
};

class Scene {
 public:
  explicit Scene(const SceneOptions& options);

  /// Wide scenes only: looks at where the actor is at `time`.
  void aim(double time);
  /// Wide scenes only: looks so that the actor crosses the picture's edge at `time`, on the way out or in.
  /// @return false, with nothing changed, if the actor stands still or goes where no edge is
  bool aim_at_edge(double time, bool on_the_way_out);
  void prepare(double time, Frame& frame);
  /// Backdrop, shadows and people of `frame` inside the canvas's rectangle.
  void draw(const Frame& frame, const Canvas& canvas) const;

  Timeline& timeline() { return timeline_; }
  const Backdrop& backdrop() const { return backdrop_; }
  const SceneOptions& options() const { return options_; }
  View view(const Frame& frame) const;

 private:
  struct Bystander {
    Body body;
    Style style;
    Vec3 home;
    float yaw;
    enum { kStays, kPasses, kAccompanies } does;  ///< who accompanies keeps `home` from the actor
  };
  struct Setup {
    Camera camera;
    Stage stage;
    float follow = 0;  ///< how much the camera turns with the actor
    float shake = 0;   ///< pixels
    float pan = 0;     ///< metres per second (wide only)
    int company = 0;   ///< people who walk with the actor (wide only)
  };
  static Setup set_up(const SceneOptions& options, const Body& actor);
  static void set_up_wide(const SceneOptions& options, const Body& actor, Rng& rng, Setup& setup);
  void add_person(const Pose& pose, const Body& body, Role role, const View& view, Frame& frame) const;
  void add_chair(const View& view, Frame& frame) const;
  void draw_people(Rng& rng);
  void draw_furniture(Rng& rng);
  void add_furniture(const View& view, Frame& frame) const;
  void add_bystanders(double time, const View& view, Frame& frame) const;
  void finish(Figure figure, const View& view, Frame& frame) const;

  SceneOptions options_;
  Body actor_, partner_;
  Setup setup_;
  Timeline timeline_;
  Backdrop backdrop_;
  std::vector<Bystander> bystanders_;
  std::vector<Solid> furniture_;  ///< between camera and actor, from the point aimed at (wide only)
  Light light_;
  float shadow_ = 0;
  bool chair_ = false, chair_back_ = false;
  Colour chair_colour_;
  Vec3 aim_;
  double aim_time_ = 0;
};

}  // namespace mone::actors
