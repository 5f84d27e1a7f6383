#include <algorithm>

#include "config/layering.h"

namespace mlrun::config {
namespace {

Shape field_shape(const Field& field) {
  if (field.type == Type::Object) return {field.spec.get(), field.spec->inlined(), field.repeated, field.keyed};
  if (field.type == Type::Component) return {nullptr, &field, field.repeated, field.keyed};
  return {nullptr, nullptr, field.repeated, false};
}

/// Is the value `${key.path}` and nothing else? It may turn out to be a map.
bool is_reference(const Node& node) {
  const std::string& text = node.scalar;
  return text.rfind("${", 0) == 0 && text.rfind("${env:", 0) != 0 && text.find('}') == text.size() - 1;
}

bool from_command_line(const Origin& origin) { return origin.file == kCommandLine; }

/// A bare scalar that stands for a map becomes that map.
void expand_scalar(Node& node, const Shape& shape) {
  const std::string key = shape.repeated ? "" : shape.shorthand();
  if (node.type != Node::Type::Scalar || key.empty() || is_reference(node)) return;
  Node map;
  map.type = Node::Type::Map;
  map.origin = node.origin;
  map.entries.push_back({key, node.origin, std::move(node)});
  node = std::move(map);
}

}  // namespace

Shape shape_of(const Spec& spec) { return {&spec, spec.inlined(), false, false}; }

std::string Shape::shorthand() const {
  if (keyed) return "";
  if (own != nullptr) return own->shorthand;
  return component != nullptr ? component->discriminator : "";
}

bool Shape::is_setting(const std::string& key) const {
  if (component == nullptr || key == component->discriminator) return false;
  return own == nullptr || own->find(key) == nullptr;
}

std::string Shape::component_name(const Node& map) const {
  if (component == nullptr) return "";
  const Node* name = map.find(component->discriminator);
  if (name == nullptr || name->type == Node::Type::Null) return component->default_component;
  return name->scalar;
}

Shape child_shape(const Shape& shape, const Node& map, const std::string& key, const Catalogue& catalogue) {
  if (shape.keyed) return {shape.own, shape.component, false, false};
  const Field* field = shape.own != nullptr ? shape.own->find(key) : nullptr;
  if (field == nullptr && shape.is_setting(key) && catalogue.has(shape.component->kind)) {
    const Entry* entry = catalogue.at(shape.component->kind).find(shape.component_name(map));
    if (entry != nullptr && entry->options != nullptr) field = entry->options->find(key);
  }
  return field != nullptr ? field_shape(*field) : Shape{};
}

void Merger::expand_shorthands(Node& node, const Shape& shape) const {
  expand_scalar(node, shape);
  for (auto& entry : node.entries) expand_shorthands(entry.value, child_shape(shape, node, entry.key, catalogue_));
}

void Merger::merge(Node& base, Node over, const Shape& shape, const std::string& path) {
  if (base.type == Node::Type::Map) expand_scalar(over, shape);
  if (over.type == Node::Type::Map) expand_scalar(base, shape);
  if (base.type != Node::Type::Map || over.type != Node::Type::Map) {
    if (over.type == Node::Type::Map && is_reference(base)) {
      result_.problems.push_back({over.origin.file, over.origin.line, over.origin.column, path,
                                  "adds to the reference " + base.scalar + " of " + base.origin.text(),
                                  "change what it refers to, or write the whole section here"});
    }
    base = std::move(over);
    return;
  }
  if (!shape.keyed) discard_settings(base, over, shape, path);
  if (!shape.keyed && shape.own != nullptr) discard_replaced(base, over, *shape.own, path);
  if (!from_command_line(over.origin)) base.origin = over.origin;
  if (base.entries.empty()) base.entries.swap(over.entries);
  for (auto& entry : over.entries) {
    const auto below = std::find_if(base.entries.begin(), base.entries.end(),
                                    [&](const Node::Entry& candidate) { return candidate.key == entry.key; });
    if (below == base.entries.end()) {
      base.entries.push_back(std::move(entry));
    } else if (entry.value.type == Node::Type::Null && below->value.type != Node::Type::Null) {
      base.entries.erase(below);  // so that the default applies
    } else {
      const bool maps = entry.value.type == Node::Type::Map && below->value.type == Node::Type::Map;
      if (!maps) below->origin = entry.origin;
      merge(below->value, std::move(entry.value), child_shape(shape, base, entry.key, catalogue_),
            join_key(path, entry.key));
    }
  }
}

/// A changed name leaves nothing of the former component's settings, except what stands in the same
/// layer: all overrides together are one.
void Merger::discard_settings(Node& base, const Node& over, const Shape& shape, const std::string& path) {
  const Node* name = shape.component != nullptr ? over.find(shape.component->discriminator) : nullptr;
  if (name == nullptr) return;
  const std::string former = shape.component_name(base);
  const std::string now = shape.component_name(over);
  if (former.empty() || former == now) return;
  const bool same_layer = from_command_line(name->origin);
  const auto discarded = [&](const Node::Entry& entry) {
    if (!shape.is_setting(entry.key) || (same_layer && from_command_line(entry.origin))) return false;
    result_.notes.push_back(join_key(path, entry.key) + " of " + entry.origin.text() +
                            " is discarded: " + join_key(path, shape.component->discriminator) + " is " +
                            (now.empty() ? "null" : now) + " in " + name->origin.text() + ", no longer " + former);
    return true;
  };
  base.entries.erase(std::remove_if(base.entries.begin(), base.entries.end(), discarded), base.entries.end());
}

/// Of two that stand in place of each other the newer layer's is left; two of one layer stay, for a rule to refuse.
void Merger::discard_replaced(Node& base, const Node& over, const Spec& spec, const std::string& path) {
  for (const auto& field : spec.fields) {
    if (field.instead_of.empty()) continue;
    for (const auto& [given, other] :
         {std::pair(field.name, field.instead_of), std::pair(field.instead_of, field.name)}) {
      const Node* value = over.find(given);
      if (value == nullptr || value->type == Node::Type::Null) continue;
      const auto replaced = [&, other = other, given = given](const Node::Entry& entry) {
        const bool one_layer = from_command_line(value->origin) && from_command_line(entry.value.origin);
        if (entry.key != other || entry.value.type == Node::Type::Null || one_layer) return false;
        result_.notes.push_back(join_key(path, other) + " of " + entry.origin.text() + " is discarded: " +
                                join_key(path, given) + " of " + value->origin.text() + " stands in its place");
        return true;
      };
      base.entries.erase(std::remove_if(base.entries.begin(), base.entries.end(), replaced), base.entries.end());
    }
  }
}

}  // namespace mlrun::config
