#include "json_schema.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <regex>
#include <set>
#include <string>

#include "base/error.h"
#include "config/words.h"

namespace mlrun::test {
namespace {

bool is_of(const std::string& type, const Json& value) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "null") return value.is_null();
  if (type == "number") return value.is_number();
  MLRUN_ASSERT(type == "integer", "no type " + type);
  return value.is_number_integer() || (value.is_number() && std::trunc(value.get<double>()) == value.get<double>());
}

class Validator {
 public:
  explicit Validator(const Json& root) : root_(root) {}

  bool takes(const Json& schema, const Json& value) const {
    if (schema.is_boolean()) return schema.get<bool>();
    if (schema.contains("$ref")) {
      MLRUN_ASSERT(schema.size() == 1, "something stands beside a $ref");
      return takes(root_.at(Json::json_pointer(schema.at("$ref").get<std::string>().substr(1))), value);
    }
    return std::all_of(schema.items().begin(), schema.items().end(),
                       [&](const auto& item) { return holds(item.key(), item.value(), schema, value); });
  }

 private:
  using Rule = bool (Validator::*)(const Json&, const Json&, const Json&) const;

  bool holds(const std::string& word, const Json& argument, const Json& schema, const Json& value) const {
    static const std::set<std::string> notes = {"$schema",          "title", "description", "default",
                                                "enumDescriptions", "then",  "definitions", "properties"};
    static const std::map<std::string, Rule> rules = {
        {"type", &Validator::type},     {"enum", &Validator::is_one_of},
        {"const", &Validator::is_same}, {"anyOf", &Validator::any},
        {"allOf", &Validator::all},     {"if", &Validator::where},
        {"required", &Validator::has},  {"pattern", &Validator::looks},
        {"items", &Validator::each},    {"additionalProperties", &Validator::keys}};
    if (word == "properties" && !schema.contains("additionalProperties")) return keys(true, schema, value);
    if (notes.count(word) != 0) return true;
    const auto rule = rules.find(word);
    return rule == rules.end() ? bound(word, argument, value) : (this->*rule->second)(argument, schema, value);
  }

  static bool bound(const std::string& word, const Json& argument, const Json& value) {
    const double limit = argument.get<double>();
    if (word == "minItems") return !value.is_array() || value.size() >= argument.get<std::size_t>();
    if (word == "maxItems") return !value.is_array() || value.size() <= argument.get<std::size_t>();
    if (!value.is_number()) return true;
    if (word == "minimum") return value.get<double>() >= limit;
    if (word == "maximum") return value.get<double>() <= limit;
    if (word == "exclusiveMinimum") return value.get<double>() > limit;
    MLRUN_ASSERT(word == "exclusiveMaximum", "no keyword " + word);
    return value.get<double>() < limit;
  }

  bool type(const Json& name, const Json&, const Json& value) const { return is_of(name, value); }
  bool is_same(const Json& one, const Json&, const Json& value) const { return one == value; }
  bool is_one_of(const Json& list, const Json&, const Json& value) const {
    return std::find(list.begin(), list.end(), value) != list.end();
  }
  bool any(const Json& list, const Json&, const Json& value) const {
    return std::any_of(list.begin(), list.end(), [&](const Json& schema) { return takes(schema, value); });
  }
  bool all(const Json& list, const Json&, const Json& value) const {
    return std::all_of(list.begin(), list.end(), [&](const Json& schema) { return takes(schema, value); });
  }
  bool where(const Json& condition, const Json& schema, const Json& value) const {
    return !takes(condition, value) || takes(schema.at("then"), value);
  }
  bool has(const Json& names, const Json&, const Json& value) const {
    return !value.is_object() || std::all_of(names.begin(), names.end(),
                                             [&](const Json& name) { return value.contains(name.get<std::string>()); });
  }
  bool looks(const Json& pattern, const Json&, const Json& value) const {
    return !value.is_string() || std::regex_search(value.get<std::string>(), std::regex(pattern.get<std::string>()));
  }
  bool each(const Json& schema, const Json&, const Json& value) const {
    return !value.is_array() ||
           std::all_of(value.begin(), value.end(), [&](const Json& item) { return takes(schema, item); });
  }
  bool keys(const Json& others, const Json& schema, const Json& value) const {
    if (!value.is_object()) return true;
    static const Json none = Json::object();
    const Json& known = schema.contains("properties") ? schema.at("properties") : none;
    return std::all_of(value.items().begin(), value.items().end(), [&](const auto& item) {
      const auto property = known.find(item.key());
      return takes(property == known.end() ? others : *property, item.value());
    });
  }

  const Json& root_;
};

Json scalar(const config::Node& node) {
  if (node.quoted) return node.scalar;
  if (config::looks_like_boolean(node.scalar)) return node.scalar == "true";
  if (config::digits(config::unsigned_part(node.scalar))) return std::stoll(node.scalar);
  if (config::looks_like_number(node.scalar)) return std::stod(node.scalar);
  return node.scalar;
}

}  // namespace

bool takes(const Json& schema, const Json& value) { return Validator(schema).takes(schema, value); }

Json plain(const config::Node& node) {
  if (node.type == config::Node::Type::Null) return nullptr;
  if (node.type == config::Node::Type::Scalar) return scalar(node);
  if (node.type == config::Node::Type::List) {
    Json list = Json::array();
    for (const auto& item : node.items) list.push_back(plain(item));
    return list;
  }
  Json map = Json::object();
  for (const auto& entry : node.entries) map[entry.key] = plain(entry.value);
  return map;
}

}  // namespace mlrun::test
