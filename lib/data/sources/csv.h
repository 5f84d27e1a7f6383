#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mlrun::data {

/// Reads CSV (RFC 4180) row by row: quoted cells with commas, doubled quotes and line breaks; rows
/// that end in LF, CRLF or CR; a UTF-8 byte order mark is skipped, as are empty lines. What follows
/// no rule is a UserError `file:line: …`: a quote inside an unquoted cell, text behind a closing
/// quote, a quote that is never closed, zero bytes (UTF-16), more than 4096 cells in a row.
class CsvReader {
 public:
  /// `text` must outlive the reader; `name` is the file's, for messages.
  CsvReader(std::string_view text, std::string name);

  /// The next row; false after the last.
  bool next(std::vector<std::string>& cells);

  /// 1-based line on which the row that `next` gave begins.
  int line() const { return row_line_; }

 private:
  std::string quoted_cell();
  std::string plain_cell();
  bool at_line_end() const;
  void skip_line_end();
  [[noreturn]] void fail(int line, const std::string& message, const std::string& hint) const;

  std::string_view text_;
  std::string name_;
  std::size_t at_ = 0;
  int line_ = 1;
  int row_line_ = 0;
};

/// `text` without a UTF-8 byte order mark. UserError that names `name` where it is UTF-16 or holds a
/// zero byte.
std::string_view plain_text(std::string_view text, const std::string& name);

}  // namespace mlrun::data
