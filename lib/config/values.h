#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "config/node.h"
#include "config/options.h"

namespace mlrun::config {

/// The value of a field that holds scalars (also a list of them), as `Field::set` takes it; null
/// for a null. Nothing where it is not one: then `problems` says why. Paths become absolute.
std::optional<Json> read_value(const Node& node, const Field& field, const std::string& key,
                               std::vector<Problem>& problems);

/// What a relative path that is written there is relative to: the file's folder, or the current one.
std::filesystem::path path_folder(const Origin& origin);

}  // namespace mlrun::config
