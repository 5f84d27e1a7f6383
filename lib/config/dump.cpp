#include <algorithm>
#include <cctype>
#include <cmath>
#include <string_view>

#include "config/bind.h"
#include "config/layering.h"
#include "config/words.h"

namespace mlrun::config {
namespace {

void dump_fields(Json& into, const Spec& spec, const Catalogue& catalogue, const void* object);

void dump_component(Json& into, const std::string& discriminator, const Catalogue& catalogue, const std::string& kind,
                    const Component& component) {
  into[discriminator] = component.name.empty() ? Json(nullptr) : Json(component.name);
  const Entry* entry = catalogue.at(kind).find(component.name);
  if (entry != nullptr) dump_fields(into, *entry->options, catalogue, component.options.get());
}

Json dump_nested(const Field& field, const Catalogue& catalogue, const void* member) {
  Json map = Json::object();
  if (field.type == Type::Object) {
    dump_fields(map, *field.spec, catalogue, member);
  } else {
    dump_component(map, field.discriminator, catalogue, field.kind, *static_cast<const Component*>(member));
  }
  return map;
}

void dump_fields(Json& into, const Spec& spec, const Catalogue& catalogue, const void* object) {
  for (const auto& field : spec.fields) {
    const bool nested = field.type == Type::Object || field.type == Type::Component;
    if (!nested) {
      into[field.name] = field.get(object);
    } else if (field.keyed) {
      Json map = Json::object();
      const auto items = field.items(object);
      const auto names = field.names(object);
      for (std::size_t i = 0; i < items.size(); ++i) map[names[i]] = dump_nested(field, catalogue, items[i]);
      into[field.name] = std::move(map);
    } else if (field.repeated) {
      Json list = Json::array();
      for (const void* item : field.items(object)) list.push_back(dump_nested(field, catalogue, item));
      into[field.name] = std::move(list);
    } else {
      // `address` serves reading and writing; here it only reads.
      const void* member = field.address(const_cast<void*>(object));
      if (field.inlined) {
        dump_component(into, field.discriminator, catalogue, field.kind, *static_cast<const Component*>(member));
      } else {
        into[field.name] = dump_nested(field, catalogue, member);
      }
    }
  }
}

bool is_keyword(std::string_view text) {
  std::string lower(text);
  for (auto& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const char* word : {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "inf", "nan"}) {
    if (lower == word) return true;
  }
  return false;
}

/// True where YAML reads the bare text as this very string, also in a flow list and for readers
/// of YAML 1.1. Errs on the side of quotes.
bool plain_is_safe(const std::string& text) {
  const auto is_alnum = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  if (text.empty() || text.back() == ' ' || is_keyword(text)) return false;
  const char first = text.front();
  if (!is_alnum(first) && first != '/' && first != '.' && first != '_') return false;
  const bool words = text.find_first_of(" /") != std::string::npos;
  const bool numeric = std::isdigit(static_cast<unsigned char>(first)) != 0 || first == '.';
  if (numeric && !words) return false;
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return is_alnum(c) || std::string_view("_./+-@%= ").find(c) != std::string_view::npos;
  });
}

/// `text` between double quotes, its references left as they are.
std::string quoted_text(const std::string& text) {
  static const char* hex = "0123456789ABCDEF";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') (out += '\\') += c;
    else if (c == '\n') out += "\\n";
    else if (c == '\t') out += "\\t";
    else if (c == '\r') out += "\\r";
    else if (byte < 0x20 || byte == 0x7F) ((out += "\\x") += hex[byte >> 4]) += hex[byte & 15];
    else out += c;
  }
  return out + "\"";
}

std::string string_text(const std::string& text) {
  if (plain_is_safe(text)) return text;
  std::string literal;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.compare(i, 2, "${") == 0) literal += '$';  // or it would be read as a reference
    literal += text[i];
  }
  return quoted_text(literal);
}

/// Bare where that is safe, for a number in quotes is none.
std::string reference_text(const Wording::Reference& reference) {
  const std::string& text = reference.text;
  const auto plain = [](char c, std::string_view others) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || others.find(c) != std::string_view::npos;
  };
  const bool safe = text.back() != ' ' && text.find(": ") == std::string::npos && plain(text.front(), "$_./") &&
                    std::all_of(text.begin(), text.end(), [&](char c) { return plain(c, "$_./+-@%=:{} "); });
  return safe && !reference.quoted ? text : quoted_text(text);
}

std::string float_text(double value) {
  if (std::isnan(value)) return ".nan";
  if (std::isinf(value)) return value > 0 ? ".inf" : "-.inf";
  std::string text = value == 0 && std::signbit(value) ? "-0" : number_text(value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string scalar_text(const Json& value) {
  if (value.is_string()) return string_text(value.get<std::string>());
  if (value.is_number_float()) return float_text(value.get<double>());
  return value.dump();  // null, booleans, integers
}

bool is_leaf(const Json& value) {
  const auto scalar = [](const Json& item) { return !item.is_structured(); };
  if (value.is_array()) return std::all_of(value.begin(), value.end(), scalar);
  return scalar(value) || value.empty();
}

std::string leaf_text(const Json& value) {
  if (value.is_object()) return "{}";
  if (!value.is_array()) return scalar_text(value);
  std::string text;
  for (const auto& item : value) text += (text.empty() ? "" : ", ") + scalar_text(item);
  return "[" + text + "]";
}

class YamlWriter {
 public:
  YamlWriter(const Provenance* provenance, const Wording* wording) : provenance_(provenance), wording_(wording) {}

  /// `opening` goes before the first line in place of its indent (`- ` of a list item).
  void write_map(const Json& map, const std::string& prefix, std::size_t indent, std::string opening) {
    for (const auto& [key, value] : map.items()) {
      write_value(opening + string_text(key) + ":", value, join_key(prefix, key), indent);
      opening.assign(indent, ' ');
    }
  }

  std::string text() const {
    constexpr std::size_t kWidest = 60;  // longer lines do not push all comments to the right
    std::size_t column = 0;
    for (const auto& line : lines_) {
      if (!line.comment.empty() && line.text.size() <= kWidest) column = std::max(column, line.text.size());
    }
    std::string out;
    for (const auto& line : lines_) {
      out += line.text;
      if (!line.comment.empty()) {
        out.append(line.text.size() < column ? column - line.text.size() : 0, ' ');
        out += "  # " + line.comment;
      }
      out += '\n';
    }
    return out;
  }

 private:
  struct Line {
    std::string text;
    std::string comment;
  };

  void write_value(const std::string& head, const Json& value, const std::string& path, std::size_t indent) {
    if (is_leaf(value) && !holds_reference(value, path)) {
      add_leaf(head + " " + leaf_text_at(value, path), path);
    } else if (value.is_object()) {
      lines_.push_back({head, ""});
      write_map(value, path, indent + 2, std::string(indent + 2, ' '));
    } else {
      lines_.push_back({head, ""});
      write_list(value, path, indent + 2);
    }
  }

  void write_list(const Json& list, const std::string& path, std::size_t indent) {
    const std::string opening = std::string(indent, ' ') + "- ";
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::string prefix = join_key(path, std::to_string(i));
      if (is_leaf(list[i])) {
        add_leaf(opening + leaf_text_at(list[i], prefix), prefix);
      } else if (list[i].is_object()) {
        write_map(list[i], prefix, indent + 2, opening);
      } else {
        lines_.push_back({std::string(indent, ' ') + "-", ""});
        write_list(list[i], prefix, indent + 2);
      }
    }
  }

  /// Is the value a list with items that are references? They have no place in a flow list.
  bool holds_reference(const Json& value, const std::string& path) const {
    for (std::size_t i = 0; wording_ != nullptr && value.is_array() && i < value.size(); ++i) {
      if (wording_->references.count(join_key(path, std::to_string(i))) != 0) return true;
    }
    return false;
  }

  std::string leaf_text_at(const Json& value, const std::string& path) const {
    if (wording_ == nullptr) return leaf_text(value);
    const auto found = wording_->references.find(path);
    return found == wording_->references.end() ? leaf_text(value) : reference_text(found->second);
  }

  void add_leaf(std::string text, const std::string& path) {
    std::string comment;
    if (provenance_ != nullptr) {
      const auto found = provenance_->find(path);
      if (found != provenance_->end()) comment = found->second.text();
    }
    lines_.push_back({std::move(text), std::move(comment)});
  }

  const Provenance* provenance_;
  const Wording* wording_;
  std::vector<Line> lines_;
};

}  // namespace

Json dump(const Spec& spec, const Catalogue& catalogue, const void* object) {
  Json values = Json::object();
  dump_fields(values, spec, catalogue, object);
  return values;
}

std::string to_yaml(const Json& values, const Provenance* provenance, const Wording* wording) {
  YamlWriter writer(provenance, wording);
  writer.write_map(values, "", 0, "");
  return writer.text();
}

}  // namespace mlrun::config
