#pragma once

#include <string>
#include <string_view>

namespace mlrun::data {

/// Text of a user's file for a message of one line: control characters become `?`, what is longer than 120
/// bytes ends in `...` (never within a character of UTF-8).
inline std::string shown_text(std::string_view text) {
  constexpr std::size_t kMost = 120;
  const bool cut = text.size() > kMost;
  if (cut) {
    std::size_t end = kMost;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    text = text.substr(0, end);
  }
  std::string shown(text);
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  return cut ? shown + "..." : shown;
}

}  // namespace mlrun::data
