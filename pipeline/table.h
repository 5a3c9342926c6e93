/// A table of text for people: columns as wide as their widest cell.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace mone {

enum class Align { kLeft, kRight };

class Table {
 public:
  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// One cell a column; missing cells are empty.
  void add(std::vector<std::string> cells);
  /// Titles, then rows, each line beginning with `indent`.
  void print(std::ostream& out, std::string_view indent = "") const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// Characters of a UTF-8 string (code points), which is how wide it stands in a terminal for most scripts.
std::size_t text_width(std::string_view text);

/// `value` with `digits` after the point, in the C locale.
std::string fixed(double value, int digits);

/// `value` to three significant digits, without exponent where that stays readable: 283, 18.2, 0.0204.
std::string significant(double value);

/// `value` as 1.2e-05.
std::string scientific(double value);

/// "1 clip", "2 clips".
std::string counted(std::int64_t count, const char* one, const char* many);

/// `seconds` as 1:02:03 or 2:03.
std::string clock_text(double seconds);

}  // namespace mone
