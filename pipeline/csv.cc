#include "pipeline/csv.h"

#include <algorithm>
#include <boost/algorithm/string.hpp>
#include <set>

namespace mone {
namespace {

constexpr std::string_view kBlanks = " \t";

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
    std::size_t kept = 0;  // of the cell, what stood in quotes
    while (!done()) {
      const char c = text_[at_++];
      if (c == '"' && trimmed(cells.back()).empty()) {
        cells.back().clear();
        if (!quoted(cells.back())) return false;
        kept = cells.back().size();
      } else if (c == ',') {
        close(cells.back(), kept);
        cells.emplace_back();
        kept = 0;
      } else if (c == '\n') {
        ++line_;
        break;
      } else if (c != '\r' || (at_ < text_.size() && text_[at_] != '\n')) {
        cells.back() += c;
      }
    }
    close(cells.back(), kept);
    return true;
  }

 private:
  /// Trims a cell, but for its first `kept` bytes.
  static void close(std::string& cell, std::size_t kept) {
    if (kept == 0) cell = std::string(trimmed(cell));
    cell.resize(std::max(kept, cell.find_last_not_of(kBlanks) + 1));
  }

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

/// What is wrong with the text of a table saved in another form; empty if nothing is.
std::string wrong_form(std::string_view text) {
  const std::string_view start = text.substr(0, 2);
  if (start == "\xff\xfe" || start == "\xfe\xff" || text.find('\0') != std::string_view::npos)
    return "is no CSV file in UTF-8 (UTF-16, or a spreadsheet's own format?): save it as CSV, UTF-8";
  return "";
}

/// What is wrong with a header whose columns are separated by something else; empty if nothing is.
std::string wrong_separator(const std::vector<std::string>& header) {
  if (header.size() != 1) return "";
  for (const char* separator : {";", "\t"}) {
    if (header[0].find(separator) == std::string::npos) continue;
    return std::string("has columns separated by ") + (*separator == ';' ? "';'" : "tabs") + " (" +
           header[0] + "): save it with commas between them";
  }
  return "";
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(kBlanks), text.size());
  return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

int CsvTable::column(std::string_view name) const {
  const auto found = std::find_if(columns.begin(), columns.end(), [&](const std::string& column) {
    return boost::algorithm::iequals(column, name);
  });
  return found == columns.end() ? -1 : static_cast<int>(found - columns.begin());
}

Result<CsvTable> parse_csv(std::string_view text, const std::string& name) {
  if (const std::string why = wrong_form(text); !why.empty()) return Failure{name + ": " + why};
  CsvReader reader(text);
  CsvTable table;
  std::vector<std::string> cells;
  while (!reader.done()) {
    const int line = reader.line();
    const auto failed = [&](const std::string& why) {
      return Failure{name + ": line " + std::to_string(line) + " " + why};
    };
    if (!reader.next(cells)) return failed("has a quote that is not closed");
    // Spreadsheets write rows that nobody filled in as blanks and commas.
    if (std::all_of(cells.begin(), cells.end(), [](const auto& cell) { return trimmed(cell).empty(); }))
      continue;
    if (table.columns.empty()) {
      for (const std::string& cell : cells) table.columns.emplace_back(trimmed(cell));
      if (const std::string why = wrong_separator(cells); !why.empty()) return failed(why);
      std::set<std::string> distinct;
      for (const std::string& column : table.columns)
        if (!column.empty() && !distinct.insert(boost::algorithm::to_lower_copy(column)).second)
          return failed("names a column twice");
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
