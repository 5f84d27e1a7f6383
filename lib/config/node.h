#pragma once

#include <string>
#include <utility>
#include <vector>

namespace mlrun::config {

/// Where a value was written. `file` is a path, or `command line`; line and column are 1-based,
/// 0 where they do not apply.
struct Origin {
  std::string file;
  int line = 0;
  int column = 0;

  /// `recipe.yaml:3:5`, `command line`, or `default` where there is no file.
  std::string text() const;
};

/// A YAML value with its place: what a recipe is before it is checked.
struct Node {
  enum class Type { Null, Scalar, List, Map };
  struct Entry;

  Type type = Type::Null;
  std::string scalar;
  std::string written;  ///< the scalar with `${env:NAME}` in place of what the environment gave; empty: it gave nothing
  bool quoted = false;  ///< a quoted scalar is a string, never a number, boolean or null
  std::vector<Node> items;
  std::vector<Entry> entries;  ///< in the order written, keys unique
  Origin origin;

  Node* find(const std::string& key);
  const Node* find(const std::string& key) const;
};

struct Node::Entry {
  std::string key;
  Origin origin;  ///< of the key
  Node value;
};

}  // namespace mlrun::config
