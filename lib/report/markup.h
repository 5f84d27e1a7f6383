#pragma once

#include <string>
#include <string_view>

namespace mlrun::report {

/// `text`, as `printable` has it, as content or as a quoted attribute value of HTML and SVG: `& < > " '` as references.
std::string escaped_markup(std::string_view text);

/// ` name="value"`, with the value escaped.
std::string attribute(std::string_view name, std::string_view value);

}  // namespace mlrun::report
