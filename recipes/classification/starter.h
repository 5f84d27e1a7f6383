#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"

namespace mlrun::classification {

struct StarterRequest {
  std::filesystem::path root;    ///< the data
  std::string format;            ///< a source's name; empty: found out
  std::string model;             ///< empty: chosen
  std::filesystem::path recipe;  ///< the file that will be written
};

/// A first recipe for a data set.
struct Starter {
  std::string text;     ///< YAML with comments
  std::string summary;  ///< what was found, for people
  Json json = Json::object();
};

/// Looks at the data and writes the recipe that an expert would begin with. Nothing is written to disk.
/// UserError where there are no data of a known kind, too few of them, or no such model.
Starter make_starter(const StarterRequest& request);

}  // namespace mlrun::classification
