#include "config/values.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

#include "config/layering.h"
#include "config/registry.h"
#include "config/words.h"

namespace mlrun::config {
namespace {

namespace fs = std::filesystem;

template <class Number>
std::optional<Number> parsed(std::string_view text) {
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  Number value{};
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || rest != text.data() + text.size()) return std::nullopt;
  return value;
}

/// 1000, 1000000 or 1000000000 for `k`, `M`, `G`; 1 otherwise.
std::int64_t magnitude(char suffix) {
  switch (suffix) {
    case 'k': return 1'000;
    case 'M': return 1'000'000;
    case 'G': return 1'000'000'000;
    default: return 1;
  }
}

/// Reads one scalar of one field; `wrong` and `hint` say why it could not.
class ScalarReader {
 public:
  ScalarReader(const Node& node, const Field& field) : node_(node), field_(field), text_(node.scalar) {}

  std::optional<Json> read() {
    if (node_.type != Node::Type::Scalar) return std::nullopt;
    auto value = typed();
    if (value && !chosen(*value)) return std::nullopt;
    if (value && value->is_number() && !in_range(value->get<double>())) return std::nullopt;
    return value;
  }

  std::string hint;

 private:
  std::optional<Json> typed() {
    switch (field_.type) {
      case Type::Boolean: return boolean();
      case Type::Integer: return integer();
      case Type::Float: return number();
      case Type::String: return string();
      case Type::Path: return path();
      case Type::Span: return span();
      case Type::Pairs:
      case Type::Object:
      case Type::Component: break;
    }
    return std::nullopt;
  }

  std::optional<Json> boolean() {
    if (node_.quoted) return unquote(looks_like_boolean(text_));
    if (looks_like_boolean(text_)) return Json(text_ == "true");
    for (const char* word : {"yes", "on", "True", "TRUE", "y", "1"}) {
      if (text_ == word) hint = "write true";
    }
    for (const char* word : {"no", "off", "False", "FALSE", "n", "0"}) {
      if (text_ == word) hint = "write false";
    }
    return std::nullopt;
  }

  std::optional<Json> integer() {
    const std::int64_t scale = text_.empty() ? 1 : magnitude(text_.back());
    const std::string_view number = std::string_view(text_).substr(0, text_.size() - (scale == 1 ? 0 : 1));
    const std::string_view magnitude_digits = unsigned_part(number);
    if (node_.quoted) return unquote(digits(magnitude_digits));
    if (!digits(magnitude_digits)) return integer_hint();
    if (magnitude_digits.size() > 1 && magnitude_digits.front() == '0') {
      hint = "write it without leading zeros";
      return std::nullopt;
    }
    const auto value = parsed<std::int64_t>(number);
    std::int64_t scaled = 0;
    if (value && !__builtin_mul_overflow(*value, scale, &scaled)) return Json(scaled);
    hint = "integers lie between -9223372036854775808 and 9223372036854775807";
    return std::nullopt;
  }

  std::optional<Json> integer_hint() {
    const auto value = looks_like_number(text_) ? parsed<double>(text_) : std::nullopt;
    constexpr double kExact = 9007199254740992.0;  // 2^53
    if (value && std::abs(*value) < kExact && *value == std::trunc(*value)) {
      hint = "write " + std::to_string(static_cast<std::int64_t>(*value));
    }
    return std::nullopt;
  }

  std::optional<Json> number() {
    if (node_.quoted) return unquote(looks_like_number(text_));
    if (!looks_like_number(text_)) {
      const auto word = unsigned_part(text_);
      for (const char* special : {"inf", ".inf", "nan", ".nan", ".Inf", ".INF", ".NaN", ".NAN"}) {
        if (word == special) hint = "it must be finite";
      }
      return std::nullopt;
    }
    const auto value = parsed<double>(text_);
    if (value && std::isfinite(*value)) return Json(*value);
    hint = "it does not fit into a double";
    return std::nullopt;
  }

  std::optional<Json> string() {
    if (!node_.quoted && (looks_like_number(text_) || looks_like_boolean(text_))) {
      hint = "quote it: \"" + text_ + "\"";
      return std::nullopt;
    }
    return Json(text_);
  }

  std::optional<Json> path() {
    auto value = string();
    if (!value || text_.empty() || (field_.or_name && looks_like_name(text_))) return value;
    fs::path absolute = (path_folder(node_.origin) / text_).lexically_normal();
    if (!absolute.has_filename() && absolute.has_relative_path()) absolute = absolute.parent_path();
    return Json(absolute.string());
  }

  std::optional<Json> span() {
    if (parse_span(text_)) return Json(text_);
    if (looks_like_number(text_) && text_.front() != '-') {
      hint = "write `" + text_ + " epochs` or `" + text_ + " steps`";
    }
    return std::nullopt;
  }

  std::optional<Json> unquote(bool would_fit) {
    if (would_fit) hint = "remove the quotes";
    return std::nullopt;
  }

  bool chosen(const Json& value) {
    if (field_.choices.empty()) return true;
    const std::string word = value.is_string() ? value.get<std::string>() : value.dump();
    if (std::find(field_.choices.begin(), field_.choices.end(), word) != field_.choices.end()) return true;
    hint = did_you_mean(word, field_.choices);
    return false;
  }

  bool in_range(double value) const {
    const auto& low = field_.minimum;
    const auto& high = field_.maximum;
    if (low && (value < low->value || (!low->inclusive && value == low->value))) return false;
    return !high || value < high->value || (high->inclusive && value == high->value);
  }

  const Node& node_;
  const Field& field_;
  const std::string& text_;
};

std::optional<Json> read_item(const Node& node, const Field& field, const std::string& key,
                              std::vector<Problem>& problems) {
  ScalarReader reader(node, field);
  auto value = reader.read();
  if (value) return value;
  Field item = field;
  item.repeated = false;
  problems.push_back(
      problem_at(node.origin, key, "expected " + expected(item) + ", got " + shown(node), std::move(reader.hint)));
  return std::nullopt;
}

std::optional<Json> read_list(const Node& node, const Field& field, const std::string& key,
                              std::vector<Problem>& problems) {
  const auto wrong = [&](const std::string& what, std::string hint) {
    problems.push_back(problem_at(node.origin, key, "expected " + expected(field) + ", got " + what, std::move(hint)));
    return std::nullopt;
  };
  if (node.type == Node::Type::Scalar && !field.length) {  // one value stands for a list of one
    auto value = read_item(node, field, key, problems);
    return value ? std::optional<Json>(Json::array({std::move(*value)})) : std::nullopt;
  }
  if (node.type != Node::Type::List) {
    const bool one = node.type == Node::Type::Scalar && !node.quoted && *field.length == 1;
    return wrong(shown(node), one ? "write [" + node.scalar + "]" : "");
  }
  if (field.length && node.items.size() != *field.length) {
    return wrong("a list of " + std::to_string(node.items.size()), "");
  }
  Json list = Json::array();
  bool sound = true;
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    auto value = read_item(node.items[i], field, join_key(key, std::to_string(i)), problems);
    if (value) list.push_back(std::move(*value));
    sound = sound && value;
  }
  return sound ? std::optional<Json>(std::move(list)) : std::nullopt;
}

std::optional<Json> read_pairs(const Node& node, const Field& field, const std::string& key,
                               std::vector<Problem>& problems) {
  Json map = Json::object();
  if (node.type == Node::Type::Null) return map;
  if (node.type != Node::Type::Map) {
    problems.push_back(problem_at(node.origin, key, "expected " + expected(field) + ", got " + shown(node)));
    return std::nullopt;
  }
  Field item;
  bool sound = true;
  for (const auto& entry : node.entries) {
    auto value = read_item(entry.value, item, join_key(key, entry.key), problems);
    sound = sound && value;
    if (value) map[entry.key] = std::move(*value);
  }
  return sound ? std::optional<Json>(std::move(map)) : std::nullopt;
}

}  // namespace

fs::path path_folder(const Origin& origin) {
  const bool in_file = !origin.file.empty() && origin.file != kCommandLine;
  return in_file ? fs::absolute(origin.file).parent_path() : fs::current_path();
}

std::optional<Json> read_value(const Node& node, const Field& field, const std::string& key,
                               std::vector<Problem>& problems) {
  if (node.type == Node::Type::Null && field.nullable) return Json(nullptr);
  if (field.type == Type::Pairs) return read_pairs(node, field, key, problems);
  if (field.repeated) return read_list(node, field, key, problems);
  return read_item(node, field, key, problems);
}

}  // namespace mlrun::config
