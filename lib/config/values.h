#pragma once

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

}  // namespace mlrun::config
