#include "report/table.h"

#include <algorithm>

#include "base/error.h"
#include "base/printable.h"
#include "report/format.h"
#include "report/markup.h"

namespace mlrun::report {
namespace {

constexpr const char* kGap = "  ";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::string escaped(const std::string& cell) {
  std::string out;
  for (const char c : printable_line(cell)) {
    if (c == '|' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

/// `cells` padded to `widths`; no spaces after the last one.
std::string aligned_line(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths,
                         const std::vector<bool>& right) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string cell = printable_line(cells[i]);
    const std::string padding(widths[i] - display_width(cell), ' ');
    if (i > 0) line += kGap;
    line += right[i] ? padding + cell : cell + padding;
  }
  return line.erase(line.find_last_not_of(' ') + 1) + "\n";
}

}  // namespace

bool looks_numeric(std::string_view cell) {
  if (cell == "-" || cell == "?" || cell == "nan" || cell == "inf" || cell == "-inf") return true;
  std::size_t at = !cell.empty() && (cell[0] == '-' || cell[0] == '+') ? 1 : 0;
  if (at < cell.size() && cell[at] == '.') ++at;
  if (at >= cell.size() || !is_digit(cell[at])) return false;
  while (at < cell.size() && (is_digit(cell[at]) || cell[at] == '.' || cell[at] == ',' || cell[at] == ':')) ++at;
  const bool exponent = cell.size() > at + 1 && cell[at] == 'e' && (cell[at + 1] == '-' || cell[at + 1] == '+');
  if (exponent) return std::all_of(cell.begin() + at + 2, cell.end(), is_digit);
  // A unit: a space at most, then a few letters or a percent sign.
  if (at < cell.size() && cell[at] == ' ') ++at;
  if (cell.size() - at > 8) return false;
  return std::all_of(cell.begin() + at, cell.end(), [](char c) { return is_letter(c) || c == '%' || c == '/'; });
}

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

void Table::add(std::vector<std::string> row) {
  MLRUN_ASSERT(row.size() == columns_.size(), "a row of " + std::to_string(row.size()) + " cells in a table of " +
                                                  std::to_string(columns_.size()) + " columns");
  rows_.push_back(std::move(row));
}

bool Table::right(std::size_t column) const {
  if (columns_[column].align != Align::Auto) return columns_[column].align == Align::Right;
  return !rows_.empty() && std::all_of(rows_.begin(), rows_.end(), [column](const auto& row) {
    return row[column].empty() || looks_numeric(row[column]);
  });
}

std::string Table::text() const {
  std::vector<std::string> titles, dashes;
  std::vector<std::size_t> widths;
  std::vector<bool> to_right;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    titles.push_back(columns_[i].title);
    widths.push_back(display_width(printable_line(columns_[i].title)));
    for (const auto& row : rows_) widths[i] = std::max(widths[i], display_width(printable_line(row[i])));
    dashes.emplace_back(widths[i], '-');
    to_right.push_back(right(i));
  }
  std::string out = aligned_line(titles, widths, to_right) + aligned_line(dashes, widths, to_right);
  for (const auto& row : rows_) out += aligned_line(row, widths, to_right);
  return out;
}

std::string Table::markdown() const {
  std::string titles = "|", rule = "|", body;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    titles += " " + escaped(columns_[i].title) + " |";
    rule += right(i) ? "---:|" : "---|";
  }
  for (const auto& row : rows_) {
    body += "|";
    for (const auto& cell : row) body += " " + escaped(cell) + " |";
    body += "\n";
  }
  return titles + "\n" + rule + "\n" + body;
}

std::string Table::html() const {
  const auto cell = [this](const char* tag, std::size_t column, const std::string& text) {
    return std::string("<") + tag + (right(column) ? " class=\"r\">" : ">") + escaped_markup(text) + "</" + tag + ">";
  };
  std::string out = "<div class=\"wide\"><table>\n<thead><tr>";
  for (std::size_t i = 0; i < columns_.size(); ++i) out += cell("th", i, columns_[i].title);
  out += "</tr></thead>\n<tbody>\n";
  for (const auto& row : rows_) {
    out += "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i) out += cell("td", i, row[i]);
    out += "</tr>\n";
  }
  return out + "</tbody>\n</table></div>\n";
}

std::string Table::csv() const {
  std::vector<std::string> titles;
  for (const auto& column : columns_) titles.push_back(column.title);
  return csv_row(titles) + csv_rows();
}

std::string Table::csv_rows() const {
  std::string out;
  for (const auto& row : rows_) out += csv_row(row);
  return out;
}

Table Table::after(const std::string& title, const std::string& cell) const {
  Table table = *this;
  table.columns_.insert(table.columns_.begin(), Column{title});
  for (auto& row : table.rows_) row.insert(row.begin(), cell);
  return table;
}

std::string csv_row(const std::vector<std::string>& cells) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) line += ',';
    if (cells[i].find_first_of(",\"\r\n") == std::string::npos) {
      line += cells[i];
      continue;
    }
    line += '"';
    for (const char c : cells[i]) line += c == '"' ? std::string("\"\"") : std::string(1, c);
    line += '"';
  }
  return line + "\n";
}

}  // namespace mlrun::report
