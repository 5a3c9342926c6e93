#include "engine/json.h"

#include <vector>

namespace mone {
namespace {

using nlohmann::json;

/// What the parser says quotes the file as it is; who reads our errors expects UTF-8.
std::string valid_utf8(const std::string& text) {
  return json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace)).get<std::string>();
}

/// Builds the document from the parser's events; any `false` ends the parse.
class Builder : public nlohmann::json_sax<json> {
 public:
  Builder(json& root, int max_depth) : max_depth_(max_depth) { open_.push_back(&root); }
  std::string failure;

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t&) override { return add(value); }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t&) override { return fail("binary value"); }
  bool start_object(std::size_t) override { return descend(json::object()); }
  bool start_array(std::size_t) override { return descend(json::array()); }
  bool end_object() override { return ascend(); }
  bool end_array() override { return ascend(); }
  bool key(string_t& name) override {
    if (open_.back()->contains(name)) return fail("key \"" + name + "\" appears twice");
    key_ = std::move(name);
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const json::exception& error) override {
    return fail("not JSON at byte " + std::to_string(position) + ": " + valid_utf8(error.what()));
  }

 private:
  bool fail(std::string why) {
    failure = std::move(why);
    return false;
  }
  json* place(json value) {
    json& parent = *open_.back();
    if (parent.is_object()) return &(parent[key_] = std::move(value));
    if (parent.is_array()) return &parent.emplace_back(std::move(value));
    return &(parent = std::move(value));  // the root, null until now
  }
  bool add(json value) {
    place(std::move(value));
    return true;
  }
  bool descend(json container) {
    if (++depth_ > max_depth_) return fail("nested more than " + std::to_string(max_depth_) + " deep");
    open_.push_back(place(std::move(container)));
    return true;
  }
  bool ascend() {
    --depth_;
    open_.pop_back();
    return true;
  }

  int max_depth_;
  int depth_ = 0;
  std::string key_;
  std::vector<json*> open_;  // stable: a container does not grow while a child of it is open
};

}  // namespace

Result<nlohmann::json> parse_json(std::string_view text, const std::string& what, int max_depth) {
  json root;
  Builder builder(root, max_depth);
  if (!json::sax_parse(text.begin(), text.end(), &builder)) return Failure{what + ": " + builder.failure};
  return root;
}

}  // namespace mone
