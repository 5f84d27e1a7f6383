#include "config/yaml_source.h"

#include <algorithm>
#include <array>

#include "base/printable.h"

namespace mlrun::config {
namespace {

bool is_control(std::string_view rest) {
  const auto byte = static_cast<unsigned char>(rest[0]);
  if (byte == '\r') return rest.size() < 2 || rest[1] != '\n';
  return (byte < 0x20 && byte != '\t' && byte != '\n') || byte == 0x7F;
}

std::string hexadecimal(char byte) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  const auto value = static_cast<unsigned char>(byte);
  return {'0', 'x', kDigits[value >> 4], kDigits[value & 15]};
}

struct Rewording {
  std::string_view yaml;  ///< how yaml-cpp's message begins
  const char* message;
  const char* hint;
};

constexpr const char* kQuoteIt = "quote the text";

constexpr std::array<Rewording, 16> kRewordings{{
    {"end of map flow not found", "a '{' is not closed", "close it with '}' and separate its entries with ','"},
    {"end of sequence flow not found", "a '[' is not closed", "close it with ']' and separate its items with ','"},
    {"end of map not found", "this does not continue the map above it", "check the indentation and the quotes"},
    {"unexpected scalar", "this does not continue the map above it", "check the indentation and the quotes"},
    {"end of sequence not found", "this does not continue the list above it", "check the indentation and the quotes"},
    {"illegal map value", "a ':' stands where no key can be",
     "write one 'key: value' on each line, with a space after ':'; quote text that contains ': '"},
    {"illegal map key", "a '?' or a key stands where none can be", kQuoteIt},
    {"illegal block entry", "a '- ' stands where no list item can be", "begin the list on its own line"},
    {"illegal flow end", "a closing bracket has no opening one", "remove it or quote the text"},
    {"illegal EOF in scalar", "a quoted text is not closed", "close the quotes"},
    {"illegal document indicator in scalar", "a quoted text is not closed before the line '---' or '...'",
     "close the quotes"},
    {"the referenced anchor is not defined", "the alias refers to an anchor that is not defined above it",
     "define it with '&name', or quote the text"},
    {"unknown escape character", "an unknown escape sequence after '\\'",
     "write '\\\\' for a backslash, or use single quotes"},
    {"unknown token", "a value cannot begin with this character", kQuoteIt},
    {"alias not found after *", "a '*' stands where a value is expected", kQuoteIt},
    {"anchor not found after &", "a '&' stands where a value is expected", kQuoteIt},
}};

}  // namespace

std::string unfit_byte(std::string_view text, std::size_t& position) {
  for (position = 0; position < text.size();) {
    const auto rest = text.substr(position);
    if (is_control(rest)) return "holds the control byte " + hexadecimal(rest[0]);
    const std::size_t length = utf8_length(rest);
    if (length == 0) return "is not UTF-8 text: byte " + hexadecimal(rest[0]);
    position += length;
  }
  return "";
}

YamlSource::YamlSource(std::string text, std::string file) : text_(std::move(text)), file_(std::move(file)) {
  if (text_.rfind("\xEF\xBB\xBF", 0) == 0) text_.erase(0, 3);
  line_starts_.push_back(0);
  for (std::size_t i = 0; i < text_.size(); ++i) {
    if (text_[i] == '\n') line_starts_.push_back(i + 1);
  }
  std::size_t position = 0;
  const std::string unfit = unfit_byte(text_, position);
  if (unfit.empty()) return;
  const auto line = std::upper_bound(line_starts_.begin(), line_starts_.end(), position) - line_starts_.begin() - 1;
  const auto start = line_starts_[static_cast<std::size_t>(line)];
  const Origin place = origin(static_cast<int>(line), static_cast<int>(position - start));
  throw UserError(Problem{file_, place.line, place.column, "", unfit, "a recipe is a YAML text file in UTF-8"});
}

std::size_t YamlSource::offset(int line, int column) const {
  if (line < 0 || static_cast<std::size_t>(line) >= line_starts_.size()) return text_.size();
  return std::min(text_.size(),
                  line_starts_[static_cast<std::size_t>(line)] + static_cast<std::size_t>(std::max(0, column)));
}

std::string_view YamlSource::from(int line, int column) const {
  return std::string_view(text_).substr(offset(line, column));
}

std::string_view YamlSource::rest_of_line(int line, int column) const {
  const auto rest = from(line, column);
  return rest.substr(0, rest.find('\n'));
}

Origin YamlSource::origin(int line, int column) const {
  const std::size_t begin = offset(line, 0);
  const std::size_t end = offset(line, column);
  if (counted_.begin != begin || counted_.end > end) counted_ = {begin, begin, 0};
  counted_.characters += std::count_if(text_.begin() + static_cast<std::ptrdiff_t>(counted_.end),
                                       text_.begin() + static_cast<std::ptrdiff_t>(end),
                                       [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
  counted_.end = end;
  return {file_, line + 1, static_cast<int>(counted_.characters) + 1};
}

Problem YamlSource::explain(int line, int column, const std::string& message) const {
  const auto whole = rest_of_line(line, 0);
  const auto indentation = whole.substr(0, std::min(whole.size(), whole.find_first_not_of(" \t\r")));
  const auto tab = indentation.find('\t');
  if (tab != std::string_view::npos) {
    const Origin place = origin(line, static_cast<int>(tab));
    return {file_, place.line, place.column, "", "a tab stands in the indentation", "indent with spaces"};
  }
  const Origin place = origin(line, column);
  for (const auto& rewording : kRewordings) {
    if (message.rfind(rewording.yaml, 0) == 0) {
      return {file_, place.line, place.column, "", rewording.message, rewording.hint};
    }
  }
  return {file_, place.line, place.column, "", "is not valid YAML: " + message, ""};
}

bool has_leading_zero(const std::string& text) {
  std::size_t at = 0;
  const auto skip = [&](std::string_view characters) {
    const std::size_t begin = at;
    while (at < text.size() && characters.find(text[at]) != std::string_view::npos) ++at;
    return at - begin;
  };
  constexpr std::string_view kDigits = "0123456789_";
  if (text.find_first_of("+-") == 0) ++at;
  const bool zero = at < text.size() && text[at] == '0';
  if (!zero || skip(kDigits) < 2) return false;
  if (at < text.size() && text[at] == '.') {
    ++at;
    skip(kDigits);
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (skip(kDigits) == 0) return false;
  }
  return at == text.size();
}

bool is_null_text(const std::string& text) {
  return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
}

std::size_t weight(const Node& node) {
  constexpr std::size_t kTextOfOneNode = 100;
  std::size_t sum = 1 + node.scalar.size() / kTextOfOneNode;
  for (const auto& item : node.items) sum += weight(item);
  for (const auto& entry : node.entries) sum += weight(entry.value);
  return sum;
}

std::size_t height(const Node& node) {
  std::size_t most = 0;
  for (const auto& item : node.items) most = std::max(most, height(item));
  for (const auto& entry : node.entries) most = std::max(most, height(entry.value));
  return most + 1;
}

}  // namespace mlrun::config
