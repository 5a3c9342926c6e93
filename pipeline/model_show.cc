// mone model show: what a model is, what it knows and what it costs.
#include <filesystem>
#include <iostream>

#include "engine/cost.h"
#include "engine/tubelet_format.h"
#include "pipeline/command_line.h"
#include "pipeline/json_line.h"
#include "pipeline/model_commands.h"
#include "pipeline/open_engine.h"
#include "pipeline/table.h"

namespace mone {
namespace {

constexpr double kBudgets[] = {1, 0.75, 0.5, 0.4, 0.25, 0.15};

const char* to_text(Variant v) { return v == Variant::kFe ? "fe" : "joint"; }
const char* to_text(Activation a) { return a == Activation::kGeluTanh ? "gelu_tanh" : "gelu_erf"; }
const char* to_text(Classifier c) { return c == Classifier::kToken ? "token" : "gap"; }
const char* to_text(ClsPolicy p) { return p == ClsPolicy::kFull ? "full" : "routed"; }

/// Of the model file, or of the weights in a folder.
std::uintmax_t file_bytes(std::filesystem::path path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) path /= "model.safetensors";
  const auto size = std::filesystem::file_size(path, error);
  return error ? 0 : size;
}

void show_json(const Model& model) {
  const ModelConfig& c = model.config();
  Json cost = Json::array();
  for (const double budget : kBudgets) {
    cost.push_back(
        {{"budget", budget}, {"gmac_step", step_gmac(c, budget)}, {"gmac_clip", clip_gmac(c, budget)}});
  }
  write_line(std::cout, {{"name", model.name()},
                         {"path", model.path()},
                         {"hash", model.hash()},
                         {"bytes", file_bytes(model.path())},
                         {"variant", to_text(c.variant)},
                         {"D", c.D},
                         {"H", c.H},
                         {"L", c.L},
                         {"Lt", c.Lt},
                         {"E", c.E},
                         {"C", c.C},
                         {"image", {c.image_height, c.image_width}},
                         {"frames", c.frames},
                         {"tubelet", {c.pt, c.ph, c.pw}},
                         {"tokens", c.tokens()},
                         {"rate", {{"min", c.rate_min}, {"nominal", c.rate_nominal}, {"max", c.rate_max}}},
                         {"planes", to_name(c.planes)},
                         {"fit", to_name(c.fit)},
                         {"crop", to_name(c.crop)},
                         {"act", to_text(c.act)},
                         {"classifier", to_text(c.classifier)},
                         {"cls_policy", to_text(c.cls_policy)},
                         {"train_ec", c.train_ec},
                         {"cost", cost},
                         {"labels", c.labels},
                         {"provenance",
                          {{"name", c.provenance.name},
                           {"trained_on", c.provenance.trained_on},
                           {"terms", c.provenance.terms}}}});
}

std::string experts_text(const Model& model) {
  const ModelConfig& c = model.config();
  if (!model.routed())
    return "one, of the full width: a plain model; budgets below 1 need nested experts and a router";
  std::string widths;
  for (int expert = 0; expert < c.E; ++expert) {
    widths += (widths.empty() ? "" : ", ") + std::to_string(c.D >> (c.E - 1 - expert));
  }
  return std::to_string(c.E) + " nested, of widths " + widths;
}

void show_sizes(const Model& model) {
  const ModelConfig& c = model.config();
  const auto n = [](int value) { return std::to_string(value); };
  const bool fe = c.variant == Variant::kFe;
  Table table({{model.name()}, {""}});
  table.add({"file", model.path() + ", " + std::to_string(file_bytes(model.path())) + " bytes"});
  table.add({"sha-256", model.hash()});
  table.add({"network", std::string(fe ? "factorised encoder" : "joint") + ", width " + n(c.D) + ", " +
                            n(c.H) + " heads, " + n(c.L) + " layers" +
                            (fe ? " + " + n(c.Lt) + " over time" : "")});
  table.add({"experts", experts_text(model)});
  table.add({"sees", n(c.frames) + " frames of " + n(c.image_width) + "x" + n(c.image_height) + " (" +
                         to_name(c.planes) + ", fit " + to_name(c.fit) + "), " + n(c.nt()) + " tubelets of " +
                         n(c.tokens()) + " tokens of " + n(c.pt) + "x" + n(c.ph) + "x" + n(c.pw)});
  table.add({"rate", fixed(c.rate_nominal, 2) + " tubelets a second (" + fixed(c.rate_min, 2) + " to " +
                         fixed(c.rate_max, 2) + "), a window is " + fixed(c.nt() / c.rate_nominal, 2) +
                         " s"});
  table.add({"trained at", "budgets " + fixed(c.train_ec[0], 2) + " to " + fixed(c.train_ec[1], 2)});
  if (!c.provenance.trained_on.empty()) table.add({"trained on", c.provenance.trained_on});
  if (!c.provenance.terms.empty()) table.add({"terms", c.provenance.terms});
  table.print(std::cout);
}

void show_text(const Model& model) {
  const ModelConfig& c = model.config();
  show_sizes(model);
  std::cout << "\ncost in billions of multiply-adds\n";
  Table cost({{"budget", Align::kRight}, {"per prediction", Align::kRight}, {"per clip", Align::kRight}});
  for (const double budget : kBudgets) {
    cost.add({fixed(budget, 2), significant(step_gmac(c, budget)), significant(clip_gmac(c, budget))});
  }
  cost.print(std::cout, "  ");
  std::cout << "\n" << c.C << " labels\n";
  for (const std::string& label : c.labels) std::cout << "  " << label << '\n';
}

}  // namespace

int model_show_command(const Arguments& arguments) {
  bool json = false;
  std::vector<std::string> models;
  CommandLine line(
      "model show [--json] [MODEL]",
      "Prints a model's sizes, cost by budget, labels and provenance; the default model without MODEL.");
  line.options()("json", boost::program_options::bool_switch(&json), "one JSON object instead of text");
  ModelArguments wanted;
  ModelArguments::add_options_to(line, wanted.options);
  line.take_rest("MODEL", &models);
  if (!line.parse(arguments)) return kExitDone;
  if (models.size() > 1) throw UsageError("model show takes one MODEL, not " + std::to_string(models.size()));
  if (!models.empty()) wanted.model = models[0];
  log_engine_to_stderr();
  const auto model = open_model(wanted);
  if (!model) return kExitFailed;
  (json ? show_json : show_text)(*model);
  return kExitDone;
}

}  // namespace mone
