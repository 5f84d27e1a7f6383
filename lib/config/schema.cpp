#include "config/bind.h"
#include "config/words.h"

namespace mlrun::config {
namespace {

/// Builds the draft-07 schema from the declarations. A recipe file may be one layer of several,
/// so `null` (removes what a lower layer set) and references stand wherever a value does, and
/// sections require nothing by themselves.
class SchemaBuilder {
 public:
  explicit SchemaBuilder(const Catalogue& catalogue) : catalogue_(catalogue) {}

  Json recipe(const Spec& spec) const {
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
    schema["definitions"] = {
        {"reference", {{"type", "string"}, {"pattern", "\\$\\{[^}]+\\}"}}},
        {"special",
         {{"description", "a reference `${key.path}` or `${env:NAME}`, or null to remove what a lower layer set"},
          {"anyOf", {reference(), Json{{"type", "null"}}}}}}};
    return schema;
  }

 private:
  static Json reference() { return {{"$ref", "#/definitions/reference"}}; }
  static Json special() { return {{"$ref", "#/definitions/special"}}; }

  static Json extends() {
    const Json file = {{"type", "string"}};
    return {{"description", "files that this recipe builds on; later ones win"},
            {"anyOf", {file, Json{{"type", "array"}, {"items", file}}}}};
  }

  Json field_schema(const Field& field, const void* defaults) const {
    Json schema = Json::object();
    if (!field.help.empty())
      schema["description"] = field.unit.empty() ? field.help : field.help + " (" + field.unit + ")";
    if (field.get && !field.required) schema["default"] = field.get(defaults);
    Json choices = Json::array();
    if (field.keyed) {
      Json entry = Json::array();
      add_one(entry, field);
      entry.push_back(special());
      choices.push_back({{"type", "object"}, {"additionalProperties", {{"anyOf", std::move(entry)}}}});
    } else if (field.repeated) {
      add_list(choices, field);
    } else {
      add_one(choices, field);
    }
    choices.push_back(special());
    schema["anyOf"] = std::move(choices);
    return schema;
  }

  void add_list(Json& choices, const Field& field) const {
    Json item = Json::array();
    add_one(item, field, true);
    if (field.type == Type::Component) add_one(choices, field);  // a list of one
    else if (field.type != Type::Object && !field.length) choices.push_back(item.front());
    item.push_back(reference());
    Json list = {{"type", "array"}, {"items", {{"anyOf", std::move(item)}}}};
    if (field.length) list["minItems"] = list["maxItems"] = *field.length;
    choices.push_back(std::move(list));
  }

  void add_one(Json& choices, const Field& field, bool complete = false) const {
    if (field.type == Type::Object) {
      const auto& spec = *field.spec;
      if (!spec.shorthand.empty()) choices.push_back(shorthand(spec));
      choices.push_back(map_schema(&spec, spec.inlined(), complete));
    } else if (field.type == Type::Component) {
      choices.push_back(names(field));
      choices.push_back(map_schema(nullptr, &field, complete));
    } else {
      choices.push_back(scalar(field));
    }
  }

  /// What a bare string in place of the map may be.
  Json shorthand(const Spec& spec) const {
    const Field* component = spec.inlined();
    if (component != nullptr && component->discriminator == spec.shorthand) return names(*component);
    return {{"type", "string"}, {"description", "stands for `{" + spec.shorthand + ": ...}`"}};
  }

  Json names(const Field& field) const {
    Json schema = {{"type", "string"}, {"enum", Json::array()}, {"enumDescriptions", Json::array()}};
    for (const auto& entry : catalogue_.at(field.kind).entries()) {
      schema["enum"].push_back(entry.name);
      schema["enumDescriptions"].push_back(entry.description);
    }
    return schema;
  }

  /// A map with the struct's own keys and those of the component that it names. `complete`: the
  /// map is no layer (lists replace), so what is required must stand in it.
  Json map_schema(const Spec* own, const Field* component, bool complete) const {
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
      add_component(schema, *component, complete);
      if (component->default_component.empty()) required.push_back(component->discriminator);
    }
    schema["additionalProperties"] = false;
    if (complete && !required.empty()) schema["required"] = std::move(required);
    return schema;
  }

  /// The key that names the component, and one branch per component for its options.
  void add_component(Json& schema, const Field& component, bool complete) const {
    Json own_keys = Json::object();
    for (const auto& [key, unused] : schema["properties"].items()) own_keys[key] = true;
    own_keys[component.discriminator] = true;
    Json name = {{"description", component.help}, {"anyOf", {names(component), special()}}};
    if (!component.default_component.empty()) name["default"] = component.default_component;
    schema["properties"][component.discriminator] = std::move(name);
    Json branches = Json::array();
    for (const auto& entry : catalogue_.at(component.kind).entries()) {
      Json keys = own_keys;
      Json required = Json::array();
      const auto defaults = entry.options->make();
      for (const auto& field : entry.options->fields) {
        keys[field.name] = field_schema(field, defaults.get());
        if (field.required) required.push_back(field.name);
        // Without a name, which a lower layer may give, an editor can still tell what the key is.
        Json& any = schema["properties"][field.name];
        if (any.is_null()) any = {{"description", field.help}};
      }
      Json then = {{"properties", std::move(keys)}, {"additionalProperties", false}};
      if (complete && !required.empty()) then["required"] = std::move(required);
      branches.push_back(branch(component.discriminator, entry.name, std::move(then)));
    }
    if (!branches.empty()) schema["allOf"] = std::move(branches);
  }

  static Json branch(const std::string& discriminator, const std::string& name, Json then) {
    Json condition = {{"properties", {{discriminator, {{"const", name}}}}}, {"required", Json::array({discriminator})}};
    return {{"if", std::move(condition)}, {"then", std::move(then)}};
  }

  static Json scalar(const Field& field) {
    if (!field.choices.empty()) return {{"enum", field.choices}};
    switch (field.type) {
      case Type::Boolean: return {{"type", "boolean"}};
      case Type::Integer: return ranged({{"type", "integer"}}, field);
      case Type::Float: return ranged({{"type", "number"}}, field);
      case Type::Span:
        return {{"type", "string"},
                {"pattern", "^([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)? *(steps?|epochs?|%|s|min|h)$"}};
      case Type::Pairs: return {{"type", "object"}, {"additionalProperties", {{"type", "string"}}}};
      default: return {{"type", "string"}};
    }
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
};

}  // namespace

Json json_schema(const Catalogue& catalogue) { return SchemaBuilder(catalogue).recipe(*spec_of<Recipe>()); }

}  // namespace mlrun::config
