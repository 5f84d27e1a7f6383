#include "config/named.h"

#include <algorithm>

#include "base/error.h"

namespace mlrun::config {
namespace {

bool is_given(const Node* node) { return node != nullptr && node->type != Node::Type::Null; }

/// Adds what `over` does not say; maps in both merge.
void put_under(Node& over, const Node::Entry& below) {
  const auto above = std::find_if(over.entries.begin(), over.entries.end(),
                                  [&](const Node::Entry& entry) { return entry.key == below.key; });
  if (above == over.entries.end()) {
    over.entries.push_back(below);
  } else if (above->value.type == Node::Type::Null) {
    over.entries.erase(above);
  } else if (above->value.type == Node::Type::Map && below.value.type == Node::Type::Map) {
    for (const auto& item : below.value.entries) put_under(above->value, item);
  }
}

}  // namespace

Node with_section(Node entry, const Node& section, const Spec& spec, const Field& field) {
  const Field* component = spec.inlined();
  MLRUN_ASSERT(component != nullptr, "the section around " + field.name + " names no component");
  const std::string& key = component->discriminator;
  const Node* around = section.find(key);
  const std::string name = is_given(around) ? around->scalar : component->default_component;
  const bool same = !is_given(entry.find(key)) || entry.find(key)->scalar == name;
  for (const auto& item : section.entries) {
    if (item.key == field.name || !is_given(&item.value)) continue;
    const bool of_section = spec.find(item.key) != nullptr;
    const bool of_entry = field.type == Type::Object && field.spec->find(item.key) != nullptr;
    if (item.key == key || (of_section ? of_entry : same)) put_under(entry, item);
  }
  if (!is_given(entry.find(key))) {
    Node default_name;
    default_name.type = Node::Type::Scalar;
    default_name.scalar = name;
    put_under(entry, {key, default_name.origin, default_name});
    if (entry.find(key) == nullptr) entry.entries.push_back({key, default_name.origin, default_name});
  }
  return entry;
}

}  // namespace mlrun::config
