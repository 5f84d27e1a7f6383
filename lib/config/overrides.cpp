#include <algorithm>
#include <charconv>

#include "config/layering.h"
#include "config/yaml_source.h"

namespace mlrun::config {
namespace {

constexpr const char* kGrammar = "write key=value, as train.epochs=5";

bool is_key_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

bool is_index(const std::string& key) {
  return !key.empty() && std::all_of(key.begin(), key.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// The number, or `size` where it is no index of a list of that size.
std::size_t index_below(const std::string& key, std::size_t size) {
  std::size_t index = size;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), index);
  return error == std::errc() && end == key.data() + key.size() ? std::min(index, size) : size;
}

void set_origin(Node& node, const Origin& origin) {
  node.origin = origin;
  for (auto& item : node.items) set_origin(item, origin);
  for (auto& entry : node.entries) {
    entry.origin = origin;
    set_origin(entry.value, origin);
  }
}

/// `value` below the keys from `from` on, each in a map of its own.
Node nested(const std::vector<std::string>& keys, std::size_t from, Node value) {
  for (std::size_t i = keys.size(); i > from; --i) {
    Node map;
    map.type = Node::Type::Map;
    map.origin = {kCommandLine, 0, 0};
    map.entries.push_back({keys[i - 1], map.origin, std::move(value)});
    value = std::move(map);
  }
  return value;
}

std::string first_keys(const std::vector<std::string>& keys, std::size_t count) {
  std::string path;
  for (std::size_t i = 0; i < count; ++i) path = join_key(path, keys[i]);
  return path;
}

}  // namespace

std::vector<std::string> split_key(const std::string& key) {
  std::vector<std::string> parts(1);
  for (const char c : key) {
    if (c == '.') parts.emplace_back();
    else parts.back() += c;
  }
  return parts;
}

std::string join_key(const std::string& path, const std::string& key) { return path.empty() ? key : path + "." + key; }

Node parse_override_value(const std::string& text) {
  Node node;
  const auto begin = text.find_first_not_of(" \t\n");
  const auto end = text.find_last_not_of(" \t\n");
  const std::string value = begin == std::string::npos ? "" : text.substr(begin, end - begin + 1);
  const bool structured = value.find_first_of("[{\"'") == 0;
  if (structured) {
    node = parse_yaml(value, kCommandLine);
  } else if (!is_null_text(value)) {
    std::size_t position = 0;
    const std::string unfit = unfit_byte(value, position);
    if (!unfit.empty()) throw UserError(unfit);
    if (has_leading_zero(value)) {
      throw UserError("the number " + value + " has leading zeros, which YAML versions read differently",
                      "remove them, or quote the value where text is meant");
    }
    node.type = Node::Type::Scalar;
    node.scalar = value;
  }
  set_origin(node, {kCommandLine, 0, 0});
  return node;
}

Override parse_override(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos) throw UserError("'" + text + "' has no '='", kGrammar);
  Override set{text.substr(0, equals), text.substr(equals + 1)};
  const auto parts = split_key(set.key);
  const bool whole = std::none_of(parts.begin(), parts.end(), [](const std::string& part) { return part.empty(); });
  if (!whole || !std::all_of(set.key.begin(), set.key.end(), is_key_character)) {
    throw UserError("'" + set.key + "' is no option's name", kGrammar);
  }
  if (parts.size() > kHighestTree) throw UserError("a name has more than 100 parts", kGrammar);
  return set;
}

void Merger::override_problem(const Override& set, std::string message, std::string hint) {
  result_.problems.push_back({kCommandLine, 0, 0, set.key, std::move(message), std::move(hint)});
}

void Merger::apply(Node& root, const Shape& shape, const Override& set) {
  const auto keys = split_key(set.key);
  if (keys.front() == "extends") {
    return override_problem(set, "cannot be set on the command line", "name the other recipe instead");
  }
  try {
    set_value({&root, shape, ""}, keys, 0, parse_override_value(set.value), set);
  } catch (const UserError& error) {
    for (const auto& problem : error.problems()) override_problem(set, problem.message, problem.hint);
  }
}

/// Goes down from `place` along the keys as far as there are maps; a list on the way is entered.
void Merger::set_value(const Place& place, const std::vector<std::string>& keys, std::size_t from, Node value,
                       const Override& set) {
  Node* node = place.node;
  Shape shape = place.shape;
  for (std::size_t i = from; i < keys.size(); ++i) {
    const bool list = node->type == Node::Type::List;
    if (list || (shape.repeated && is_index(keys[i]))) {
      return set_item({node, shape, first_keys(keys, i)}, keys, i, std::move(value), set);
    }
    shape = child_shape(shape, *node, keys[i], catalogue_);
    node = node->find(keys[i]);
    if (node == nullptr && shape.repeated && i + 1 < keys.size() && is_index(keys[i + 1])) {
      const std::string list_key = first_keys(keys, i + 1);
      return override_problem(set, list_key + " has no items", "give the whole list: " + list_key + "=[...]");
    }
    if (node == nullptr) break;
  }
  Node over = nested(keys, from, std::move(value));
  merge(*place.node, std::move(over), place.shape, place.path);
}

void Merger::set_item(const Place& place, const std::vector<std::string>& keys, std::size_t at, Node value,
                      const Override& set) {
  if (place.node->type == Node::Type::Map && place.shape.component != nullptr) {  // stands for a list of one
    Node list;
    list.type = Node::Type::List;
    list.origin = place.node->origin;
    list.items.push_back(std::move(*place.node));
    *place.node = std::move(list);
  }
  if (place.node->type != Node::Type::List) {
    return override_problem(set, place.path + " is no list in " + place.node->origin.text(),
                            "give the whole list: " + place.path + "=[...]");
  }
  auto& items = place.node->items;
  const std::size_t index = index_below(keys[at], items.size());
  if (index == items.size()) {
    const std::string last = items.empty() ? "" : std::to_string(items.size() - 1);
    return override_problem(set, "there is no item '" + keys[at] + "' in " + place.path,
                            items.empty() ? "the list is empty" : "its items are 0 to " + last);
  }
  if (at + 1 == keys.size() && value.type == Node::Type::Null) {
    items.erase(items.begin() + static_cast<std::ptrdiff_t>(index));
    return;
  }
  const Place item{&items[index], place.shape.item(), place.path + "." + keys[at]};
  set_value(item, keys, at + 1, std::move(value), set);
}

}  // namespace mlrun::config
