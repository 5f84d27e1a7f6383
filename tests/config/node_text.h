#pragma once

#include <string>

#include "config/node.h"

namespace mlrun::test {

/// A tree in one line of YAML flow syntax; quoted scalars in quotes.
inline std::string node_text(const config::Node& node) {
  using Type = config::Node::Type;
  std::string text;
  switch (node.type) {
    case Type::Null: return "null";
    case Type::Scalar: return node.quoted ? "\"" + node.scalar + "\"" : node.scalar;
    case Type::List:
      for (const auto& item : node.items) text += (text.empty() ? "" : ", ") + node_text(item);
      return "[" + text + "]";
    case Type::Map: break;
  }
  for (const auto& entry : node.entries) text += (text.empty() ? "" : ", ") + entry.key + ": " + node_text(entry.value);
  return "{" + text + "}";
}

}  // namespace mlrun::test
