#include "engine/model_config.h"

#include <cmath>
#include <set>

#include "engine/capacity.h"
#include "engine/json.h"

namespace mone {
namespace {

using nlohmann::json;

/// Takes keys out of one JSON object; the first thing wrong is kept and everything after it does nothing.
class Reader {
 public:
  Reader(const json& object, std::string prefix, std::string& failure)
      : object_(object), prefix_(std::move(prefix)), failure_(failure) {
    if (object_.is_object()) return;
    if (!prefix_.empty()) prefix_.pop_back();  // "rate." -> "rate"
    fail("", "must be an object");
  }

  void integer(const char* key, int& value, int low, int high) {
    const json* field = take(key);
    if (!field) return;
    if (!field->is_number_integer()) return fail(key, "must be a whole number");
    const auto given = field->is_number_unsigned() && field->get<std::uint64_t>() > INT64_MAX
                           ? INT64_MAX
                           : field->get<std::int64_t>();
    if (given < low || given > high) return fail(key, "is " + std::to_string(given) + range(low, high));
    value = static_cast<int>(given);
  }

  void number(const char* key, double& value, double low, double high) {
    if (const json* field = take(key)) check_number(key, *field, value, low, high);
  }

  template <std::size_t n>
  void integers(const char* key, std::array<int*, n> values, int low, int high) {
    const json* field = take_array(key, n);
    for (std::size_t i = 0; field && i < n; ++i) {
      double value = 0;
      check_number(key, (*field)[i], value, low, high);
      if (value != std::floor(value)) return fail(key, "must hold whole numbers");
      *values[i] = static_cast<int>(value);
    }
  }

  template <std::size_t n>
  void numbers(const char* key, std::array<double, n>& values, double low, double high) {
    const json* field = take_array(key, n);
    for (std::size_t i = 0; field && i < n; ++i) check_number(key, (*field)[i], values[i], low, high);
  }

  void text(const char* key, std::string& value) {
    const json* field = take(key);
    if (!field) return;
    if (!field->is_string()) return fail(key, "must be a string");
    value = field->get<std::string>();
  }

  void texts(const char* key, std::vector<std::string>& values) {
    const json* field = take(key);
    if (!field) return;
    if (!field->is_array()) return fail(key, "must be an array of strings");
    for (const json& item : *field) {
      if (!item.is_string()) return fail(key, "must be an array of strings");
      values.push_back(item.get<std::string>());
    }
  }

  /// One of a few words; `value` becomes the word's position.
  template <class T>
  void choice(const char* key, T& value, std::initializer_list<const char*> words) {
    std::string given;
    text(key, given);
    if (!failure_.empty()) return;
    int position = 0;
    for (const char* word : words) {
      if (given == word) return void(value = static_cast<T>(position));
      ++position;
    }
    std::string known;
    for (const char* word : words) known += (known.empty() ? "" : ", ") + std::string(word);
    fail(key, "is \"" + given + "\"; this version knows " + known);
  }

  const json* object(const char* key) { return take(key); }
  void optional(const char* key, std::string& value) {
    if (object_.is_object() && object_.contains(key)) text(key, value);
  }
  bool has(const char* key) const { return object_.is_object() && object_.contains(key); }

  /// Every key must have been taken.
  void finish() {
    if (!object_.is_object()) return;
    for (const auto& [key, value] : object_.items())
      if (!taken_.count(key)) return fail(key, "is not a key this version knows");
  }

  void fail(const std::string& key, const std::string& why) {
    if (failure_.empty())
      failure_ = "config: " + prefix_ + key + (prefix_.empty() && key.empty() ? "" : " ") + why;
  }

 private:
  static std::string range(double low, double high) {
    std::ostringstream text;
    text << "; it must lie in " << low << " to " << high;
    return text.str();
  }

  const json* take(const char* key) {
    if (!failure_.empty()) return nullptr;
    const auto found = object_.find(key);
    if (found == object_.end()) return fail(key, "is missing"), nullptr;
    taken_.insert(key);
    return &*found;
  }

  const json* take_array(const char* key, std::size_t size) {
    const json* field = take(key);
    if (!field || (field->is_array() && field->size() == size)) return field;
    return fail(key, "must be an array of " + std::to_string(size) + " numbers"), nullptr;
  }

  void check_number(const char* key, const json& field, double& value, double low, double high) {
    if (!field.is_number()) return fail(key, "must be a number");
    value = field.get<double>();
    std::ostringstream text;
    text << value;
    if (!(value >= low && value <= high)) fail(key, "is " + text.str() + range(low, high));
  }

  const json& object_;
  std::string prefix_;
  std::string& failure_;
  std::set<std::string> taken_;
};

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
    Reader rate(*object, "rate.", failure);
    rate.number("min", c.rate_min, kTiny, 1000);
    rate.number("nominal", c.rate_nominal, kTiny, 1000);
    rate.number("max", c.rate_max, kTiny, 1000);
    rate.finish();
    if (!(c.rate_min <= c.rate_nominal && c.rate_nominal <= c.rate_max))
      reader.fail("rate", "must have min <= nominal <= max");
  }
  reader.integer("resize_short", c.resize_short, 1, 8192);
  reader.choice("fit", c.fit, {"crop", "pad"});
  reader.choice("crop", c.crop, {"full", "motion"});
  reader.choice("planes", c.planes, {"rgb", "luma-motion"});
  if (const json* object = reader.object("input")) {
    Reader input(*object, "input.", failure);
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
    Reader provenance(*object, "provenance.", failure);
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
  Reader reader(parsed.value(), "", failure);
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
