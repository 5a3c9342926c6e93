#include "tests/load/scripts.h"

#include <memory>
#include <stdexcept>

#include "elements/actors/mone_actors.h"
#include "engine/tubeliser.h"
#include "tests/tiny_model.h"

namespace mone::load {
namespace {

constexpr int kWidth = 320, kHeight = 240, kFps = 30;

struct SceneFree {
  void operator()(mone_actors_scene* scene) const { mone_actors_scene_free(scene); }
};

std::unique_ptr<mone_actors_scene, SceneFree> make_scene(std::uint64_t seed) {
  mone_actors_scene_options options;
  mone_actors_scene_options_init(&options);
  options.seed = seed;
  options.width = kWidth;
  options.height = kHeight;
  options.format = MONE_ACTORS_I420;
  std::unique_ptr<mone_actors_scene, SceneFree> scene(mone_actors_scene_new(&options));
  if (!scene) throw std::runtime_error(mone_actors_error());
  return scene;
}

}  // namespace

Script render_script(const ModelConfig& config, std::uint64_t seed, double seconds) {
  const auto scene = make_scene(seed);
  std::vector<std::uint8_t> picture(kWidth * kHeight * 3 / 2);
  std::uint8_t* planes[3] = {picture.data(), picture.data() + kWidth * kHeight,
                             picture.data() + kWidth * kHeight * 5 / 4};
  const std::int32_t strides[3] = {kWidth, kWidth / 2, kWidth / 2};
  Frame frame;
  frame.format = PixelFormat::kI420;
  frame.width = kWidth;
  frame.height = kHeight;
  frame.matrix = ColourMatrix::kBt601;
  for (int p = 0; p < 3; ++p) frame.planes[p] = planes[p], frame.strides[p] = strides[p];

  Script script;
  script.bytes = static_cast<std::size_t>(config.tubelet_bytes());
  Tubeliser tubeliser(tubelet_format(config), {});
  tubeliser.declare_frame_rate(kFps);
  for (int n = 0; n < seconds * kFps; ++n) {
    const double time = static_cast<double>(n) / kFps;
    mone_actors_scene_render(scene.get(), time, planes, strides);
    const Time pts(static_cast<Time::rep>(time * 1e9));
    tubeliser.push(frame, pts, Time(1000000000 / kFps), [&](const CutTubelet& t) {
      mone_actors_truth truth;
      mone_actors_scene_truth(scene.get(), std::chrono::duration<double>(t.end).count(), &truth);
      script.pixels.insert(script.pixels.end(), t.pixels.begin(), t.pixels.end());
      script.steps.push_back({t.rate, truth.label, truth.in_transition == 0});
    });
  }
  return script;
}

std::vector<Script> render_scripts(const ModelConfig& config, int count, std::uint64_t first_seed,
                                   double seconds) {
  std::vector<Script> scripts;
  for (int i = 0; i < count; ++i) scripts.push_back(render_script(config, first_seed + i, seconds));
  return scripts;
}

std::string model_file(const std::string& name) {
  if (name == "default") return "";
  if (name != "fe-b") return name;
  test::TinyModel base = test::tiny_fe();
  ModelConfig& c = base.config;
  c.D = 768, c.H = 12, c.L = 12, c.Lt = 4, c.E = 4;
  c.image_height = c.image_width = 224;
  c.frames = 32, c.pt = 2, c.ph = c.pw = 16;
  c.rate_min = 4, c.rate_nominal = 7.5, c.rate_max = 12.5;
  c.resize_short = 256;
  base.bf16 = true;
  return test::write_model(base, "fe-b.safetensors");
}

std::shared_ptr<const Model> open_model(const std::string& path) {
  auto model = Model::load(path);
  if (!model) throw std::runtime_error(model.error().text);
  return model.value();
}

}  // namespace mone::load
