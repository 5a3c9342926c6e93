#include "engine/model_config.h"

#include "engine/capacity.h"
#include "engine/json_reader.h"

namespace mone {
namespace {

using nlohmann::json;
using Reader = JsonReader;

/// Bounds keep every product of sizes far inside 64 bits and a hostile file from asking for the whole memory.
void read_sizes(Reader& reader, ModelConfig& c) {
  reader.choice("variant", c.variant, {"fe", "joint"});
  reader.integer("D", c.D, 1, 8192);
  reader.integer("H", c.H, 1, 256);
  reader.integer("L", c.L, 1, 128);
  reader.integer("Lt", c.Lt, 0, 128);
  reader.integer("E", c.E, 1, kMaxExperts);
  reader.integer("C", c.C, 1, 100000);
  reader.integers<2>("image", {&c.image_height, &c.image_width}, 1, 4096);
  reader.integer("frames", c.frames, 1, 1024);
  reader.integers<3>("tubelet", {&c.pt, &c.ph, &c.pw}, 1, 4096);
}

void read_sampling(Reader& reader, ModelConfig& c, std::string& failure) {
  constexpr double kTiny = 1e-9;  // "above zero"
  if (const json* object = reader.object("rate")) {
    Reader rate(*object, "config", "rate.", failure);
    rate.number("min", c.rate_min, kTiny, 1000);
    rate.number("nominal", c.rate_nominal, kTiny, 1000);
    rate.number("max", c.rate_max, kTiny, 1000);
    rate.finish();
    if (!(c.rate_min <= c.rate_nominal && c.rate_nominal <= c.rate_max))
      reader.fail("rate", "must have min <= nominal <= max");
  }
  reader.integer("resize_short", c.resize_short, 1, 8192);
  reader.choice("fit", c.fit, {"crop", "pad"});
  reader.choice("crop", c.crop, {"full", "motion", "region"});
  reader.choice("planes", c.planes, {"rgb", "luma-motion"});
  if (const json* object = reader.object("input")) {
    Reader input(*object, "config", "input.", failure);
    input.number("scale", c.scale, kTiny, 1000);
    input.numbers("mean", c.mean, -1e6, 1e6);
    input.numbers("std", c.std, kTiny, 1e6);
    input.finish();
  }
}

void read_network(Reader& reader, ModelConfig& c) {
  reader.choice("act", c.act, {"gelu_tanh", "gelu_erf"});
  reader.number("ln_eps", c.ln_eps, 0, 1);
  reader.choice("classifier", c.classifier, {"token", "gap"});
  reader.choice("cls_policy", c.cls_policy, {"full", "routed"});
  reader.choice("router_input", c.router_input, {"raw", "ln1"});
  bool gate_off = false;
  reader.choice("gate", gate_off, {"on", "off"});
  c.gate = !gate_off;
  reader.choice("w_form", c.w_form, {"prod", "frac"});
  reader.number("beta", c.beta, 1e-6, 1e6);
  reader.number("delta", c.delta, 1e-6, 100);
  reader.numbers("train_ec", c.train_ec, 0, 1);
  if (!(c.train_ec[0] <= c.train_ec[1])) reader.fail("train_ec", "must be [smallest, largest]");
}

void read_names(Reader& reader, ModelConfig& c, std::string& failure) {
  reader.texts("labels", c.labels);
  if (!reader.has("provenance")) return;
  if (const json* object = reader.object("provenance")) {
    Reader provenance(*object, "config", "provenance.", failure);
    provenance.optional("name", c.provenance.name);
    provenance.optional("trained_on", c.provenance.trained_on);
    provenance.optional("terms", c.provenance.terms);
    provenance.finish();
  }
}

/// What only several keys together can say.
void check_together(Reader& reader, const ModelConfig& c) {
  const auto divides = [&](const char* key, int value, int by, const std::string& what) {
    if (value % by) reader.fail(key, "is " + std::to_string(value) + ", not a multiple of " + what);
  };
  divides("D", c.D, c.H, "H = " + std::to_string(c.H));
  divides("D", c.D, 1 << (c.E - 1), "2^(E-1), which E = " + std::to_string(c.E) + " nested experts need");
  divides("frames", c.frames, c.pt, "the tubelet's " + std::to_string(c.pt) + " frames");
  divides("image", c.image_height, c.ph, "the tubelet's height " + std::to_string(c.ph));
  divides("image", c.image_width, c.pw, "the tubelet's width " + std::to_string(c.pw));
  if (c.variant == Variant::kFe && c.Lt == 0)
    reader.fail("Lt", "is 0; a factorised encoder has a temporal one");
  if (c.variant == Variant::kJoint && c.Lt != 0) reader.fail("Lt", "must be 0 in a joint model");
  if (std::int64_t{c.tokens()} * c.nt() > 65536)
    reader.fail("image", "and tubelet give " + std::to_string(c.tokens()) + " tokens x " +
                             std::to_string(c.nt()) + " per window; at most 65536 are possible");
  if (tubelet_bytes(c.image_width, c.image_height, c.pt) > kMaxTubeletBytes)
    reader.fail("tubelet", "of " + std::to_string(c.pt) + " frames of the image is larger than " +
                               std::to_string(kMaxTubeletBytes) + " bytes");
  if (c.variant == Variant::kJoint && std::int64_t{c.nt()} * c.tubelet_bytes() > kMaxWindowBytes)
    reader.fail("frames", "of " + std::to_string(c.frames) + " make a window larger than " +
                              std::to_string(kMaxWindowBytes) + " bytes");
  if (std::ssize(c.labels) != c.C)
    reader.fail("labels",
                "has " + std::to_string(c.labels.size()) + " entries for C = " + std::to_string(c.C));
}

}  // namespace

Result<ModelConfig> parse_model_config(std::string_view text) {
  const auto parsed = parse_json(text, "config");
  if (!parsed) return parsed.error();
  std::string failure;
  ModelConfig config;
  Reader reader(parsed.value(), "config", "", failure);
  read_sizes(reader, config);
  read_sampling(reader, config, failure);
  read_network(reader, config);
  read_names(reader, config, failure);
  reader.finish();
  if (failure.empty()) check_together(reader, config);
  if (!failure.empty()) return Failure{failure};
  return config;
}

}  // namespace mone
