#include "config/known_keys.h"

#include <algorithm>

#include "config/layering.h"
#include "config/words.h"

namespace mlrun::config {
namespace {

constexpr std::size_t kMostListed = 16;  // keys or names that a hint spells out

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

/// The components of `registry` that have an option `key`.
std::vector<std::string> owners(const Registry& registry, const std::string& key) {
  std::vector<std::string> names;
  for (const auto& entry : registry.entries()) {
    if (entry.options->find(key) != nullptr) names.push_back(entry.name);
  }
  return names;
}

std::string inactive_message(const std::string& key, const KeyScope& scope, std::vector<std::string> names) {
  constexpr std::size_t kMost = 3;
  const std::size_t more = names.size() > kMost ? names.size() - kMost : 0;
  names.resize(names.size() - more);
  std::string text = "'" + key + "' is an option of " + scope.component->kind + " " + joined(names);
  if (more > 0) text += " and " + std::to_string(more) + " more";
  text += ", but " + join_key(scope.prefix, scope.component->discriminator) + " is " + scope.entry->name;
  return scope.named ? text : text + " by default";
}

std::string suggestion(const std::string& key, const KeyScope& scope, const std::vector<KnownKey>& elsewhere) {
  const auto names = scope.names();
  if (const std::string near = did_you_mean(key, names); !near.empty()) return near;
  for (const auto& name : names) {
    const bool abbreviated = key.size() > 2 && name.rfind(key + "_", 0) == 0;
    if (abbreviated) return "did you mean " + name + "?";
  }
  std::vector<std::string> same;
  std::vector<std::string> words;
  for (const auto& known : elsewhere) {
    if (known.name == key) same.push_back(known.path);
    words.push_back(known.name);
  }
  if (same.empty() && key.size() > 3) {  // three letters are near to too much
    const auto near = nearest(key, words, 1);
    for (const auto& known : elsewhere) {
      if (!near.empty() && known.name == near.front()) same.push_back(known.path);
    }
  }
  if (!same.empty()) return "did you mean " + any_of(same) + "?";
  const bool complete = scope.component == nullptr || scope.entry != nullptr;
  if (!complete) return "";
  if (names.empty()) return "no keys are known here";
  return names.size() <= kMostListed ? "known keys: " + joined(names) : "";
}

}  // namespace

const Entry* chosen_component(const Node* map, const Field& field, const Catalogue& catalogue) {
  std::string name = field.default_component;
  if (map != nullptr && map->type == Node::Type::Scalar) name = map->scalar;
  if (map != nullptr && map->type == Node::Type::Map) {
    const Node* value = map->find(field.discriminator);
    if (value != nullptr && value->type == Node::Type::Scalar) name = value->scalar;
  }
  return catalogue.at(field.kind).find(name);
}

std::vector<KnownKey> known_keys(const Spec& spec, const Node* node, const Catalogue& catalogue,
                                 const std::string& prefix) {
  std::vector<KnownKey> keys;
  const auto add_all = [&keys](const std::vector<KnownKey>& more) {
    keys.insert(keys.end(), more.begin(), more.end());
  };
  for (const auto& field : spec.fields) {
    const std::string& name = field.inlined ? field.discriminator : field.name;
    const std::string path = join_key(prefix, name);
    keys.push_back({name, path});
    if (field.repeated || field.keyed) continue;
    const Node* child = node != nullptr && node->type == Node::Type::Map ? node->find(name) : nullptr;
    if (field.type == Type::Object) add_all(known_keys(*field.spec, child, catalogue, path));
    if (field.type != Type::Component) continue;
    const Entry* entry = chosen_component(field.inlined ? node : child, field, catalogue);
    if (entry != nullptr) add_all(known_keys(*entry->options, nullptr, catalogue, field.inlined ? prefix : path));
  }
  return keys;
}

std::string where_listed(const Registry& registry) {
  constexpr std::size_t kFew = 3;
  if (registry.entries().size() <= kFew) return "known: " + joined(registry.names());
  const std::string& kind = registry.kind();
  const std::string plural = kind + (kind.back() == 's' ? "es" : "s");
  return "`mlrun list " + plural + "` shows all";
}

bool KeyScope::knows(const std::string& key, const Catalogue& catalogue) const {
  if (own != nullptr && own->find(key) != nullptr) return true;
  if (component == nullptr) return false;
  if (key == component->discriminator) return true;
  // Under an unknown name, what any component of the kind has may be right.
  if (entry == nullptr) return !owners(catalogue.at(component->kind), key).empty();
  return entry->options->find(key) != nullptr;
}

std::vector<std::string> KeyScope::names() const {
  std::vector<std::string> names;
  if (own != nullptr) {
    for (const auto& field : own->fields) names.push_back(field.inlined ? field.discriminator : field.name);
  } else if (component != nullptr) {
    names.push_back(component->discriminator);
  }
  if (entry != nullptr) {
    for (const auto& field : entry->options->fields) names.push_back(field.name);
  }
  return names;
}

Problem unknown_key(const Node::Entry& key, const KeyScope& scope, const Catalogue& catalogue,
                    const std::vector<KnownKey>& elsewhere) {
  Problem problem = problem_at(key.origin, join_key(scope.prefix, key.key), "unknown key");
  if (scope.component != nullptr && scope.entry != nullptr) {
    auto names = owners(catalogue.at(scope.component->kind), key.key);
    if (!names.empty()) {
      problem.message = inactive_message(key.key, scope, std::move(names));
      return problem;
    }
  }
  problem.hint = suggestion(key.key, scope, elsewhere);
  return problem;
}

}  // namespace mlrun::config
