#include "config/node.h"

#include <algorithm>

namespace mlrun::config {

std::string Origin::text() const {
  if (file.empty()) return "default";
  std::string text = file;
  if (line > 0) text += ":" + std::to_string(line);
  if (line > 0 && column > 0) text += ":" + std::to_string(column);
  return text;
}

const Node* Node::find(const std::string& key) const {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.key == key; });
  return found == entries.end() ? nullptr : &found->value;
}

Node* Node::find(const std::string& key) {
  return const_cast<Node*>(static_cast<const Node*>(this)->find(key));  // NOLINT: of a mutable node
}

}  // namespace mlrun::config
