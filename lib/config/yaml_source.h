#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "config/node.h"

namespace mlrun::config {

/// The text of one YAML file with its places; internal to the YAML reader. Lines and columns that
/// come in are 0-based and count bytes, as yaml-cpp does; those that go out are 1-based and count
/// characters, as editors do.
class YamlSource {
 public:
  /// UserError where `text` is not UTF-8 or holds control characters.
  YamlSource(std::string text, std::string file);

  const std::string& text() const { return text_; }
  const std::string& file() const { return file_; }
  Origin origin(int line, int column) const;
  /// The text from a place to the end.
  std::string_view from(int line, int column) const;
  std::string_view rest_of_line(int line, int column) const;

  /// A parser's message in plain words, with a remedy, at the place where the mistake is.
  Problem explain(int line, int column, const std::string& message) const;

 private:
  std::size_t offset(int line, int column) const;

  std::string text_;
  std::string file_;
  std::vector<std::size_t> line_starts_;
  /// The place that was counted to last: places come in order, and one line may hold a whole file.
  struct Counted {
    std::size_t begin = 0, end = 0;
    std::ptrdiff_t characters = 0;
  };
  mutable Counted counted_;
};

/// The tree of the text's one document, or nothing where there is none; UserError with every mistake.
std::optional<Node> build_tree(const YamlSource& source);

/// What makes `text` unfit for a recipe (`byte 0x00`, `not UTF-8`), and at which byte; an empty
/// string where nothing does.
std::string unfit_byte(std::string_view text, std::size_t& position);

/// A plain scalar such as 010 or -007, which YAML versions read differently.
bool has_leading_zero(const std::string& text);

/// `~`, `null`, `Null`, `NULL` or nothing.
bool is_null_text(const std::string& text);

/// Nodes in a tree, where long texts count for more: what aliases and references may not blow up.
std::size_t weight(const Node& node);
/// Levels of a tree; 1 for a scalar.
std::size_t height(const Node& node);

constexpr std::size_t kHeaviestTree = 100000;
constexpr std::size_t kHighestTree = 100;
constexpr std::size_t kMostKeys = 10000;  ///< of one map: they are looked up one after another

}  // namespace mlrun::config
