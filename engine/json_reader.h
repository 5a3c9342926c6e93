/// Takes keys out of a JSON object that nobody vouches for. The first thing wrong is kept, as one line that
/// names the file and the key; everything after it does nothing.
#pragma once

#include <array>
#include <initializer_list>
#include <set>
#include <string>
#include <vector>

#include "engine/json.h"

namespace mone {

class JsonReader {
 public:
  /// @param what     names the text in failures: "config"
  /// @param prefix   of the keys in failures: "", or "rate." for the object under "rate"
  /// @param failure  written once; must be empty at first
  JsonReader(const nlohmann::json& object, std::string what, std::string prefix, std::string& failure);

  void integer(const char* key, int& value, int low, int high);
  void number(const char* key, double& value, double low, double high);
  void boolean(const char* key, bool& value);
  void text(const char* key, std::string& value);
  void texts(const char* key, std::vector<std::string>& values);
  /// An array of n whole numbers, one for each pointer.
  template <std::size_t n>
  void integers(const char* key, std::array<int*, n> values, int low, int high) {
    const nlohmann::json* field = take_array(key, n);
    for (std::size_t i = 0; field && i < n; ++i) check_integer(key, (*field)[i], *values[i], low, high);
  }
  template <std::size_t n>
  void numbers(const char* key, std::array<double, n>& values, double low, double high) {
    const nlohmann::json* field = take_array(key, n);
    for (std::size_t i = 0; field && i < n; ++i) check_number(key, (*field)[i], values[i], low, high);
  }
  /// One of a few words; `value` becomes the word's position.
  template <class T>
  void choice(const char* key, T& value, std::initializer_list<const char*> words) {
    const int position = position_of(key, words);
    if (position >= 0) value = static_cast<T>(position);
  }

  /// The value under `key`, whatever it is; null after a failure.
  const nlohmann::json* object(const char* key) { return take(key); }
  /// Takes a string if it is there.
  void optional(const char* key, std::string& value) {
    if (has(key)) text(key, value);
  }
  bool has(const char* key) const { return object_.is_object() && object_.contains(key); }

  /// Every key must have been taken.
  void finish();
  void fail(const std::string& key, const std::string& why);

 private:
  const nlohmann::json* take(const char* key);
  const nlohmann::json* take_array(const char* key, std::size_t size);
  void check_integer(const char* key, const nlohmann::json& field, int& value, int low, int high);
  void check_number(const char* key, const nlohmann::json& field, double& value, double low, double high);
  int position_of(const char* key, std::initializer_list<const char*> words);

  const nlohmann::json& object_;
  std::string what_, prefix_;
  std::string& failure_;
  std::set<std::string> taken_;
};

}  // namespace mone
