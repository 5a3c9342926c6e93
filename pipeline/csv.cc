#include "pipeline/csv.h"

#include <algorithm>
#include <set>

namespace mone {
namespace {

/// Takes one record after the other off a text.
class CsvReader {
 public:
  explicit CsvReader(std::string_view text) : text_(text) {
    if (text_.substr(0, 3) == "\xef\xbb\xbf") text_.remove_prefix(3);
  }
  bool done() const { return at_ >= text_.size(); }
  int line() const { return line_; }
  /// False if a quote is not closed.
  bool next(std::vector<std::string>& cells) {
    cells.assign(1, "");
    while (!done()) {
      const char c = text_[at_++];
      if (c == '"' && cells.back().empty()) {
        if (!quoted(cells.back())) return false;
      } else if (c == ',') {
        cells.emplace_back();
      } else if (c == '\n') {
        ++line_;
        return true;
      } else if (c != '\r' || (at_ < text_.size() && text_[at_] != '\n')) {
        cells.back() += c;
      }
    }
    return true;
  }

 private:
  bool quoted(std::string& cell) {
    while (!done()) {
      const char c = text_[at_++];
      line_ += c == '\n';
      if (c != '"') {
        cell += c;
      } else if (!done() && text_[at_] == '"') {
        cell += text_[at_++];
      } else {
        return true;
      }
    }
    return false;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 1;
};

}  // namespace

int CsvTable::column(std::string_view name) const {
  const auto found = std::find(columns.begin(), columns.end(), name);
  return found == columns.end() ? -1 : static_cast<int>(found - columns.begin());
}

Result<CsvTable> parse_csv(std::string_view text, const std::string& name) {
  CsvReader reader(text);
  CsvTable table;
  std::vector<std::string> cells;
  while (!reader.done()) {
    const int line = reader.line();
    const auto failed = [&](const std::string& why) {
      return Failure{name + ": line " + std::to_string(line) + " " + why};
    };
    if (!reader.next(cells)) return failed("has a quote that is not closed");
    if (cells.size() == 1 && cells[0].empty()) continue;
    if (table.columns.empty()) {
      table.columns = cells;
      const std::set<std::string> distinct(cells.begin(), cells.end());
      if (distinct.size() != cells.size()) return failed("names a column twice");
      continue;
    }
    if (cells.size() != table.columns.size())
      return failed("has " + std::to_string(cells.size()) + " cells, the header " +
                    std::to_string(table.columns.size()));
    table.rows.push_back(cells);
    table.lines.push_back(line);
  }
  if (table.columns.empty()) return Failure{name + ": is empty"};
  return table;
}

}  // namespace mone
