#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/json.h"

namespace mlrun {

/// Reads an object of lists, as annotations are, that is too large to stand in memory: `take` is given each object (and
/// each list) that such a list holds, with the list's key, in the order of the text. The bounds of `parse_json` are
/// those of each alone. False where the text is no such JSON; what was taken before it broke off counts for nothing
/// then.
bool parse_json_items(std::string_view text, const std::function<void(const std::string& list, Json item)>& take);

/// The same of a list of objects (and lists): the outermost value. False where it holds anything else.
bool parse_json_list(std::string_view text, const std::function<void(Json item)>& take);

}  // namespace mlrun
