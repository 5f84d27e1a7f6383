#include "config/bind.h"

#include <algorithm>

#include "config/known_keys.h"
#include "config/layering.h"
#include "config/named.h"
#include "config/values.h"
#include "config/words.h"

namespace mlrun::config {
namespace {

namespace fs = std::filesystem;

constexpr int kMostKeyGuesses = 20;  // at what a wrong key was meant to be

/// Walks a recipe and its declaration side by side.
class Binder {
 public:
  Binder(const Node& root, const Spec& spec, const Catalogue& catalogue, Provenance& provenance,
         std::vector<Problem>& problems, Wording* wording)
      : root_(root),
        spec_(spec),
        catalogue_(catalogue),
        provenance_(provenance),
        problems_(problems),
        wording_(wording) {}

  /// Binds a map (null: an empty one; a scalar: the shorthand) to a struct.
  void bind_struct(const Node& node, const Spec& spec, void* object, const std::string& prefix) {
    Node map = node;
    if (node.type == Node::Type::Scalar && !spec.shorthand.empty()) map = wrapped(node, spec.shorthand);
    if (!accept_map(map, prefix, spec.shorthand.empty() ? "a map" : "a string or a map")) return;
    KeyScope scope;
    scope.prefix = prefix;
    scope.own = &spec;
    scope.component = spec.inlined();
    bind_map(map, scope, object, scope.component != nullptr ? scope.component->address(object) : nullptr);
  }

 private:
  /// A component whose keys stand in a map of their own, or its bare name.
  void bind_component(const Node& node, const Field& field, void* component, const std::string& prefix) {
    Node map = node;
    if (node.type == Node::Type::Scalar) map = wrapped(node, field.discriminator);
    Field one = field;
    one.repeated = false;
    if (!accept_map(map, prefix, expected(one) + ", or a map with it")) return;
    KeyScope scope;
    scope.prefix = prefix;
    scope.component = &field;
    bind_map(map, scope, nullptr, component);
  }

  /// One map: the struct's own fields, the component that it names, unknown keys, rules.
  void bind_map(const Node& map, KeyScope& scope, void* object, void* component) {
    const std::size_t before = problems_.size();
    Component* chosen = static_cast<Component*>(component);
    if (scope.component != nullptr) choose(map, scope, *chosen);
    if (scope.own != nullptr) bind_fields(map, *scope.own, object, scope.prefix);
    if (scope.entry != nullptr) {
      bind_fields(map, *scope.entry->options, chosen->options.get(), scope.prefix);
    }
    for (const auto& entry : map.entries) {
      if (!scope.knows(entry.key, catalogue_)) {
        const bool guess = ++unknown_ <= kMostKeyGuesses;
        problems_.push_back(unknown_key(entry, scope, catalogue_,
                                        guess ? known_keys(spec_, &root_, catalogue_, "") : std::vector<KnownKey>()));
      }
    }
    if (scope.own != nullptr) bind_keyed(map, *scope.own, object, scope.prefix);
    if (problems_.size() != before) return;
    if (scope.own != nullptr) check_rules(map, *scope.own, object, scope.prefix);
    if (scope.entry != nullptr) check_rules(map, *scope.entry->options, chosen->options.get(), scope.prefix);
  }

  void choose(const Node& map, KeyScope& scope, Component& chosen) {
    const Field& field = *scope.component;
    const Registry& registry = catalogue_.at(field.kind);
    const std::string key = join_key(scope.prefix, field.discriminator);
    const Node* value = map.find(field.discriminator);
    scope.named = value != nullptr && value->type != Node::Type::Null;
    if (!scope.named && field.default_component.empty()) {
      problems_.push_back(problem_at(map.origin, key, "required, but missing",
                                     "expected " + expected_name(field) + "; " + where_listed(registry)));
      return;
    }
    if (scope.named && value->type != Node::Type::Scalar) {
      problems_.push_back(
          problem_at(value->origin, key, "expected " + expected_name(field) + ", got " + shown(*value)));
      return;
    }
    const std::string name = scope.named ? value->scalar : field.default_component;
    scope.entry = registry.find(name);
    if (scope.entry == nullptr) {
      std::string hint = did_you_mean(name, registry.names());
      hint += (hint.empty() ? "" : " ") + where_listed(registry);
      problems_.push_back(problem_at(value != nullptr ? value->origin : map.origin, key,
                                     "unknown " + field.kind + " " + shown(named_node(name)), std::move(hint)));
      return;
    }
    provenance_[key] = scope.named ? value->origin : Origin{};
    if (scope.named) note_reference(*value, key);
    chosen.name = name;
    chosen.options = scope.entry->options->make();
  }

  void bind_fields(const Node& map, const Spec& spec, void* object, const std::string& prefix) {
    for (const auto& field : spec.fields) {
      if (field.inlined || field.keyed) continue;
      const std::string key = join_key(prefix, field.name);
      const Node* value = map.find(field.name);
      if (value == nullptr && given_instead(map, spec, field)) field.set(object, nullptr);
      if (value == nullptr && field.required) {
        problems_.push_back(problem_at(map.origin, key, "required, but missing", missing_hint(field)));
        continue;
      }
      bind_field(value, map, field, object, key);
    }
  }

  void bind_field(const Node* value, const Node& map, const Field& field, void* object, const std::string& key) {
    const bool nested = field.type == Type::Object || field.type == Type::Component;
    if (nested && field.repeated) {
      bind_items(value, field, object, key);
    } else if (nested) {
      Node absent;
      absent.origin = map.origin;
      const Node& node = value != nullptr ? *value : absent;
      if (field.type == Type::Object) bind_struct(node, *field.spec, field.address(object), key);
      else bind_component(node, field, field.address(object), key);
    } else if (value == nullptr) {
      provenance_[key] = {};
    } else if (const auto json = read_value(*value, field, key, problems_)) {
      field.set(object, *json);
      provenance_[key] = value->origin;
      note_wording(*value, field, key, *json);
    }
  }

  void note_reference(const Node& scalar, const std::string& key, const std::string& folder = "") {
    if (wording_ == nullptr || scalar.written.empty()) return;
    wording_->references[key] = {folder + scalar.written, scalar.quoted};
  }

  void note_wording(const Node& node, const Field& field, const std::string& key, const Json& value) {
    if (wording_ == nullptr) return;
    for (const auto& entry : node.entries) note_reference(entry.value, join_key(key, entry.key));
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      note_wording(node.items[i], field, join_key(key, std::to_string(i)), value[i]);
    }
    if (node.type != Node::Type::Scalar) return;
    if (value.is_array()) return note_wording(node, field, join_key(key, "0"), value[0]);  // a list of one
    const bool path = field.type == Type::Path && value.is_string() && fs::path(value.get<std::string>()).is_absolute();
    if (path) wording_->paths.insert(key);
    // A relative path is recorded in another folder than it was written in.
    const bool relative = path && fs::path(node.scalar).is_relative();
    note_reference(node, key, relative ? (path_folder(node.origin) / "").string() : "");
  }

  /// A list of maps or components. One component, as a bare name or a map, stands for a list of one.
  void bind_items(const Node* value, const Field& field, void* object, const std::string& key) {
    if (value == nullptr || value->type == Node::Type::Null) {
      provenance_[key] = {};
      return;
    }
    Node list = *value;
    if (value->type != Node::Type::List && field.type == Type::Component) {
      list = Node();
      list.type = Node::Type::List;
      list.origin = value->origin;
      list.items = {*value};
    }
    if (list.type != Node::Type::List) {
      const std::string hint = list.type == Node::Type::Map ? "start it with `- `" : "";
      problems_.push_back(problem_at(list.origin, key, "expected " + expected(field) + ", got " + shown(list), hint));
      return;
    }
    if (field.length && list.items.size() != *field.length) {
      problems_.push_back(problem_at(
          list.origin, key, "expected " + expected(field) + ", got a list of " + std::to_string(list.items.size())));
    }
    field.clear(object);
    if (list.items.empty()) provenance_[key] = list.origin;
    for (std::size_t i = 0; i < list.items.size(); ++i) {
      const std::string prefix = join_key(key, std::to_string(i));
      if (field.type == Type::Object) bind_struct(list.items[i], *field.spec, field.append(object), prefix);
      else bind_component(list.items[i], field, field.append(object), prefix);
    }
  }

  /// Is a field given that stands in place of this one, or that this one would?
  static bool given_instead(const Node& map, const Spec& spec, const Field& field) {
    return std::any_of(spec.fields.begin(), spec.fields.end(), [&](const Field& other) {
      if (other.instead_of != field.name && (field.instead_of.empty() || field.instead_of != other.name)) return false;
      const Node* given = map.find(other.name);
      return given != nullptr && given->type != Node::Type::Null;
    });
  }

  /// Maps by names that users choose. Comes after the section itself: what is wrong with that is told once.
  void bind_keyed(const Node& map, const Spec& spec, void* object, const std::string& prefix) {
    for (const auto& field : spec.fields) {
      Node entries = field.keyed && map.find(field.name) != nullptr ? *map.find(field.name) : Node();
      const std::string key = join_key(prefix, field.name);
      if (!field.keyed || !accept_map(entries, key, "a map of them by name")) continue;
      field.clear(object);
      if (entries.entries.empty()) provenance_[key] = entries.origin;
      for (auto& entry : entries.entries) {
        const std::string place = join_key(key, entry.key);
        if (!accept_map(entry.value, place, "a string or a map")) continue;
        const std::size_t before = problems_.size();
        const Node whole = with_section(entry.value, map, spec, field);
        void* item = field.append_named(object, entry.key);
        if (field.type == Type::Object) bind_struct(whole, *field.spec, item, place);
        else bind_component(whole, field, item, place);
        drop_told(before);
      }
    }
  }

  /// Drops problems after the first `count` that are of the same places.
  void drop_told(std::size_t count) {
    const auto told = problems_.begin() + static_cast<std::ptrdiff_t>(count);
    const auto again = [&](const Problem& problem) {
      return std::any_of(problems_.begin(), told, [&](const Problem& earlier) {
        return earlier.file == problem.file && earlier.line == problem.line && earlier.column == problem.column &&
               earlier.message == problem.message;
      });
    };
    std::vector<Problem> rest;
    std::remove_copy_if(told, problems_.end(), std::back_inserter(rest), again);
    problems_.erase(told, problems_.end());
    problems_.insert(problems_.end(), rest.begin(), rest.end());
  }

  void check_rules(const Node& map, const Spec& spec, const void* object, const std::string& prefix) {
    for (const auto& rule : spec.rules) {
      const std::string wrong = rule.broken(object);
      if (wrong.empty()) continue;
      const Node* value = map.find(rule.key);
      problems_.push_back(problem_at(value != nullptr ? value->origin : map.origin, join_key(prefix, rule.key), wrong));
    }
  }

  bool accept_map(Node& node, const std::string& key, const std::string& wanted) {
    if (node.type == Node::Type::Null) node.type = Node::Type::Map;
    if (node.type == Node::Type::Map) return true;
    problems_.push_back(problem_at(node.origin, key, "expected " + wanted + ", got " + shown(node)));
    return false;
  }

  static Node wrapped(const Node& scalar, const std::string& key) {
    Node map;
    map.type = Node::Type::Map;
    map.origin = scalar.origin;
    map.entries.push_back({key, scalar.origin, scalar});
    return map;
  }

  static Node named_node(const std::string& name) {
    Node node;
    node.type = Node::Type::Scalar;
    node.scalar = name;
    return node;
  }

  static std::string expected_name(const Field& field) {
    Field one = field;
    one.repeated = false;
    return expected(one);
  }

  static std::string missing_hint(const Field& field) {
    return field.type == Type::Object ? "add `" + field.name + ":`, " + field.help : "expected " + expected(field);
  }

  const Node& root_;
  const Spec& spec_;
  const Catalogue& catalogue_;
  Provenance& provenance_;
  std::vector<Problem>& problems_;
  Wording* wording_;
  int unknown_ = 0;  // keys so far
};

}  // namespace

void bind_node(const Node& node, const Spec& spec, const Catalogue& catalogue, void* object, const std::string& prefix,
               Provenance& provenance, std::vector<Problem>& problems, Wording* wording) {
  Binder(node, spec, catalogue, provenance, problems, wording).bind_struct(node, spec, object, prefix);
}

}  // namespace mlrun::config
