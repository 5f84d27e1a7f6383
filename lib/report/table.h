#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mlrun::report {

enum class Align {
  Auto,  ///< right where every cell of the column is a number (with or without unit) or empty
  Left,
  Right
};

struct Column {
  std::string title;
  Align align = Align::Auto;
};

/// Rows of text under titled columns, to be read by people or programs. Cells are UTF-8.
class Table {
 public:
  explicit Table(std::vector<Column> columns);

  /// One cell for each column; InternalError otherwise.
  void add(std::vector<std::string> row);
  std::size_t rows() const { return rows_.size(); }

  /// Aligned columns two spaces apart, a line of dashes below the titles. Control characters
  /// become spaces. No trailing spaces.
  std::string text() const;
  /// A GitHub-flavoured Markdown table.
  std::string markdown() const;
  /// An HTML table; what stands in cells is escaped.
  std::string html() const;
  /// Titles and rows as CSV (see csv_row); the rows alone.
  std::string csv() const;
  std::string csv_rows() const;
  /// The same with a column before the others that has `cell` in every row.
  Table after(const std::string& title, const std::string& cell) const;

 private:
  bool right(std::size_t column) const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// One record as RFC 4180 quotes it, ended by a line feed alone, as Unix tools expect.
std::string csv_row(const std::vector<std::string>& cells);

/// Whether `cell` starts like a number: 12, -0.5, +3, .5, 1.2M, 12.3 MiB, 93.42 %, nan, -, ?.
bool looks_numeric(std::string_view cell);

}  // namespace mlrun::report
