#pragma once

#include <nlohmann/json.hpp>

namespace mlrun {

/// JSON whose objects keep the order in which their keys were written.
using Json = nlohmann::ordered_json;

/// `value` as JSON text; NaN and infinities become null, malformed UTF-8 becomes U+FFFD.
std::string json_text(const Json& value, int indent = -1);

}  // namespace mlrun
