#pragma once

#include <string>
#include <string_view>

/// Names are bytes from users. These say whether they are text, and which of them people cannot tell apart.
namespace mlrun {

bool is_utf8(std::string_view text);

/// True where `text` holds a control character of ASCII (a line break, a tab).
bool has_control(std::string_view text);

/// UTF-8 text with letters and their marks as one code point where there is such a one (Unicode's NFC, for marks in
/// canonical order): Linux writes names so, macOS may write them apart (NFD). Bytes that are no UTF-8 stay.
std::string composed(std::string_view text);

/// What texts that look the same have in common: composed, in lower case (Latin, Greek and Cyrillic letters), without
/// blanks at the ends, runs of blanks as one, invisible characters left out.
std::string look_of(std::string_view text);

}  // namespace mlrun
