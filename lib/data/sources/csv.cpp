#include "data/sources/csv.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace mlrun::data {
namespace {

constexpr std::size_t kMostCells = 4096;
constexpr const char* kQuoteHint = "put the whole cell into quotes and double the quotes inside it";

}  // namespace

std::string_view plain_text(std::string_view text, const std::string& name) {
  if (text.substr(0, 3) == "\xEF\xBB\xBF") text.remove_prefix(3);
  const std::string_view mark = text.substr(0, 2);
  if (mark == "\xFF\xFE" || mark == "\xFE\xFF") throw file_error(name, "is UTF-16 text", "save it as UTF-8");
  if (text.find('\0') != std::string_view::npos) {
    throw file_error(name, "holds zero bytes, so it is no text", "save it as UTF-8 text");
  }
  return text;
}

CsvReader::CsvReader(std::string_view text, std::string name) : text_(plain_text(text, name)), name_(std::move(name)) {}

void CsvReader::fail(int line, const std::string& message, const std::string& hint) const {
  throw UserError(Problem{name_, line, 0, "", message, hint});
}

bool CsvReader::at_line_end() const { return at_ < text_.size() && (text_[at_] == '\n' || text_[at_] == '\r'); }

void CsvReader::skip_line_end() {
  at_ += text_.substr(at_, 2) == "\r\n" ? 2 : 1;
  ++line_;
}

std::string CsvReader::quoted_cell() {
  const int begin = line_;
  std::string cell;
  ++at_;
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == '"') {
      ++at_;
      if (at_ == text_.size() || text_[at_] == ',' || at_line_end()) return cell;
      if (text_[at_] != '"') fail(line_, "text follows a closing quote", kQuoteHint);
    } else if (at_line_end()) {
      const std::size_t from = at_;
      skip_line_end();
      cell.append(text_, from, at_ - from);
      continue;
    }
    cell += c;
    ++at_;
  }
  fail(begin, "a quote is opened here and never closed", "close it, or double it where it belongs to the text");
}

std::string CsvReader::plain_cell() {
  const std::size_t end = std::min(text_.find_first_of(",\n\r", at_), text_.size());
  std::string cell(text_.substr(at_, end - at_));
  if (cell.find('"') != std::string::npos) fail(line_, "a quote stands inside an unquoted cell", kQuoteHint);
  at_ = end;
  return cell;
}

bool CsvReader::next(std::vector<std::string>& cells) {
  cells.clear();
  while (at_line_end()) skip_line_end();
  if (at_ == text_.size()) return false;
  row_line_ = line_;
  while (true) {
    if (cells.size() == kMostCells) fail(row_line_, "the row has more than 4096 cells", "is this the right file?");
    cells.push_back(at_ < text_.size() && text_[at_] == '"' ? quoted_cell() : plain_cell());
    if (at_ == text_.size()) return true;
    if (at_line_end()) {
      skip_line_end();
      return true;
    }
    ++at_;  // the comma; a cell follows it, be it empty
  }
}

}  // namespace mlrun::data
