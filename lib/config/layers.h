#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "config/node.h"
#include "config/registry.h"

namespace mlrun::config {

/// Reads one YAML document by walking yaml-cpp's events, strictly: duplicate keys, further
/// documents, `<<`, numbers with leading zeros, alias bombs and binary content are UserErrors with
/// file:line:column.
Node read_yaml(const std::filesystem::path& file);
Node parse_yaml(const std::string& text, const std::string& file_name);

/// `key.path=value` from the command line, in the order given; the value is YAML flow syntax.
struct Override {
  std::string key;
  std::string value;
};

/// Splits `key=value`; UserError when there is no `=` or the key is malformed.
Override parse_override(const std::string& text);

/// What is read, before it is checked.
struct LayerRequest {
  std::filesystem::path file;  ///< may be empty: overrides alone
  std::vector<Override> overrides;
  std::vector<std::filesystem::path> recipe_folders{};  ///< of shipped recipes, which `extends` may name
  bool recorded = false;  ///< of a run or a file that carries it: variables that are not set stay as they are written
};

/// A merged recipe.
struct Layered {
  Node root;                       ///< a map; references replaced, `extends` removed
  std::vector<std::string> notes;  ///< one line for each setting that a changed name discarded
  std::vector<Problem> problems;   ///< of references, inheritance and overrides, all together
  std::vector<Problem> unset;  ///< variables that are not set, of a recorded recipe: no problem unless one is needed
};

/// Reads the file and all it extends (later ones win, cycles are problems), merges maps (lists
/// replace, null removes), applies the overrides and replaces references. `spec` and `catalogue`
/// say which maps are components, whose settings from lower layers a changed name discards, and
/// what a bare string stands for: in the result such strings are maps. A null that has nothing to
/// remove stays, as the value of an option that may be null.
Layered read_layers(const LayerRequest& request, const Spec& spec, const Catalogue& catalogue);

/// The same of a recipe whose text is at hand, as weight files carry it: `request.file` is not read
/// and only names it in messages. A recorded one may not extend anything.
Layered read_layers(const std::string& text, const LayerRequest& request, const Spec& spec, const Catalogue& catalogue);

/// The file that a RECIPE argument names: a path that exists, else a shipped recipe
/// (`digits/lenet` below one of `folders`). UserError that lists the nearest.
std::filesystem::path find_recipe(const std::string& argument, const std::vector<std::filesystem::path>& folders);

}  // namespace mlrun::config
