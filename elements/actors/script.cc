#include "elements/actors/script.h"

#include <charconv>
#include <cmath>

namespace mone::actors {
namespace {

constexpr double kLeastSeconds = 0.1, kMostSeconds = 3600;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

bool parse_seconds(std::string_view text, double* seconds) {
  const char* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, *seconds);
  return failure == std::errc() && stop == end && std::isfinite(*seconds) && *seconds >= kLeastSeconds &&
         *seconds <= kMostSeconds;
}

std::string known_names() {
  std::string names;
  for (int i = 0; i < kLabelCount; ++i) names += std::string(motion_of(static_cast<Label>(i)).name) + ", ";
  return names + "idle, empty";
}

bool parse_entry(std::string_view token, Cue* cue, std::string* error) {
  const size_t colon = token.find(':');
  const std::string_view name = trimmed(token.substr(0, colon));
  if (!find_cue(name, cue)) {
    *error = "script: no action is called \"" + std::string(name) + "\" (in \"" + std::string(token) +
             "\"); use one of " + known_names();
    return false;
  }
  if (colon == std::string_view::npos) return true;
  if (parse_seconds(trimmed(token.substr(colon + 1)), &cue->seconds)) return true;
  *error = "script: \"" + std::string(token) + "\" needs seconds from 0.1 to 3600 after the colon, as in \"" +
           std::string(name) + ":2.5\"";
  return false;
}

}  // namespace

bool find_cue(std::string_view name, Cue* cue) {
  struct Alias {
    std::string_view name;
    Label label;
    bool empty;
  };
  constexpr Alias kAliases[] = {
      {"idle", Label::kNothing, false},     {"empty", Label::kNothing, true},
      {"pick_up", Label::kBend, false},     {"sit", Label::kSitDown, false},
      {"stand", Label::kStandUp, false},    {"jumping-jack", Label::kJumpingJack, false},
      {"sit-down", Label::kSitDown, false}, {"stand-up", Label::kStandUp, false}};
  for (int i = 0; i < kLabelCount; ++i)
    if (name == motion_of(static_cast<Label>(i)).name) {
      *cue = {static_cast<Label>(i)};
      return true;
    }
  for (const Alias& alias : kAliases)
    if (name == alias.name) {
      *cue = {alias.label, alias.empty};
      return true;
    }
  return false;
}

bool parse_script(std::string_view text, std::vector<Cue>* cues, std::string* error) {
  cues->clear();
  text = trimmed(text);
  while (!text.empty()) {
    const size_t comma = text.find(',');
    Cue cue;
    if (!parse_entry(trimmed(text.substr(0, comma)), &cue, error)) return false;
    cues->push_back(cue);
    if (comma == std::string_view::npos) break;
    text = text.substr(comma + 1);
    if (trimmed(text).empty()) {
      *error = "script: ends with a comma; remove it or name another action";
      return false;
    }
  }
  return true;
}

}  // namespace mone::actors
