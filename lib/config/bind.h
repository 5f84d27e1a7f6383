#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "config/layers.h"
#include "config/node.h"
#include "config/recipe.h"
#include "config/registry.h"
#include "config/wording.h"

namespace mlrun::config {

/// Where each value of a checked recipe came from, by dotted key; no file for a default.
using Provenance = std::map<std::string, Origin>;

/// Where `key` was written or, of a section, the first of what was written in it; no file for defaults.
Origin origin_of(const Provenance& provenance, const std::string& key);

/// The same error, with places where its problems name keys alone.
UserError placed(const UserError& error, const Provenance& provenance);

/// Fills `object` (of the struct that `spec` describes) from `node` and collects every problem:
/// unknown keys with the nearest known ones, keys of components that are not active, wrong types,
/// ranges, choices, broken rules. Paths become absolute, relative to the file that names them. `wording` is told of
/// values from the environment and of paths.
void bind_node(const Node& node, const Spec& spec, const Catalogue& catalogue, void* object, const std::string& prefix,
               Provenance& provenance, std::vector<Problem>& problems, Wording* wording = nullptr);

/// A recipe that has been checked whole.
struct Resolved {
  Recipe recipe;
  Json values;  ///< every option with its value, defaults included
  Provenance provenance;
  Wording wording;
  std::vector<std::string> notes;
  std::string name;  ///< the recipe file's stem
};

/// Reads, merges and checks; UserError with all problems, in the order of their places.
Resolved resolve(const LayerRequest& request, const Catalogue& catalogue);

/// The same of a recipe whose text is at hand; `request.file` only names it.
Resolved resolve(const std::string& text, const LayerRequest& request, const Catalogue& catalogue);

/// Every option of `object` with its value; components as `{name: ..., options...}`.
Json dump(const Spec& spec, const Catalogue& catalogue, const void* object);

/// Block-style YAML that `resolve` reads back to the same values (strings that look like something
/// else are quoted, `${` becomes `$${`); with `provenance`, each leaf is followed by `# where it came from`; values
/// that `wording` knows references of stand as these.
std::string to_yaml(const Json& values, const Provenance* provenance = nullptr, const Wording* wording = nullptr);

/// The recipe's JSON Schema (draft-07) for editors: descriptions, ranges, choices, one branch per
/// component.
Json json_schema(const Catalogue& catalogue);

/// The reference page (Markdown): every option of every section and component with type, range,
/// default and help.
std::string reference_page(const Catalogue& catalogue);

}  // namespace mlrun::config
