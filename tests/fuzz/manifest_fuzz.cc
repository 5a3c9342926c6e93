// A manifest from anyone: its table parses to something that reads the same when written again, and its rows
// to videos whose events have times, or it fails with a reason.
#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>

#include "pipeline/csv.h"
#include "pipeline/eval_manifest.h"

namespace {

void expect(bool good) {
  if (!good) std::abort();
}

std::string written(const std::vector<std::string>& cells) {
  std::string line;
  for (const std::string& cell : cells) {
    line += line.empty() ? "\"" : ",\"";
    for (const char c : cell) line += c == '"' ? std::string("\"\"") : std::string(1, c);
    line += '"';
  }
  return line + "\n";
}

void check_table(std::string_view text) {
  const auto table = mone::parse_csv(text, "a");
  if (!table) return expect(!table.error().text.empty());
  std::string again = written(table.value().columns);
  int line = 0;
  for (std::size_t i = 0; i < table.value().rows.size(); ++i) {
    expect(table.value().lines[i] > line);
    line = table.value().lines[i];
    again += written(table.value().rows[i]);
  }
  const auto same = mone::parse_csv(again, "b");
  expect(same && same.value().columns == table.value().columns && same.value().rows == table.value().rows);
}

/// A file of nothing but memory, by a name that can be opened.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view text) : file_(memfd_create("manifest", 0)) {
    expect(file_ >= 0 && write(file_, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  ~MemoryFile() { close(file_); }
  std::string path() const { return "/proc/self/fd/" + std::to_string(file_); }

 private:
  int file_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_table(text);
  const MemoryFile file(text);
  const auto manifest = mone::read_manifests({file.path()}, {}, {"walk", "nothing"}, {});
  if (!manifest) {
    expect(!manifest.error().text.empty());
    return 0;
  }
  for (const mone::EvalVideo& video : manifest.value().videos) {
    expect(!video.path.empty() && !video.events.empty());
    for (const mone::EvalEvent& event : video.events)
      expect(std::isfinite(event.begin) && event.begin >= 0 && event.end >= event.begin && event.truth < 2);
  }
  return 0;
}
