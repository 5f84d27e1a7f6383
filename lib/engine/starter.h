#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/json.h"

namespace mlrun::engine {

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

/// One with a line for each of these `warnings` behind its summary, and its facts: what was found and what was chosen.
Starter starter_of(std::string text, std::string summary, const std::vector<std::string>& warnings, Json data,
                   Json choices);

/// What a task makes of data of its kind: `mlrun init TASK DATA`.
struct StarterKind {
  std::string task;
  std::string help;        ///< which data it is for
  std::string model_help;  ///< which model it chooses
  /// Looks at the data and writes the recipe that an expert would begin with. Nothing is written to disk. UserError
  /// where there are no data of a known kind, too few of them, or no such model.
  std::function<Starter(const StarterRequest&)> make;
};

/// `key: value` with the quotes that YAML asks for.
std::string yaml_entry(const std::string& key, const Json& value);

/// `root` as the recipe names it: relative where the data lie beside or below it, so that both can be moved together.
std::string starter_root(const std::filesystem::path& root, const std::filesystem::path& recipe);

/// In one line, so that no name can end the comment it stands in.
std::string comment_text(std::string text);

/// The head of a recipe: how it is used, and `found`, lines without `#`.
std::string starter_header(const std::filesystem::path& recipe, const std::string& found);

}  // namespace mlrun::engine
