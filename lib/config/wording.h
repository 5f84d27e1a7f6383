#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"

namespace mlrun::config {

struct Resolved;

/// How a recipe is written down where that is not by its values, by dotted key.
struct Wording {
  /// A value that comes from the environment, as the recipe has it.
  struct Reference {
    std::string text;  ///< with `${env:NAME}`
    bool quoted = false;
  };
  std::map<std::string, Reference> references;
  std::set<std::string> paths;  ///< keys of absolute paths
};

/// Every option with its value, what the environment gave as `${env:NAME}`: what a run keeps of its recipe.
Json recorded_values(const Resolved& resolved);
/// The same as YAML that `resolve` reads back.
std::string recorded_yaml(const Resolved& resolved);

/// As `recorded_yaml`, for a file that is given away: without `data.root`, of other absolute paths the last part alone,
/// and without the keys `left_out`.
std::string portable_yaml(const Resolved& resolved, const std::vector<std::string>& left_out = {});

}  // namespace mlrun::config
