#include "config/words.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace mlrun::config {
namespace {

constexpr std::size_t kLongestShown = 60;  // characters of a user's value that a message repeats

struct Noun {
  const char* one;
  const char* many;
};

Noun noun(Type type) {
  switch (type) {
    case Type::Boolean: return {"true or false", "booleans"};
    case Type::Integer: return {"an integer", "integers"};
    case Type::Float: return {"a number", "numbers"};
    case Type::String: return {"a string", "strings"};
    case Type::Path: return {"a path", "paths"};
    case Type::Span: return {"a length as `5 epochs`, `500 steps`, `25 %` or `7.8 s`", "lengths as `5 epochs`"};
    case Type::Pairs: return {"a map of strings", "maps of strings"};
    case Type::Object:
    case Type::Component: break;
  }
  return {"a map", "maps"};
}

std::string with_article(const std::string& word) {
  const bool vowel = !word.empty() && std::string_view("aeiou").find(word.front()) != std::string_view::npos;
  return (vowel ? "an " : "a ") + word;
}

std::string escaped(const std::string& text) {
  static const char* hex = "0123456789ABCDEF";
  std::string out;
  std::size_t shown_bytes = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    // Cut between characters, not inside one of UTF-8.
    if (shown_bytes++ >= kLongestShown && (byte & 0xC0) != 0x80) return out + "...";
    if (c == '\n') out += "\\n";
    else if (c == '\t') out += "\\t";
    else if (byte < 0x20 || byte == 0x7F) out += std::string("\\x") + hex[byte >> 4] + hex[byte & 15];
    else out += c;
  }
  return out;
}

std::string noun_of_list(const Field& field) {
  const std::string count = field.length ? std::to_string(*field.length) + " " : "";
  if (field.type == Type::Component) return "a list of " + count + field.kind + "s";
  if (!field.choices.empty()) return "a list of " + count + "words out of " + any_of(field.choices);
  return "a list of " + count + noun(field.type).many;
}

}  // namespace

/// What YAML's core schema takes for a finite decimal number: `1`, `-0.5`, `.5`, `1e-3`.
bool looks_like_number(std::string_view text) {
  text = unsigned_part(text);
  const auto exponent = text.find_first_of("eE");
  if (exponent != std::string_view::npos) {
    if (!digits(unsigned_part(text.substr(exponent + 1)))) return false;
    text = text.substr(0, exponent);
  }
  const auto dot = text.find('.');
  if (dot == std::string_view::npos) return digits(text);
  const auto whole = text.substr(0, dot);
  const auto part = text.substr(dot + 1);
  return (whole.empty() || digits(whole)) && (part.empty() || digits(part)) && whole.size() + part.size() > 0;
}

bool looks_like_boolean(std::string_view text) { return text == "true" || text == "false"; }

std::string any_of(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " or " : ", ";
    text += words[i];
  }
  return text;
}

bool digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string_view unsigned_part(std::string_view text) {
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  return text;
}

std::string number_text(double value) {
  char buffer[32];
  constexpr double kExact = 1e15;  // whole numbers below it are shorter without an exponent
  const bool whole = std::abs(value) < kExact && value == std::trunc(value);
  const auto end = whole ? std::to_chars(buffer, buffer + sizeof buffer, static_cast<std::int64_t>(value)).ptr
                         : std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  return std::string(buffer, end);
}

std::string range_text(const Field& field) {
  const auto& low = field.minimum;
  const auto& high = field.maximum;
  if (low && high && low->inclusive && high->inclusive) {
    return "from " + number_text(low->value) + " to " + number_text(high->value);
  }
  std::string text;
  if (low) text = (low->inclusive ? "at least " : "above ") + number_text(low->value);
  if (high) {
    if (low) text += " and ";
    text += (high->inclusive ? "at most " : "below ") + number_text(high->value);
  }
  return text;
}

std::string expected(const Field& field) {
  std::string text;
  if (field.repeated) text = noun_of_list(field);
  else if (field.type == Type::Component) text = "the name of " + with_article(field.kind);
  else if (!field.choices.empty()) text = any_of(field.choices);
  else text = noun(field.type).one;
  if (const std::string range = range_text(field); !range.empty()) {
    const bool of = range.rfind("at ", 0) == 0;
    text += (of ? " of " : " ") + range;
  }
  if (!field.unit.empty()) text += " (" + field.unit + ")";
  // Null of one that another stands in place of is no choice of its own.
  return field.nullable && field.instead_of.empty() ? text + " or null" : text;
}

std::string shown(const Node& node) {
  switch (node.type) {
    case Node::Type::Null: return "null";
    case Node::Type::List: return "a list";
    case Node::Type::Map: return "a map";
    case Node::Type::Scalar: break;
  }
  const bool literal = looks_like_number(node.scalar) || looks_like_boolean(node.scalar);
  if (!literal) return "\"" + escaped(node.scalar) + "\"";
  return node.quoted ? "the string \"" + node.scalar + "\"" : escaped(node.scalar);
}

Problem problem_at(const Origin& origin, std::string key, std::string message, std::string hint) {
  return {origin.file, origin.line, origin.column, std::move(key), std::move(message), std::move(hint)};
}

}  // namespace mlrun::config
