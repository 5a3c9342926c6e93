#include "engine/json_reader.h"

#include <cmath>
#include <sstream>

namespace mone {
namespace {

using nlohmann::json;

std::string range(double low, double high) {
  std::ostringstream text;
  text << "; it must lie in " << low << " to " << high;
  return text.str();
}

}  // namespace

JsonReader::JsonReader(const json& object, std::string what, std::string prefix, std::string& failure)
    : object_(object), what_(std::move(what)), prefix_(std::move(prefix)), failure_(failure) {
  if (object_.is_object()) return;
  if (!prefix_.empty()) prefix_.pop_back();  // "rate." -> "rate"
  fail("", "must be an object");
}

void JsonReader::integer(const char* key, int& value, int low, int high) {
  const json* field = take(key);
  if (!field) return;
  if (!field->is_number_integer()) return fail(key, "must be a whole number");
  const auto given = field->is_number_unsigned() && field->get<std::uint64_t>() > INT64_MAX
                         ? INT64_MAX
                         : field->get<std::int64_t>();
  if (given < low || given > high) return fail(key, "is " + std::to_string(given) + range(low, high));
  value = static_cast<int>(given);
}

void JsonReader::number(const char* key, double& value, double low, double high) {
  if (const json* field = take(key)) check_number(key, *field, value, low, high);
}

void JsonReader::boolean(const char* key, bool& value) {
  const json* field = take(key);
  if (!field) return;
  if (!field->is_boolean()) return fail(key, "must be true or false");
  value = field->get<bool>();
}

void JsonReader::text(const char* key, std::string& value) {
  const json* field = take(key);
  if (!field) return;
  if (!field->is_string()) return fail(key, "must be a string");
  value = field->get<std::string>();
}

void JsonReader::texts(const char* key, std::vector<std::string>& values) {
  const json* field = take(key);
  if (!field) return;
  if (!field->is_array()) return fail(key, "must be an array of strings");
  for (const json& item : *field) {
    if (!item.is_string()) return fail(key, "must be an array of strings");
    values.push_back(item.get<std::string>());
  }
}

int JsonReader::position_of(const char* key, std::initializer_list<const char*> words) {
  std::string given, known;
  text(key, given);
  if (!failure_.empty()) return -1;
  int position = 0;
  for (const char* word : words) {
    if (given == word) return position;
    known += (known.empty() ? "" : ", ") + std::string(word);
    ++position;
  }
  fail(key, "is \"" + given + "\"; this version knows " + known);
  return -1;
}

void JsonReader::finish() {
  if (!object_.is_object()) return;
  for (const auto& [key, value] : object_.items())
    if (!taken_.count(key)) return fail(key, "is not a key this version knows");
}

void JsonReader::fail(const std::string& key, const std::string& why) {
  if (failure_.empty())
    failure_ = what_ + ": " + prefix_ + key + (prefix_.empty() && key.empty() ? "" : " ") + why;
}

const json* JsonReader::take(const char* key) {
  if (!failure_.empty()) return nullptr;
  const auto found = object_.find(key);
  if (found == object_.end()) return fail(key, "is missing"), nullptr;
  taken_.insert(key);
  return &*found;
}

const json* JsonReader::take_array(const char* key, std::size_t size) {
  const json* field = take(key);
  if (!field || (field->is_array() && field->size() == size)) return field;
  return fail(key, "must be an array of " + std::to_string(size) + " numbers"), nullptr;
}

void JsonReader::check_integer(const char* key, const json& field, int& value, int low, int high) {
  double given = 0;
  check_number(key, field, given, low, high);
  if (given != std::floor(given)) return fail(key, "must hold whole numbers");
  value = static_cast<int>(given);
}

void JsonReader::check_number(const char* key, const json& field, double& value, double low, double high) {
  if (!field.is_number()) return fail(key, "must be a number");
  const double given = field.get<double>();
  std::ostringstream text;
  text << given;
  if (!(given >= low && given <= high)) return fail(key, "is " + text.str() + range(low, high));
  value = given;
}

}  // namespace mone
