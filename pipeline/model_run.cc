// mone model run: one clip through a model, logits as JSON.
#include <iostream>

#include "engine/clip.h"
#include "pipeline/command_line.h"
#include "pipeline/json_line.h"
#include "pipeline/model_commands.h"
#include "pipeline/npy.h"
#include "pipeline/open_engine.h"

namespace mone {
namespace {

std::string shape_text(const std::vector<std::size_t>& shape) {
  std::string text;
  for (const std::size_t extent : shape) text += (text.empty() ? "" : ", ") + std::to_string(extent);
  return "[" + text + "]";
}

Result<NpyU8> read_clip(const std::string& path, const ModelConfig& config) {
  auto clip = read_npy_u8(path);
  if (!clip) return clip;
  const std::vector<std::size_t> wanted = {static_cast<std::size_t>(config.frames),
                                           static_cast<std::size_t>(config.image_height),
                                           static_cast<std::size_t>(config.image_width), 3};
  if (clip.value().shape != wanted) {
    return Failure{path + ": its shape is " + shape_text(clip.value().shape) + ", the model takes " +
                   shape_text(wanted) + " (frames, height, width, planes)"};
  }
  return clip;
}

}  // namespace

int model_run_command(const Arguments& arguments) {
  namespace po = boost::program_options;
  std::string clip_path;
  double budget = 1;
  EngineArguments engine_arguments;
  std::vector<std::string> models;
  CommandLine line(
      "model run MODEL --clip clip.npy [options]",
      "Feeds one clip to a model and prints its logits as JSON. The clip is u8 [frames, height, width, 3]\n"
      "at the model's size: RGB, or the model's own planes.");
  line.options()("clip", po::value(&clip_path)->value_name("FILE"), "the clip, a .npy file")(
      "budget", po::value(&budget)->value_name("B"),
      "share of the model's width a token gets, above 0 up to 1; default: 1");
  ModelArguments model;
  ModelArguments::add_options_to(line, model.options);
  engine_arguments.add_to(line);
  line.take_rest("MODEL", &models);
  if (!line.parse(arguments)) return kExitDone;
  if (models.size() != 1) throw UsageError("model run takes one MODEL, not " + std::to_string(models.size()));
  if (clip_path.empty()) throw UsageError("model run wants --clip clip.npy");
  model.model = models[0];
  check_budget(budget);
  const EngineOptions options = engine_arguments.options();
  log_engine_to_stderr();

  const auto engine = open_engine(model, options);
  if (!engine) return kExitFailed;
  const ModelConfig& config = engine->model().config();
  const auto clip = read_clip(clip_path, config);
  if (!clip) {
    std::cerr << "mone: " << clip.error().text << '\n';
    return kExitFailed;
  }
  const ClipResult result = classify_clip(*engine, {clip.value().data, budget});
  write_line(std::cout, {{"logits", result.logits},
                         {"capacity", result.realised},
                         {"tokens_per_expert", result.tokens_per_expert.at(0)},  // every set has the same
                         {"backend", engine->backend()},
                         {"dtype", to_name(engine->dtype())}});
  return kExitDone;
}

}  // namespace mone
