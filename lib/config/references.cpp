#include <algorithm>
#include <cstdlib>
#include <set>

#include "config/layering.h"
#include "config/words.h"
#include "config/yaml_source.h"

namespace mlrun::config {
namespace {

/// The text from `at` on, for a message: its first line, shortened (never within a character of UTF-8).
std::string beginning(const std::string& text, std::size_t at) {
  constexpr std::size_t kMost = 60;
  std::size_t end = std::min(text.find('\n', at), text.size());
  if (end - at > kMost) {
    end = at + kMost;
    while ((static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  }
  return text.substr(at, end - at) + (end < text.size() ? "..." : "");
}

/// The next `${` at or after `from` that `$` does not escape.
std::size_t next_reference(const std::string& text, std::size_t from) {
  for (auto at = text.find("${", from); at != std::string::npos; at = text.find("${", at + 2)) {
    if (at == 0 || text[at - 1] != '$') return at;
  }
  return std::string::npos;
}

/// Text that is read back as the literal `text`.
std::string literal(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.compare(i, 2, "${") == 0) out += '$';
    out += text[i];
  }
  return out;
}

std::string unescaped(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.compare(i, 3, "$${") == 0) continue;
    out += text[i];
  }
  return out;
}

void collect_keys(const Node& node, const std::string& path, std::vector<std::string>& keys) {
  constexpr std::size_t kMostKeys = 2000;
  for (const auto& entry : node.entries) {
    if (keys.size() >= kMostKeys) return;
    const std::string key = join_key(path, entry.key);
    keys.push_back(key);
    collect_keys(entry.value, key, keys);
  }
}

constexpr std::size_t kMostReferenceProblems = 1000;
constexpr std::size_t kMostReferenceGuesses = 20;  // at what a wrong key was meant to be

class References {
 public:
  References(Layered& result, const Shape& shape, const Catalogue& catalogue, bool recorded)
      : result_(result), shape_(shape), catalogue_(catalogue), recorded_(recorded), spent_(weight(result.root)) {}

  void resolve(Node& node, const std::string& path);

 private:
  /// A value that is being resolved.
  struct Step {
    const Node* node;
    std::string path;
  };
  /// A stretch of text: a reference's inside, or literal text.
  struct Piece {
    bool reference;
    std::string text;
  };
  /// What references are replaced by, and how that is written where the environment has a part in it.
  struct Spliced {
    std::string value, written;
    bool from_environment = false;
  };

  void problem(const Node& node, const std::string& path, std::string message, std::string hint = "");
  bool split(const Node& node, const std::string& path, std::vector<Piece>& pieces);
  void replace(Node& node, const std::string& path);
  bool environment(const Node& node, const std::string& path, const std::string& name, Spliced& spliced);
  Node* target(const Node& node, const std::string& path, const std::string& key);
  void report_missing(const Node& node, const std::string& path, const std::string& key);
  bool is_declared(const std::string& key) const;
  bool splice(const Node& node, const std::string& path, const std::string& key, Spliced& spliced);
  bool spend(const Node& node, const std::string& path, std::size_t weight);
  bool is_cycle(const Node& node, const std::string& path);
  void mark_done(const Node& node);

  Layered& result_;
  const Shape& shape_;
  const Catalogue& catalogue_;
  const bool recorded_;
  std::size_t spent_;
  bool exhausted_ = false;
  std::vector<Step> steps_;
  std::set<const Node*> done_;
};

void References::problem(const Node& node, const std::string& path, std::string message, std::string hint) {
  result_.problems.push_back(
      {node.origin.file, node.origin.line, node.origin.column, path, std::move(message), std::move(hint)});
  if (result_.problems.size() >= kMostReferenceProblems) exhausted_ = true;
}

void References::mark_done(const Node& node) {
  done_.insert(&node);
  for (const auto& item : node.items) mark_done(item);
  for (const auto& entry : node.entries) mark_done(entry.value);
}

bool References::spend(const Node& node, const std::string& path, std::size_t weight) {
  spent_ += weight;
  if (spent_ <= kHeaviestTree) return true;
  if (!exhausted_) {
    problem(node, path, "the references expand to more than " + std::to_string(kHeaviestTree) + " values",
            "use fewer or smaller ones");
  }
  exhausted_ = true;
  return false;
}

void References::resolve(Node& node, const std::string& path) {
  if (exhausted_ || done_.count(&node) != 0) return;
  if (is_cycle(node, path)) return;
  steps_.push_back({&node, path});
  for (std::size_t i = 0; i < node.items.size(); ++i) resolve(node.items[i], join_key(path, std::to_string(i)));
  for (auto& entry : node.entries) resolve(entry.value, join_key(path, entry.key));
  if (node.type == Node::Type::Scalar) replace(node, path);
  steps_.pop_back();
  mark_done(node);
}

/// A value that is entered again before it is finished refers to itself.
bool References::is_cycle(const Node& node, const std::string& path) {
  const auto again = std::find_if(steps_.begin(), steps_.end(), [&](const Step& step) { return step.node == &node; });
  constexpr std::size_t kLongestChain = 200;
  if (again == steps_.end() && steps_.size() < kLongestChain) return false;
  const Step& last = steps_.back();
  if (again == steps_.end()) {
    problem(*last.node, last.path, "the references form too long a chain", "refer to the value itself");
    exhausted_ = true;
    return true;
  }
  std::string chain;
  for (auto step = again; step != steps_.end(); ++step) chain += step->path + " -> ";
  problem(*last.node, last.path, "the reference leads back to itself: " + chain + path, "write one of the values out");
  return true;
}

bool References::split(const Node& node, const std::string& path, std::vector<Piece>& pieces) {
  const std::string& text = node.scalar;
  std::size_t from = 0;
  for (auto at = next_reference(text, 0); at != std::string::npos; at = next_reference(text, from)) {
    const auto end = text.find('}', at);
    if (end == std::string::npos || end == at + 2) {
      problem(
          node, path,
          end == at + 2 ? "the reference ${} names nothing" : "the reference " + beginning(text, at) + " is not closed",
          "write ${key.path} or ${env:NAME}; $${ stands for a literal ${");
      return false;
    }
    if (at > from) pieces.push_back({false, unescaped(text.substr(from, at - from))});
    pieces.push_back({true, text.substr(at + 2, end - at - 2)});
    from = end + 1;
  }
  if (from < text.size()) pieces.push_back({false, unescaped(text.substr(from))});
  return true;
}

void References::replace(Node& node, const std::string& path) {
  if (node.scalar.find("${") == std::string::npos) return;
  std::vector<Piece> pieces;
  if (!split(node, path, pieces)) return;
  const bool whole = pieces.size() == 1 && pieces[0].reference && pieces[0].text.rfind("env:", 0) != 0;
  if (whole) {
    const Node* found = target(node, path, pieces[0].text);
    if (found == nullptr || !spend(node, path, weight(*found))) return;
    Node copy = *found;
    node = std::move(copy);
    return;
  }
  Spliced spliced;
  for (const auto& piece : pieces) {
    if (piece.reference && !splice(node, path, piece.text, spliced)) return;
    if (piece.reference) continue;
    spliced.value += piece.text;
    spliced.written += literal(piece.text);
  }
  node.scalar = std::move(spliced.value);
  if (spliced.from_environment) node.written = std::move(spliced.written);
}

bool References::splice(const Node& node, const std::string& path, const std::string& key, Spliced& spliced) {
  if (key.rfind("env:", 0) == 0) return environment(node, path, key.substr(4), spliced);
  const Node* found = target(node, path, key);
  if (found == nullptr) return false;
  if (found->type != Node::Type::Scalar) {
    const char* kind = found->type == Node::Type::Null ? "null" : found->type == Node::Type::List ? "a list" : "a map";
    problem(node, path, "${" + key + "} is " + kind + " and cannot stand inside a text", "refer to a single value");
    return false;
  }
  const bool from_environment = !found->written.empty();
  spliced.value += found->scalar;
  spliced.written += from_environment ? found->written : literal(found->scalar);
  spliced.from_environment = spliced.from_environment || from_environment;
  return spend(node, path, weight(*found) + spliced.value.size() / 100);
}

bool References::environment(const Node& node, const std::string& path, const std::string& name, Spliced& spliced) {
  const char* set = std::getenv(name.c_str());
  const std::string reference = "${env:" + name + "}";
  if (set == nullptr) {
    Problem unset = problem_at(node.origin, path, "the environment variable " + name + " is not set",
                               "set it, or write the value out");
    if (!recorded_) problem(node, path, std::move(unset.message), std::move(unset.hint));
    else if (result_.unset.size() < kMostReferenceProblems) result_.unset.push_back(std::move(unset));
    if (!recorded_) return false;
    set = reference.c_str();
  }
  std::size_t position = 0;
  const std::string unfit = unfit_byte(set, position);
  if (!unfit.empty()) {
    problem(node, path, "the environment variable " + name + " " + unfit);
    return false;
  }
  spliced.value += set;
  spliced.written += reference;
  spliced.from_environment = true;
  return spend(node, path, 1 + spliced.value.size() / 100);
}

/// The resolved value at `key`; null after a problem has been noted.
Node* References::target(const Node& node, const std::string& path, const std::string& key) {
  Node* found = &result_.root;
  std::string place;
  const std::size_t before = result_.problems.size();
  for (const auto& part : split_key(key)) {
    if (found->type == Node::Type::Scalar) resolve(*found, place);  // what it refers to may have the key
    if (result_.problems.size() != before) return nullptr;
    place = join_key(place, part);
    Node* next = found->find(part);
    for (std::size_t i = 0; i < found->items.size() && next == nullptr; ++i) {
      if (std::to_string(i) == part) next = &found->items[i];
    }
    if (next == nullptr) {
      report_missing(node, path, key);
      return nullptr;
    }
    found = next;
  }
  resolve(*found, place);
  return result_.problems.size() == before && !exhausted_ ? found : nullptr;
}

void References::report_missing(const Node& node, const std::string& path, const std::string& key) {
  if (is_declared(key)) {
    return problem(node, path, "${" + key + "} refers to an option that the recipe does not set",
                   "set " + key + " too");
  }
  std::vector<std::string> keys;
  if (result_.problems.size() < kMostReferenceGuesses) collect_keys(result_.root, "", keys);
  problem(node, path, "${" + key + "} refers to a key that does not exist", did_you_mean(key, keys));
}

bool References::is_declared(const std::string& key) const {
  Shape shape = shape_;
  const Node* node = &result_.root;
  static const Node nothing;
  const auto parts = split_key(key);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const bool last = i + 1 == parts.size();
    if (last && shape.own != nullptr && shape.own->find(parts[i]) != nullptr) return true;
    if (last && shape.component != nullptr && shape.component->discriminator == parts[i]) return true;
    if (last && shape.is_setting(parts[i]) && catalogue_.has(shape.component->kind)) {
      const Entry* entry = catalogue_.at(shape.component->kind).find(shape.component_name(*node));
      return entry != nullptr && entry->options->find(parts[i]) != nullptr;
    }
    shape = child_shape(shape, *node, parts[i], catalogue_);
    const Node* next = node->find(parts[i]);
    node = next != nullptr ? next : &nothing;
  }
  return false;
}

}  // namespace

void resolve_references(Layered& result, const Shape& shape, const Catalogue& catalogue, bool recorded) {
  References(result, shape, catalogue, recorded).resolve(result.root, "");
}

}  // namespace mlrun::config
