#include <algorithm>
#include <cctype>

#include "config/bind.h"
#include "config/words.h"

namespace mlrun::config {
namespace {

/// A word for a place in the schema: `integer at least 1` as `integer_at_least_1`.
std::string identifier(std::string words) {
  const auto outside = [](unsigned char c) { return std::isalnum(c) == 0 && c != '.' && c != '-'; };
  std::replace_if(words.begin(), words.end(), outside, '_');
  return words;
}

/// What a number, or a list of scalars, is called.
std::string type_words(const Field& field, bool list) {
  std::string words = "string";
  if (field.type == Type::Boolean) words = "boolean";
  if (field.type == Type::Integer) words = "integer";
  if (field.type == Type::Float) words = "number";
  if (field.type == Type::Span) words = "length";
  if (list) words = (field.length ? std::to_string(*field.length) + " " : "") + words + "s";
  const std::string range = range_text(field);
  return range.empty() ? words : words + " " + range;
}

/// Builds the draft-07 schema from the declarations. A recipe file may be one layer of several,
/// so `null` (removes what a lower layer set) and references stand wherever a value does, and
/// sections require nothing by themselves. What several places take is written once, under `definitions`; a reference
/// stands alone in its map, as beside one draft-07 reads nothing.
class SchemaBuilder {
 public:
  explicit SchemaBuilder(const Catalogue& catalogue) : catalogue_(catalogue) {
    reference_ = define("reference", {{"type", "string"}, {"pattern", "\\$\\{[^}]+\\}"}});
    special_ =
        define("special",
               {{"description", "a reference `${key.path}` or `${env:NAME}`, or null to remove what a lower layer set"},
                {"anyOf", {reference_, Json{{"type", "null"}}}}});
  }

  Json recipe(const Spec& spec) {
    const auto defaults = spec.make();
    Json schema = {{"$schema", "http://json-schema.org/draft-07/schema#"},
                   {"title", "mlrun recipe"},
                   {"description", "What `mlrun train`, `eval` and their kin read."}};
    schema["type"] = "object";
    schema["properties"]["extends"] = extends();
    Json required = Json::array();
    for (const auto& field : spec.fields) {
      schema["properties"][field.name] = field_schema(field, defaults.get());
      if (field.required) required.push_back(field.name);
    }
    schema["additionalProperties"] = false;
    schema["anyOf"] = {Json{{"required", {"extends"}}}, Json{{"required", std::move(required)}}};
    schema["definitions"] = std::move(definitions_);
    return schema;
  }

 private:
  /// What entries of a registry have in common: the keys of a map that names one of them.
  struct Branch {
    Json names = Json::array();
    Json map;
    Json required = Json::array();
  };

  /// Puts `schema` down once; what stands for it wherever it is meant.
  Json define(const std::string& words, Json schema) {
    const std::string name = identifier(words);
    Json& place = definitions_[name];
    MLRUN_ASSERT(place.is_null() || place == schema, "one name for two places of the schema: " + name);
    place = std::move(schema);
    return {{"$ref", "#/definitions/" + name}};
  }

  static Json extends() {
    const Json file = {{"type", "string"}};
    return {{"description", "files that this recipe builds on; later ones win"},
            {"anyOf", {file, Json{{"type", "array"}, {"items", file}}}}};
  }

  Json field_schema(const Field& field, const void* defaults) {
    Json schema = Json::object();
    if (!field.help.empty())
      schema["description"] = field.unit.empty() ? field.help : field.help + " (" + field.unit + ")";
    if (field.get && !field.required) schema["default"] = field.get(defaults);
    Json choices = Json::array();
    if (field.keyed) {
      Json entry = Json::array();
      add_one(entry, field);
      entry.push_back(special_);
      choices.push_back({{"type", "object"}, {"additionalProperties", {{"anyOf", std::move(entry)}}}});
    } else if (field.repeated) {
      add_list(choices, field);
    } else {
      add_one(choices, field);
    }
    choices.push_back(special_);
    schema["anyOf"] = std::move(choices);
    return schema;
  }

  void add_list(Json& choices, const Field& field) {
    Json item = Json::array();
    add_one(item, field, true);
    if (field.type == Type::Component) add_one(choices, field);  // a list of one
    else if (field.type != Type::Object && !field.length) choices.push_back(item.front());
    item.push_back(reference_);
    Json list = {{"type", "array"}, {"items", {{"anyOf", std::move(item)}}}};
    if (field.length) list["minItems"] = list["maxItems"] = *field.length;
    const bool named = field.choices.empty() && field.type != Type::Component && field.type != Type::Object;
    choices.push_back(named ? define(type_words(field, true), std::move(list)) : std::move(list));
  }

  void add_one(Json& choices, const Field& field, bool complete = false) {
    if (field.type == Type::Object) {
      const auto& spec = *field.spec;
      if (!spec.shorthand.empty()) choices.push_back(shorthand(spec));
      choices.push_back(map_schema(&spec, spec.inlined(), complete));
    } else if (field.type == Type::Component) {
      choices.push_back(names(field));
      choices.push_back(component_map(field, complete));
    } else {
      choices.push_back(scalar(field));
    }
  }

  /// What a bare string in place of the map may be.
  Json shorthand(const Spec& spec) {
    const Field* component = spec.inlined();
    if (component != nullptr && component->discriminator == spec.shorthand) return names(*component);
    return {{"type", "string"}, {"description", "stands for `{" + spec.shorthand + ": ...}`"}};
  }

  Json names(const Field& field) {
    Json schema = {{"type", "string"}, {"enum", Json::array()}, {"enumDescriptions", Json::array()}};
    for (const auto& entry : catalogue_.at(field.kind).entries()) {
      schema["enum"].push_back(entry.name);
      schema["enumDescriptions"].push_back(entry.description);
    }
    return define(field.kind + " name", std::move(schema));
  }

  /// A map that names a component and has its options alone.
  Json component_map(const Field& field, bool complete) {
    std::string words = field.kind;
    if (!field.default_component.empty()) words += " or " + field.default_component;
    if (complete) words += " item";
    return define(words, map_schema(nullptr, &field, complete));
  }

  /// A map with the struct's own keys and those of the component that it names. `complete`: the
  /// map is no layer (lists replace), so what is required must stand in it.
  Json map_schema(const Spec* own, const Field* component, bool complete) {
    Json schema = {{"type", "object"}, {"properties", Json::object()}};
    Json required = Json::array();
    if (own != nullptr) {
      const auto defaults = own->make();
      for (const auto& field : own->fields) {
        if (field.inlined) continue;
        schema["properties"][field.name] = field_schema(field, defaults.get());
        if (field.required) required.push_back(field.name);
      }
    }
    if (component != nullptr) {
      add_component(schema, *component, complete, own == nullptr);
      if (component->default_component.empty()) required.push_back(component->discriminator);
    }
    schema["additionalProperties"] = false;
    if (complete && !required.empty()) schema["required"] = std::move(required);
    return schema;
  }

  /// The key that names the component, and one branch for all components with the same options; where nothing stands
  /// beside them (`alone`), the branches are defined for every such map.
  void add_component(Json& schema, const Field& component, bool complete, bool alone) {
    Json own_keys = Json::object();
    for (const auto& [key, unused] : schema["properties"].items()) own_keys[key] = true;
    own_keys[component.discriminator] = true;
    Json name = {{"description", alone ? "which one" : component.help}, {"anyOf", {names(component), special_}}};
    if (!component.default_component.empty()) name["default"] = component.default_component;
    schema["properties"][component.discriminator] = std::move(name);
    for (const auto& entry : catalogue_.at(component.kind).entries()) {
      for (const auto& field : entry.options->fields) {
        // Without a name, which a lower layer may give, an editor can still tell what the key is.
        Json& any = schema["properties"][field.name];
        if (any.is_null()) any = {{"description", field.help}};
      }
    }
    for (auto& branch : branches_of(component.kind, own_keys)) {
      const std::string first = branch.names.front();
      if (alone) branch.map = define(component.kind + "." + first, std::move(branch.map));
      schema["allOf"].push_back(condition(component.discriminator, std::move(branch), complete));
    }
  }

  std::vector<Branch> branches_of(const std::string& kind, const Json& own_keys) {
    std::vector<Branch> branches;
    for (const auto& entry : catalogue_.at(kind).entries()) {
      Branch branch = branch_of(entry, own_keys);
      const auto same = std::find_if(branches.begin(), branches.end(), [&](const Branch& other) {
        return other.map == branch.map && other.required == branch.required;
      });
      if (same == branches.end()) branches.push_back(std::move(branch));
      else same->names.push_back(entry.name);
    }
    return branches;
  }

  Branch branch_of(const Entry& entry, const Json& own_keys) {
    Branch branch;
    branch.names.push_back(entry.name);
    Json keys = own_keys;
    const auto defaults = entry.options->make();
    for (const auto& field : entry.options->fields) {
      keys[field.name] = field_schema(field, defaults.get());
      if (field.required) branch.required.push_back(field.name);
    }
    branch.map = {{"properties", std::move(keys)}, {"additionalProperties", false}};
    return branch;
  }

  static Json condition(const std::string& discriminator, Branch branch, bool complete) {
    const Json name = branch.names.size() == 1 ? Json{{"const", branch.names.front()}} : Json{{"enum", branch.names}};
    const Json condition = {{"properties", {{discriminator, name}}}, {"required", Json::array({discriminator})}};
    if (!complete || branch.required.empty()) return {{"if", condition}, {"then", std::move(branch.map)}};
    const Json required = {{"required", std::move(branch.required)}};
    return {{"if", condition}, {"then", {{"allOf", {std::move(branch.map), required}}}}};
  }

  Json scalar(const Field& field) {
    if (!field.choices.empty()) return {{"enum", field.choices}};
    switch (field.type) {
      case Type::Boolean: return {{"type", "boolean"}};
      case Type::Integer: return define(type_words(field, false), ranged({{"type", "integer"}}, field));
      case Type::Float: return define(type_words(field, false), ranged({{"type", "number"}}, field));
      case Type::Span: return define(type_words(field, false), span());
      case Type::Pairs: return {{"type", "object"}, {"additionalProperties", {{"type", "string"}}}};
      default: return {{"type", "string"}};
    }
  }

  static Json span() {
    return {{"type", "string"},
            {"pattern", "^([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)? *(steps?|epochs?|%|s|min|h)$"}};
  }

  static Json ranged(Json schema, const Field& field) {
    const auto number = [&](double value) {
      return field.type == Type::Integer ? Json(static_cast<std::int64_t>(value)) : Json(value);
    };
    if (field.minimum) schema[field.minimum->inclusive ? "minimum" : "exclusiveMinimum"] = number(field.minimum->value);
    if (field.maximum) schema[field.maximum->inclusive ? "maximum" : "exclusiveMaximum"] = number(field.maximum->value);
    if (field.type != Type::Integer) return schema;
    const Json short_form = {
        {"type", "string"}, {"pattern", "^[-+]?[0-9]+[kMG]$"}, {"description", "as `5M` for 5000000"}};
    return {{"anyOf", {std::move(schema), short_form}}};
  }

  const Catalogue& catalogue_;
  Json definitions_ = Json::object();
  Json reference_, special_;
};

}  // namespace

Json json_schema(const Catalogue& catalogue) { return SchemaBuilder(catalogue).recipe(*spec_of<Recipe>()); }

}  // namespace mlrun::config
