#include <cctype>
#include <map>
#include <set>

#include "config/bind.h"
#include "config/words.h"

namespace mlrun::config {
namespace {

constexpr const char* kIntroduction =
    "# Recipe reference\n"
    "\n"
    "Every word of a recipe with its type, range and default. This page is the output of `mlrun config reference`.\n"
    "\n"
    "A string in place of a section stands for its name (for `data`, for its `root`). `extends: FILE` or a list of\n"
    "files builds on other recipes: later ones win, maps merge, lists replace, `null` removes. `${key.path}` and\n"
    "`${env:NAME}` are replaced. Integers may end in `k`, `M` or `G`. Lengths are written `5 epochs`, `500 steps`,\n"
    "`25 %` or `7.8 s`.\n";

/// Text for one cell of a table.
std::string cell(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string code(const std::string& text) { return "`" + text + "`"; }

std::string type_name(const Field& field) {
  switch (field.type) {
    case Type::Boolean: return "boolean";
    case Type::Integer: return "integer";
    case Type::Float: return "number";
    case Type::String: return "string";
    case Type::Path: return "path";
    case Type::Span: return "length";
    case Type::Pairs: return "map of strings";
    case Type::Object: return "map";
    case Type::Component: return field.kind;
  }
  return "";
}

std::string type_text(const Field& field) {
  std::string text = type_name(field);
  if (!field.choices.empty()) {
    std::vector<std::string> words;
    for (const auto& choice : field.choices) words.push_back(code(choice));
    text = any_of(words);
  }
  if (field.keyed) text = field.type == Type::Object ? "map of maps" : "map of " + text + "s";
  if (field.repeated) {
    const std::string count = field.length ? std::to_string(*field.length) + " " : "";
    text = "list of " + count + text + (field.choices.empty() ? "s" : "");
  }
  if (const std::string range = range_text(field); !range.empty()) text += ", " + range;
  if (!field.unit.empty()) text += " (" + field.unit + ")";
  return field.nullable && field.instead_of.empty() ? text + "; or null" : text;
}

std::string default_text(const Field& field, const void* defaults) {
  if (field.required) return "**required**";
  if (field.keyed) return code("{}");
  if (field.type == Type::Component) {
    if (field.repeated) return code("[]");
    return field.default_component.empty() ? "**required**" : code(field.default_component);
  }
  if (!field.get) return field.repeated ? code("[]") : "";
  const Json value = field.get(defaults);
  if (value.is_string() && value.get<std::string>().empty()) return "none";
  // One line of the YAML that says the same.
  const std::string line = to_yaml({{"v", value}});
  return code(line.substr(3, line.size() - 4));
}

class ReferenceWriter {
 public:
  explicit ReferenceWriter(const Catalogue& catalogue) : catalogue_(catalogue) {}

  std::string page(const Spec& recipe) {
    text_ = kIntroduction;
    for (const auto& field : recipe.fields) section(field);
    for (const auto* registry : catalogue_.all()) components(registry->kind());
    return std::move(text_);
  }

 private:
  void section(const Field& field) {
    text_ += "\n## " + code(field.name) + "\n\n" + capital(field.help) + ".";
    if (field.repeated) text_ += " A list; each item has these keys.";
    if (field.required) text_ += " Required.";
    text_ += "\n";
    if (field.type == Type::Object) {
      const auto defaults = field.spec->make();
      text_ += table(*field.spec, defaults.get());
    }
    kinds_.clear();
    collect_kinds(field);
    const auto kinds = kinds_;
    for (const auto& kind : kinds) components(kind);
  }

  /// One subsection for each component of a kind, once on the page.
  void components(const std::string& kind) {
    if (!written_.insert(kind).second) return;
    std::map<std::string, std::string> first;  // who has this table already
    for (const auto& entry : catalogue_.at(kind).entries()) {
      text_ += "\n### " + kind + " " + code(entry.name) + "\n\n" + capital(entry.description) + ".";
      const auto defaults = entry.options->make();
      const std::string options = table(*entry.options, defaults.get());
      const auto [known, added] = first.emplace(options, entry.name);
      if (options.empty()) text_ += " No options.\n";
      else if (added) text_ += "\n" + options;
      else text_ += " Options and defaults as " + code(known->second) + ".\n";
    }
  }

  std::string table(const Spec& spec, const void* defaults) const {
    if (spec.fields.empty()) return "";
    return "\n| key | type | default | |\n|---|---|---|---|\n" + rows(spec, defaults, "");
  }

  std::string rows(const Spec& spec, const void* defaults, const std::string& prefix) const {
    std::string text;
    for (const auto& field : spec.fields) {
      const std::string key = prefix + (field.inlined ? field.discriminator : field.name);
      if (field.type == Type::Object && !field.repeated && !field.keyed) {
        text += rows(*field.spec, field.address(const_cast<void*>(defaults)), key + ".");  // only read
        continue;
      }
      text += "| " + code(key) + " | " + cell(type_text(field)) + " | " + cell(default_text(field, defaults)) + " | " +
              cell(field.help) + " |\n";
      if (field.type == Type::Object && !field.keyed) {
        const auto item = field.spec->make();
        text += rows(*field.spec, item.get(), key + "[].");
      }
    }
    return text;
  }

  /// The kinds of the components below `field`, in the order of their first mention.
  void collect_kinds(const Field& field) {
    if (field.type == Type::Object) {
      for (const auto& child : field.spec->fields) collect_kinds(child);
    }
    if (field.type != Type::Component) return;
    for (const auto& kind : kinds_) {
      if (kind == field.kind) return;
    }
    kinds_.push_back(field.kind);
    for (const auto& entry : catalogue_.at(field.kind).entries()) {
      for (const auto& child : entry.options->fields) collect_kinds(child);
    }
  }

  static std::string capital(std::string text) {
    if (!text.empty()) text.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(text.front())));
    while (!text.empty() && text.back() == '.') text.pop_back();
    return text;
  }

  const Catalogue& catalogue_;
  std::string text_;
  std::vector<std::string> kinds_;
  std::set<std::string> written_;
};

}  // namespace

std::string reference_page(const Catalogue& catalogue) { return ReferenceWriter(catalogue).page(*spec_of<Recipe>()); }

}  // namespace mlrun::config
