#pragma once

#include <string_view>

#include <nlohmann/json.hpp>

namespace mlrun {

/// JSON whose objects keep the order in which their keys were written.
using Json = nlohmann::ordered_json;

constexpr std::size_t kDeepestJson = 100;           ///< levels
constexpr std::size_t kMostJsonValues = 1U << 24U;  ///< in one text

/// The value that `text` holds, in time linear in its length: the one way in which mlrun reads JSON. A discarded value
/// (`is_discarded`) where it is none, or is deeper or has more values than the bounds above. Of a key that stands twice
/// the later value counts.
Json parse_json(std::string_view text);

/// `value` as JSON text; NaN and infinities become null, malformed UTF-8 becomes U+FFFD.
std::string json_text(const Json& value, int indent = -1);

}  // namespace mlrun
