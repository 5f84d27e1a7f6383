#pragma once

#include <string>
#include <vector>

#include "config/layers.h"

/// The steps of read_layers; internal to it.
namespace mlrun::config {

/// The file name in the origin of what the command line sets.
constexpr const char* kCommandLine = "command line";

/// What a place in the tree is declared as; all null where nothing is known of it.
struct Shape {
  const Spec* own = nullptr;         ///< the struct's fields
  const Field* component = nullptr;  ///< the component that the map describes
  bool repeated = false;             ///< a list of such maps
  bool keyed = false;                ///< a map of such maps by names that users choose

  /// The key that a bare scalar in place of the map stands for; empty: none.
  std::string shorthand() const;
  /// One item of a repeated shape.
  Shape item() const { return {own, component, false, false}; }
  /// Does `key` belong to the component rather than to the struct around it?
  bool is_setting(const std::string& key) const;
  /// The component that `map` names, or else the default one; empty: none.
  std::string component_name(const Node& map) const;
};

Shape shape_of(const Spec& spec);
/// The shape at `key` of `map`.
Shape child_shape(const Shape& shape, const Node& map, const std::string& key, const Catalogue& catalogue);

/// Puts layers on top of each other.
class Merger {
 public:
  Merger(const Catalogue& catalogue, Layered& result) : catalogue_(catalogue), result_(result) {}

  /// Replaces bare scalars that stand for a map, at any depth outside of lists.
  void expand_shorthands(Node& node, const Shape& shape) const;
  /// Puts `over` on top of `base`: maps merge, everything else replaces, null removes (where there
  /// is nothing to remove it stays: it may be an option's value).
  void merge(Node& base, Node over, const Shape& shape, const std::string& path);
  /// Sets the value at an override's key.
  void apply(Node& root, const Shape& shape, const Override& set);

 private:
  struct Place {
    Node* node;
    Shape shape;
    std::string path;
  };
  void discard_settings(Node& base, const Node& over, const Shape& shape, const std::string& path);
  void discard_replaced(Node& base, const Node& over, const Spec& spec, const std::string& path);
  void override_problem(const Override& set, std::string message, std::string hint = "");
  void set_value(const Place& place, const std::vector<std::string>& keys, std::size_t from, Node value,
                 const Override& set);
  void set_item(const Place& place, const std::vector<std::string>& keys, std::size_t at, Node value,
                const Override& set);

  const Catalogue& catalogue_;
  Layered& result_;
};

/// Replaces `${key.path}` and `${env:NAME}` everywhere. A whole scalar takes the referenced value,
/// maps and lists too, with its origin; inside a longer text scalars are spliced in. `$${` stands
/// for `${`. With `recorded`, see LayerRequest.
void resolve_references(Layered& result, const Shape& shape, const Catalogue& catalogue, bool recorded);

/// Adds to the names of all YAML files below `folder`, relative to it and without `.yaml`; published tables (in
/// `tables/`) are no recipes.
void collect_recipes(const std::filesystem::path& folder, std::vector<std::string>& names);

/// `did you mean ...?` for a recipe's name among `names`; a name without its folder counts too.
std::string nearest_recipes(const std::string& name, const std::vector<std::string>& names);

/// An override's value: YAML flow syntax; what begins with no bracket or quote is one scalar whatever it
/// holds, so that nobody has to quote `a: b` for YAML on top of quoting it for the shell. UserError
/// where it is neither.
Node parse_override_value(const std::string& text);

/// `key` split at its dots.
std::vector<std::string> split_key(const std::string& key);
/// `path.key`, or `key` where the path is empty.
std::string join_key(const std::string& path, const std::string& key);

}  // namespace mlrun::config
