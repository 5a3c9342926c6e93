#include "engine/budget/cost_file.h"

#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "engine/json.h"
#include "engine/log.h"
#include "engine/sha256.h"

namespace mone {
namespace {

using Json = nlohmann::json;

constexpr int kVersion = 2;
constexpr double kShortest = 1e-9,
                 kLongest = 1e4;  // seconds that a tubelet can take; else the file is damaged

Json key_json(const CostKey& key) {
  return {{"version", kVersion},  {"model", key.model_hash},   {"backend", key.backend},
          {"device", key.device}, {"dtype", key.dtype},        {"threads", key.threads},
          {"lanes", key.lanes},   {"max_batch", key.max_batch}};
}

bool read_list(const Json& json, const char* name, int levels, std::array<double, kLadder.size()>& out) {
  const auto list = json.find(name);
  if (list == json.end() || !list->is_array() || static_cast<int>(list->size()) != levels) return false;
  for (int l = 0; l < levels; ++l) {
    if (!(*list)[l].is_number()) return false;
    out[l] = (*list)[l].get<double>();
    if (!(out[l] >= kShortest && out[l] <= kLongest)) return false;
  }
  return true;
}

std::optional<CostTable> parse(const Json& json, const CostKey& key, int experts) {
  if (!json.is_object() || json.value("key", Json()) != key_json(key)) return std::nullopt;
  CostTable table;
  table.experts = experts;
  table.max_batch = key.max_batch;
  const int levels = Ladder(experts).size();
  const auto read_out = json.find("read_out");
  if (!read_list(json, "single", levels, table.single) || !read_list(json, "batch", levels, table.batch) ||
      read_out == json.end() || !read_out->is_number())
    return std::nullopt;
  table.read_out = read_out->get<double>();
  if (!(table.read_out >= 0 && table.read_out <= kLongest)) return std::nullopt;
  return table;
}

}  // namespace

std::string cost_folder() {
  // A relative path is to be ignored (XDG base directory specification).
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache && cache[0] == '/') return std::string(cache) + "/gst-mone";
  const char* home = std::getenv("HOME");
  return home && home[0] == '/' ? std::string(home) + "/.cache/gst-mone" : "";
}

std::string cost_file_name(const CostKey& key) {
  const std::string text = key_json(key).dump();
  return "costs-" + sha256_hex(std::as_bytes(std::span(text))).substr(0, 24) + ".json";
}

std::optional<CostTable> read_costs(const std::string& path, const CostKey& key, int experts) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  const auto json = parse_json(text.str(), "cost table " + path);
  auto table = json ? parse(json.value(), key, experts) : std::nullopt;
  if (!table)
    log_line(kLogWarning, path + " is no cost table of this engine" +
                              (json ? "" : " (" + json.error().text + ")") + "; measuring again");
  return table;
}

void write_costs(const std::string& path, const CostKey& key, const CostTable& table) {
  const auto levels = static_cast<std::size_t>(Ladder(table.experts).size());
  const auto list = [&](const auto& costs) {
    return Json(std::vector(costs.begin(), costs.begin() + levels));
  };
  const Json json = {{"key", key_json(key)},
                     {"single", list(table.single)},
                     {"batch", list(table.batch)},
                     {"read_out", table.read_out}};
  namespace fs = std::filesystem;
  std::error_code error;
  fs::create_directories(fs::path(path).parent_path(), error);
  const std::string temporary = path + "." + std::to_string(::getpid());
  bool written = false;
  if (!error) {
    std::ofstream file(temporary);
    file << json.dump(1) << '\n';
    file.close();
    written = !file.fail();
  }
  if (written) fs::rename(temporary, path, error);
  if (written && !error) return;
  log_line(kLogInfo, "costs are not kept for the next start: cannot write " + path +
                         (error ? ": " + error.message() : ""));
  fs::remove(temporary, error);
}

}  // namespace mone
