#include "elements/actors/scene.h"

#include <cmath>
#include <cstddef>

namespace mone::actors {
namespace {

enum Purpose : uint64_t { kBodies = 1, kCamera, kScenery, kPeople, kLight, kScript };

Body draw_person(uint64_t seed, uint64_t which, float variety) {
  Rng rng(seed, kBodies * 100 + which);
  return draw_body(rng, variety);
}

bool any_needs_chair(const std::vector<Cue>& cues) {
  if (cues.empty()) return true;
  for (const Cue& cue : cues)
    if (motion_of(cue.label).needs_chair) return true;
  return false;
}

float picture_half_metres(const SceneOptions& options, const Camera& camera) {
  const float aspect =
      static_cast<float>(options.width) * options.pixel_aspect / static_cast<float>(options.height);
  return camera.distance * aspect / (2 * camera.focal * camera.squash);
}

bool is_gesture(Label label) {
  return label == Label::kWave || label == Label::kClap || label == Label::kThrow || label == Label::kPoint ||
         label == Label::kNothing;
}

/// Even, so that chroma planes shift by whole samples.
int even(float pixels) { return 2 * static_cast<int>(std::lround(pixels / 2)); }

}  // namespace

Scene::Setup Scene::set_up(const SceneOptions& options, const Body& actor) {
  Setup setup;
  Rng rng(options.seed, kCamera);
  Camera& camera = setup.camera;
  const float d = options.difficulty;
  camera.focal = mix(1.6f, rng.in(1.1f, 2.3f), d);
  camera.pitch = mix(0.08f, rng.in(-0.03f, 0.28f), d);
  camera.roll = 0.02f * rng.normal() * d;
  float share = mix(0.68f, rng.in(0.5f, 0.86f), d);
  camera.offset_x = rng.in(-0.08f, 0.08f) * d;
  camera.offset_y = rng.in(-0.04f, 0.05f) * d;
  camera.target = {0, actor.height * 0.5f, 0};
  setup.follow = rng.chance(0.3f * d) ? rng.in(0.4f, 0.9f) : 0;
  Stage& stage = setup.stage;
  // A test source shows its actions plainly: no extremes of style, nobody to chat with. Wide clips have both.
  stage.variety = (options.wide ? 1.0f : 0.8f) * d;
  stage.company_share = 0;
  if (options.clutter > 0.6f && rng.chance(0.6f))
    setup.shake = (options.clutter - 0.5f) * rng.in(0.2f, 1) * 0.012f * static_cast<float>(options.height);
  camera.distance = camera.focal * actor.height / share;
  if (options.wide) set_up_wide(options, actor, rng, setup);
  stage.picture_half = picture_half_metres(options, camera);
  stage.half_width = std::clamp(stage.picture_half - 0.35f, 0.35f, 1.7f);
  stage.chair = {rng.in(-0.45f, 0.45f) * stage.half_width, 0, rng.in(-0.55f, -0.1f)};
  const float kind = rng.unit();
  stage.chair_yaw = kind < 0.5f   ? rng.sign() * (kPi / 2 - rng.in(-0.25f, 0.6f))
                    : kind < 0.9f ? 0.5f * rng.normal()
                                  : rng.in(-kPi, kPi);
  return setup;
}

void Scene::set_up_wide(const SceneOptions& options, const Body& actor, Rng& rng, Setup& setup) {
  Camera& camera = setup.camera;
  const float d = options.difficulty;
  camera.focal = mix(1.6f, rng.in(0.9f, 2.6f), d);
  const float angle = rng.unit();  // at eye height, under the ceiling, looking down from it
  camera.pitch = mix(0.08f,
                     angle < 0.62f   ? rng.in(-0.08f, 0.35f)
                     : angle < 0.85f ? rng.in(0.2f, 0.85f)
                                     : rng.in(0.8f, 1.45f),
                     d);
  camera.roll = 0.04f * rng.normal() * d;
  camera.squash = mix(1, rng.in(0.78f, 1.15f), d);
  float share = mix(0.68f, rng.chance(0.75f) ? rng.in(0.42f, 0.92f) : rng.in(0.26f, 1.2f), d);
  camera.offset_x = rng.in(-0.2f, 0.2f) * d;
  camera.offset_y = rng.in(-0.1f, 0.1f) * d;
  if (options.subject == Label::kFall) share *= 0.9f;
  if (is_gesture(options.subject) && rng.chance(0.25f * d)) {  // head to hips only
    share = rng.in(1.05f, 1.8f);
    camera.offset_y = 0.24f * share + rng.in(-0.08f, 0.08f);
    camera.offset_x *= 0.6f;
  }
  const bool travels = motion_of(options.subject).speed != nullptr;
  if (travels && rng.chance(0.12f * d)) {  // close by, as in a room: parts of the body only
    share = rng.in(1.2f, 2.2f);
    camera.offset_y = rng.in(-0.4f, 0.3f);
  }
  if (options.subject == Label::kNothing && rng.chance(0.2f * d))  // at the edge, coming or going
    camera.offset_x = rng.sign() * rng.in(0.3f, 0.6f);
  // A street: groups or one, small in the picture.
  if (options.subject == Label::kWalk && rng.chance(0.4f * d)) {
    setup.company = rng.below(5);
    share = rng.in(0.15f, 0.7f);
  }
  camera.distance = camera.focal * actor.height / share;
  const bool steep = camera.pitch > 0.8f;
  if (steep) camera.distance = std::max(camera.distance, 2.6f);
  setup.follow = rng.chance((travels ? 0.5f : 0.15f) * d) ? rng.in(0.5f, 1) : 0;
  setup.pan = rng.chance(0.08f * d) ? 0.4f * rng.normal() : 0;
  if (options.crosses) setup.follow = setup.pan = 0;
  setup.shake = rng.chance(0.2f * d) ? rng.in(0.2f, 1.5f) * static_cast<float>(options.height) / 112 : 0;
  setup.stage.odd_views =
      steep ? 1 : (travels ? 0.6f : 0.2f) * d;  // towards the camera and away from it, too
  setup.stage.straight_paths = options.crosses ? 1 : 0.5f;
  setup.stage.company_share = 0.4f;
  // A blow in the air looks unlike one that lands; kicks are shown in sports and dances, too.
  setup.stage.partner_share = options.subject == Label::kKick ? 0.65f : 0.85f;
  setup.stage.low_share = 0.25f * d;
  setup.stage.slow_share = 0.25f * d;
  setup.stage.once_share = 0.6f * d;
}

Scene::Scene(const SceneOptions& options)
    : options_(options),
      actor_(draw_person(options.seed, 0, options.difficulty)),
      partner_(draw_person(options.seed, 1, options.difficulty)),
      setup_(set_up(options, actor_)),
      timeline_(options.cues, mix_bits(options.seed ^ kScript), setup_.stage, actor_, partner_) {
  Rng scenery(options.seed, kScenery), people(options.seed, kPeople), light(options.seed, kLight);
  const View view(setup_.camera, options.width, options.height, options.pixel_aspect);
  const float wall = view.project({0, 0, -scenery.in(0.8f, 4)}, 0).y / static_cast<float>(options.height);
  const bool moves = setup_.follow > 0 || setup_.pan != 0;
  const float margin = moves ? 0.3f : setup_.shake > 0 ? 0.03f : 0;
  backdrop_ = draw_backdrop(scenery, {options.width, options.height, options.planes, options.pixel_aspect,
                                      wall, options.clutter * options.difficulty, margin});

  draw_people(people);
  // Not before one who falls: what is hidden cannot be learned.
  if (options.wide && options.subject != Label::kFall && scenery.chance(0.15f * options.difficulty))
    draw_furniture(scenery);

  const Vec3 towards = normalised({light.in(-1, 1), light.in(0.3f, 1), light.in(0.2f, 1)});
  light_ = {towards.x, towards.y, towards.z, mix(0.55f, light.in(0.35f, 0.85f), options.difficulty)};
  shadow_ = light.chance(0.75f) ? light.in(0.15f, 0.6f) : 0;
  chair_ = scenery.chance(any_needs_chair(options.cues) ? (options.wide ? 0.85f : 1.0f) : 0.3f);
  chair_back_ = scenery.chance(0.55f);
  chair_colour_ = from_hsv(scenery.unit(), scenery.in(0, 0.7f), scenery.in(0.12f, 0.8f));
}

void Scene::draw_people(Rng& rng) {
  // Where somebody walks by, the picture has a name for it; only now and then it is nothing all the same.
  const bool nothing = options_.wide && options_.subject == Label::kNothing;
  const float crowd = options_.clutter * options_.difficulty;
  const int others = static_cast<int>(std::max(0.0f, crowd * rng.in(-0.8f, 3.2f)));
  for (int i = 0; i < others; ++i) {
    Bystander other{draw_body(rng, 1), draw_style(rng, 1), {}, rng.in(-kPi, kPi), Bystander::kStays};
    if (rng.chance(nothing ? 0.05f : 0.4f)) other.does = Bystander::kPasses;
    const float z = -rng.in(0.9f, 3.0f), half = setup_.stage.picture_half;
    other.home = {rng.sign() * rng.in(0.35f, 1.1f) * half * (1 - z * 0.2f), 0, z};
    if (other.does == Bystander::kPasses) other.yaw = rng.sign() * kPi / 2 + 0.2f * rng.normal();
    bystanders_.push_back(other);
  }
  for (int i = 0; i < setup_.company; ++i) {
    Bystander other{draw_body(rng, 1), draw_style(rng, 1), {}, 0.15f * rng.normal(), Bystander::kAccompanies};
    other.home = {rng.sign() * rng.in(0.35f, 1.8f), 0, rng.sign() * rng.in(0.2f, 1.8f)};
    if (rng.chance(0.35f)) {  // comes towards the others, or goes across
      other.does = Bystander::kPasses;
      other.yaw = rng.sign() * kPi / 2 + 0.3f * rng.normal();
    }
    bystanders_.push_back(other);
  }
}

/// The back of a sofa, a table, a counter: boards above each other.
void Scene::draw_furniture(Rng& rng) {
  const float top = rng.in(0.3f, 0.85f), half = rng.in(0.3f, 1.2f), x = rng.in(-0.9f, 0.9f),
              z = rng.in(0.45f, 1.1f), turn = rng.in(-0.3f, 0.3f);
  const Cloth cloth{from_hsv(rng.unit(), rng.in(0, 0.6f), rng.in(0.1f, 0.85f))};
  constexpr float kBoard = 0.09f;
  const bool table = rng.chance(0.3f);  // the floor is seen below it
  for (float y = table ? top : kBoard; y <= top; y += 1.3f * kBoard)
    furniture_.push_back({{x - half, y, z - turn}, {x + half, y, z + turn}, kBoard, kBoard, cloth});
}

void Scene::aim(double time) {
  const Moment moment = timeline_.at(time);
  aim_time_ = time;
  if (moment.actor_there) aim_ = {moment.actor.position.x, 0, moment.actor.position.z};
}

bool Scene::aim_at_edge(double time, bool on_the_way_out) {
  constexpr double kMoment = 0.1;  // seconds
  const Vec3 now = timeline_.at(time).actor.position, before = timeline_.at(time - kMoment).actor.position;
  Vec3 way{now.x - before.x, 0, now.z - before.z};
  if (length(way) < 0.2f * static_cast<float>(kMoment)) return false;
  way = normalised(way) * (on_the_way_out ? 1.0f : -1.0f);
  Camera camera = setup_.camera;
  // The camera looks at a place on that way, further and further behind (or before) where the actor is now.
  constexpr float kStep = 0.1f, kFurthest = 20;  // metres
  for (float metres = kStep; metres < kFurthest; metres += kStep) {
    const Vec3 aim = Vec3{now.x, 0, now.z} - way * metres;
    camera.target = setup_.camera.target + aim;
    const View view(camera, options_.width, options_.height, options_.pixel_aspect);
    const Vec3 middle{now.x, actor_.height * 0.5f, now.z};
    const Disc at = view.project(middle, 0);
    const bool inside = view.depth(middle) > 0.4f && at.x > 0 && at.y > 0 &&
                        at.x < static_cast<float>(options_.width) &&
                        at.y < static_cast<float>(options_.height);
    if (inside) continue;
    aim_ = aim;
    aim_time_ = time;
    return true;
  }
  return false;
}

View Scene::view(const Frame& frame) const {
  Camera camera = setup_.camera;
  camera.target = camera.target + aim_;
  View view(camera, options_.width, options_.height, options_.pixel_aspect);
  view.move(-static_cast<float>(frame.shift_x), -static_cast<float>(frame.shift_y));
  return view;
}

void Scene::prepare(double time, Frame& frame) {
  frame.moment = timeline_.at(time);
  frame.figures.clear();
  frame.solids.clear();
  frame.shapes.clear();
  // The camera turns: picture and backdrop shift together, by whole pixels.
  const float pixels_per_metre =
      static_cast<float>(options_.height) * setup_.camera.focal / setup_.camera.distance;
  const float followed = setup_.follow * (frame.moment.actor.position.x - aim_.x);
  const float panned = setup_.pan * static_cast<float>(time - aim_time_);
  Rng shaking(options_.seed, 1000003 + static_cast<uint64_t>(std::llround(time * 1000)));
  const float room_x = static_cast<float>(backdrop_.margin_x),
              room_y = static_cast<float>(backdrop_.margin_y);
  float x = (followed + panned) * pixels_per_metre / options_.pixel_aspect;
  if (!options_.wide) x = std::clamp(x, -0.9f * room_x, 0.9f * room_x);
  x += setup_.shake * shaking.in(-1, 1);
  const float y = setup_.shake * shaking.in(-1, 1);
  if (options_.wide) {
    frame.shift_x = static_cast<int>(std::lround(x));
    frame.shift_y = static_cast<int>(std::lround(y));
  } else {
    // Not past the backdrop's margin; where there is none, not at all.
    const auto within = [](float shift, float room) {
      return room > 2 ? even(std::clamp(shift, 2 - room, room - 2)) : 0;
    };
    frame.shift_x = within(x, room_x);
    frame.shift_y = within(y, room_y);
  }

  const View seen = view(frame);
  const Moment& moment = frame.moment;
  if (moment.actor_there) add_person(moment.actor, actor_, Role::kActor, seen, frame);
  if (moment.partner_there) add_person(moment.partner, partner_, Role::kPartner, seen, frame);
  if (chair_) add_chair(seen, frame);
  if (!furniture_.empty()) add_furniture(seen, frame);
  add_bystanders(time, seen, frame);
  std::stable_sort(frame.shapes.begin(), frame.shapes.end(),
                   [](const Shape& a, const Shape& b) { return a.depth > b.depth; });
}

void Scene::add_person(const Pose& pose, const Body& body, Role role, const View& view, Frame& frame) const {
  Figure figure{role, solve(pose, body), {}, {}, 0, frame.solids.size(), 0};
  dress(figure.joints, body, frame.solids);
  figure.last = frame.solids.size();
  finish(figure, view, frame);
}

void Scene::add_chair(const View& view, Frame& frame) const {
  const Mat3 turn = rotate_y(setup_.stage.chair_yaw);
  const float seat = actor_.leg * 0.5f - 0.08f, back = -actor_.leg * 0.5f;
  const auto at = [&](float x, float y, float z) { return setup_.stage.chair + turn * Vec3{x, y, z}; };
  Figure figure{Role::kThing, {}, {}, {}, 0, frame.solids.size(), 0};
  const Cloth main{chair_colour_}, dark{chair_colour_ * 0.75f};
  for (int k = 0; k < 5; ++k) {
    const float z = back + 0.22f - 0.1f * static_cast<float>(k);
    frame.solids.push_back({at(-0.2f, seat, z), at(0.2f, seat, z), 0.04f, 0.04f, main});
  }
  for (int k = 0; chair_back_ && k < 4; ++k) {
    const float y = seat + 0.1f + 0.1f * static_cast<float>(k);
    frame.solids.push_back({at(-0.2f, y, back - 0.24f), at(0.2f, y, back - 0.24f), 0.035f, 0.035f, dark});
  }
  for (float x : {-0.2f, 0.2f})
    for (float z : {back + 0.2f, back - 0.2f})
      frame.solids.push_back({at(x, seat, z), at(x, 0, z), 0.02f, 0.02f, dark});
  figure.last = frame.solids.size();
  finish(figure, view, frame);
}

void Scene::add_furniture(const View& view, Frame& frame) const {
  Figure figure{Role::kThing, {}, {}, {}, 0, frame.solids.size(), 0};
  for (Solid solid : furniture_) {
    solid.a = solid.a + aim_;
    solid.b = solid.b + aim_;
    frame.solids.push_back(solid);
  }
  figure.last = frame.solids.size();
  finish(figure, view, frame);
}

void Scene::add_bystanders(double time, const View& view, Frame& frame) const {
  for (const Bystander& other : bystanders_) {
    const auto t = static_cast<float>(std::fmod(time, 3600.0));
    Pose pose = standing(other.style, t, 1);
    pose.yaw += other.yaw;
    pose.position = other.home;
    if (other.does == Bystander::kAccompanies && frame.moment.actor_there) {
      const Pose& actor = frame.moment.actor;
      pose.position = actor.position + other.home;
      pose.yaw = actor.yaw + other.yaw;
      Style style = other.style;
      style.pace = frame.moment.entry->style.pace;  // who goes along with the slow goes slowly
      kWalk.pose(style, other.body, t, pose);
    } else if (other.does == Bystander::kPasses) {  // across the picture, out of it, and after a while again
      const float reach = 2 * setup_.stage.picture_half + 4,
                  way = other.home.x + kWalk.speed(other.style, other.body) * t * std::sin(other.yaw);
      pose.position.x = way - reach * std::floor(way / reach + 0.5f);
      kWalk.pose(other.style, other.body, t, pose);
    } else {
      kNothing.pose(other.style, other.body, t, pose);
    }
    add_person(pose, other.body, Role::kBystander, view, frame);
  }
}

void Scene::finish(Figure figure, const View& view, Frame& frame) const {
  float left = 1e6f, right = -1e6f, top = 1e6f, bottom = -1e6f;
  Vec3 low{1e6f, 0, 1e6f}, high{-1e6f, 0, -1e6f};
  for (size_t i = figure.first; i < figure.last; ++i) {
    const Solid& solid = frame.solids[i];
    const float depth = view.depth(lerp(solid.a, solid.b, 0.5f));
    if (depth < 0.4f) continue;
    Shape shape{view.project(solid.a, solid.radius_a), view.project(solid.b, solid.radius_b), {}, 0};
    shape.depth = depth - 0.5f * solid.radius_a + solid.behind;
    const Cloth& cloth = solid.cloth;
    const Colour& c = cloth.colour;
    if (options_.planes == 1)
      shape.surface = {{luma(c), 0, 0}};
    else
      shape.surface = {{c.x, c.y, c.z}};
    if (cloth.pattern != Pattern::kPlain) {
      shape.surface.pattern = static_cast<int>(cloth.pattern);
      shape.surface.frequency = std::max(1.0f, length(solid.b - solid.a) / cloth.period);
      shape.surface.depth = cloth.depth;
    }
    frame.shapes.push_back(shape);
    for (const Disc& disc : {shape.a, shape.b}) {
      left = std::min(left, disc.x - disc.radius), right = std::max(right, disc.x + disc.radius);
      top = std::min(top, disc.y - disc.radius), bottom = std::max(bottom, disc.y + disc.radius);
    }
    low = {std::min(low.x, solid.a.x), 0, std::min(low.z, solid.a.z)};
    high = {std::max(high.x, solid.a.x), 0, std::max(high.z, solid.a.z)};
  }
  if (left > right) {
    frame.figures.push_back(figure);
    return;
  }
  figure.box = {static_cast<int>(std::floor(left)) - 1, static_cast<int>(std::floor(top)) - 1,
                static_cast<int>(std::ceil(right)) + 1, static_cast<int>(std::ceil(bottom)) + 1};
  const Vec3 foot = lerp(low, high, 0.5f);
  if (shadow_ > 0 && view.depth(foot) > 0.4f) {
    figure.shadow = view.project(foot, 0.12f + 0.3f * std::max(high.x - low.x, high.z - low.z));
    figure.shadow_height =
        figure.shadow.radius * std::max(0.12f, std::sin(std::max(0.05f, setup_.camera.pitch)));
  }
  frame.figures.push_back(figure);
}

void Scene::draw(const Frame& frame, const Canvas& canvas) const {
  const RasterKernels& kernels = raster_kernels();
  uint8_t row[8192];
  for (int p = 0; p < canvas.planes; ++p)
    for (int y = 0; y < canvas.height; ++y) {
      backdrop_.copy_row(p, canvas.y + y, frame.shift_x, frame.shift_y, canvas.x, canvas.width, row);
      float* out = canvas.plane[p] + static_cast<ptrdiff_t>(y) * canvas.stride;
      for (int x = 0; x < canvas.width; ++x) out[x] = static_cast<float>(row[x]) * (1.0f / 255);
    }
  for (const Figure& figure : frame.figures)
    if (figure.shadow.radius > 0)
      kernels.shade(canvas, figure.shadow.x, figure.shadow.y, figure.shadow.radius, figure.shadow_height,
                    shadow_);
  const float most = 8.0f * static_cast<float>(options_.height);
  for (const Shape& shape : frame.shapes)
    if (shape.a.radius < most && shape.b.radius < most)
      kernels.cone(canvas, shape.a, shape.b, shape.surface, light_);
}

}  // namespace mone::actors
