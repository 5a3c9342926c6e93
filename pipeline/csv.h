/// A CSV file with a header (RFC 4180: quoted cells, doubled quotes, CRLF or LF), from anyone. Blanks around
/// cells and in the names of columns do not count; in quotes a cell keeps them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/error.h"

namespace mone {

/// Without the blanks and tabs at its ends.
std::string_view trimmed(std::string_view text);

struct CsvTable {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;  ///< as many cells as columns
  std::vector<int> lines;                      ///< where each row begins, from 1

  /// Position of a column, whether in capitals or not, or -1.
  int column(std::string_view name) const;
};

/// @param name  names the text in failures
/// Fails, with the line, where a row has other cells than the header, a quote is not closed, a column comes
/// twice, or the cells are separated by something else; and where it is UTF-16. Rows of blank cells are
/// passed over.
Result<CsvTable> parse_csv(std::string_view text, const std::string& name);

}  // namespace mone
