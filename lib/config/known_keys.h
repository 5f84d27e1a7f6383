#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "config/node.h"
#include "config/registry.h"

namespace mlrun::config {

/// A key that a recipe may have, for suggestions.
struct KnownKey {
  std::string name;
  std::string path;  ///< dotted, from the recipe's root
};

/// Every key of `spec`, of what lies below it and of the components that `node` (null: nothing is
/// written) chooses. List items are left out.
std::vector<KnownKey> known_keys(const Spec& spec, const Node* node, const Catalogue& catalogue,
                                 const std::string& prefix);

/// The component that `map` (may be null) names for `field`, the default one, or null.
const Entry* chosen_component(const Node* map, const Field& field, const Catalogue& catalogue);

/// Where the component that a map should name stands in the catalogue: `mlrun list optimizers`
/// shows them, or their names where they are few.
std::string where_listed(const Registry& registry);

/// The keys that one map may have.
struct KeyScope {
  std::string prefix;
  const Spec* own = nullptr;         ///< the struct's own options; may be null
  const Field* component = nullptr;  ///< of the component whose options stand in this map, or null
  const Entry* entry = nullptr;      ///< that component; null where its name is unknown
  bool named = false;                ///< the map names it; otherwise it is the default

  bool knows(const std::string& key, const Catalogue& catalogue) const;
  std::vector<std::string> names() const;
};

/// Why `key` is not one of the map's keys, and what may have been meant.
Problem unknown_key(const Node::Entry& key, const KeyScope& scope, const Catalogue& catalogue,
                    const std::vector<KnownKey>& elsewhere);

}  // namespace mlrun::config
