#pragma once

#include <string>
#include <string_view>

#include "base/printable.h"

namespace mlrun::data {

/// Text of a user's file for a message of one printable line: what is longer than 120 bytes ends in `...` (never within
/// a character of UTF-8).
inline std::string shown_text(std::string_view text) {
  constexpr std::size_t kMost = 120;
  const bool cut = text.size() > kMost;
  if (cut) {
    std::size_t end = kMost;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    text = text.substr(0, end);
  }
  const std::string shown = printable_line(text);
  return cut ? shown + "..." : shown;
}

}  // namespace mlrun::data
