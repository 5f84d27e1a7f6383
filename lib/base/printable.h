#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// What comes from files and users as a terminal, a log or a page may show it.
namespace mlrun {

/// Bytes of the UTF-8 character at the start of `text`, which is not empty; 0 where it is malformed.
std::size_t utf8_length(std::string_view text);

/// Written out is what could steer a terminal, or hide or reorder what is read: control characters but tab and line
/// feed
/// (`\x1b`), C1 controls, line separators and controls of the writing direction (`\u202e`), and bytes that are no UTF-8
/// (`\xff`). All other text stays as it is.
std::string printable(std::string_view text);

/// The same on one line: line breaks and tabs become blanks.
std::string printable_line(std::string_view text);

/// JSON text in which what `printable` writes out stands as `\u202e`, which is the same JSON.
std::string printable_json(std::string_view json);

}  // namespace mlrun
