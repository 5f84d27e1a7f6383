#include "base/printable.h"

#include <algorithm>
#include <cstdint>

namespace mlrun {
namespace {

unsigned char byte_at(std::string_view text, std::size_t at) { return static_cast<unsigned char>(text[at]); }

std::uint32_t code_point(std::string_view character) {
  if (character.size() == 1) return byte_at(character, 0);
  std::uint32_t code = byte_at(character, 0) & (0xFFU >> (character.size() + 1));
  for (std::size_t i = 1; i < character.size(); ++i) code = code << 6 | (byte_at(character, i) & 0x3FU);
  return code;
}

/// Beyond ASCII: C1 controls, line and paragraph separators, what sets the writing direction (Unicode's Bidi_Control),
/// and what XML has no place for.
bool unshown(std::uint32_t code) {
  const auto within = [code](std::uint32_t first, std::uint32_t last) { return code >= first && code <= last; };
  return within(0x80, 0x9F) || code == 0x61C || within(0x200E, 0x200F) || within(0x2028, 0x202E) ||
         within(0x2066, 0x2069) || within(0xFFFE, 0xFFFF);
}

std::string written_out(const char* prefix, std::uint32_t value, int digits) {
  std::string text = prefix;
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) text += "0123456789abcdef"[value >> shift & 15U];
  return text;
}

bool all_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
}

}  // namespace

std::size_t utf8_length(std::string_view text) {
  const unsigned char lead = byte_at(text, 0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte_at(text, i) & 0xC0) != 0x80) return 0;
  }
  const std::uint32_t code = code_point(text.substr(0, length));
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  return overlong || surrogate || code > 0x10FFFF ? 0 : length;
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const std::string_view character = text.substr(0, std::max<std::size_t>(1, length));
    const std::uint32_t code = length == 0 ? byte_at(text, 0) : code_point(character);
    if (length == 0 || (code < 0x20 && code != '\t' && code != '\n') || code == 0x7F) {
      out += written_out("\\x", code, 2);
    } else if (unshown(code)) {
      out += written_out("\\u", code, 4);
    } else {
      out += character;
    }
    text.remove_prefix(character.size());
  }
  return out;
}

std::string printable_line(std::string_view text) {
  if (all_plain(text)) return std::string(text);
  std::string line(text);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
  return printable(line);
}

std::string printable_json(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  while (!json.empty()) {
    const std::string_view character = json.substr(0, std::max<std::size_t>(1, utf8_length(json)));
    const std::uint32_t code = code_point(character);
    const bool alone = character.size() > 1 || code == 0x7F;
    out += alone && (code == 0x7F || unshown(code)) ? written_out("\\u", code, 4) : std::string(character);
    json.remove_prefix(character.size());
  }
  return out;
}

}  // namespace mlrun
