#include "config/layers.h"

#include <algorithm>

#include "config/layering.h"
#include "config/words.h"

namespace mlrun::config {
namespace {

namespace fs = std::filesystem;

bool is_readable_file(const fs::path& path) {
  std::error_code error;
  const auto status = fs::status(path, error);
  return fs::exists(status) && !fs::is_directory(status);
}

/// `name` or `name.yaml` in `folder`; empty where there is neither.
fs::path file_in(const fs::path& folder, const std::string& name) {
  const fs::path plain = (folder / name).lexically_normal();
  if (is_readable_file(plain)) return plain;
  const fs::path with_ending = plain.string() + ".yaml";
  return is_readable_file(with_ending) ? with_ending : fs::path();
}

/// How a recipe may begin.
std::string first_line(const Catalogue& catalogue) {
  constexpr const char* kTask = "task";
  const auto tasks = catalogue.has(kTask) ? catalogue.at(kTask).names() : std::vector<std::string>{};
  if (tasks.empty()) return "begin with a section";
  if (tasks.size() == 1) return "begin with 'task: " + tasks.front() + "'";
  return "begin with 'task: NAME', NAME being " + any_of(tasks);
}

/// Reads a file and what it extends, and merges them in order.
class Loader {
 public:
  Loader(const LayerRequest& request, const Shape& shape, const Catalogue& catalogue, Merger& merger, Layered& result)
      : request_(request), shape_(shape), catalogue_(catalogue), merger_(merger), result_(result) {}

  void load(const fs::path& file, const Origin& named_at);
  /// A layer that was read already, which lies in `folder`.
  void add(Node layer, const fs::path& folder);

 private:
  struct Link {
    std::string name;
    fs::path identity;
  };

  void problem(const Origin& place, std::string message, std::string hint);
  bool is_cycle(const Link& link, const Origin& named_at);
  std::vector<Node> take_extends(Node& layer);
  void load_named(const Node& name, const fs::path& folder);

  const LayerRequest& request_;
  const Shape& shape_;
  const Catalogue& catalogue_;
  Merger& merger_;
  Layered& result_;
  std::vector<Link> chain_;
  int count_ = 0;
};

void Loader::problem(const Origin& place, std::string message, std::string hint) {
  result_.problems.push_back({place.file, place.line, place.column, "extends", std::move(message), std::move(hint)});
}

bool Loader::is_cycle(const Link& link, const Origin& named_at) {
  const auto again = std::find_if(chain_.begin(), chain_.end(),
                                  [&](const Link& earlier) { return earlier.identity == link.identity; });
  if (again == chain_.end()) return false;
  std::string chain;
  for (auto step = again; step != chain_.end(); ++step) chain += step->name + " -> ";
  problem(named_at, "the recipe extends itself: " + chain + link.name, "remove one of the links");
  return true;
}

void Loader::load(const fs::path& file, const Origin& named_at) {
  constexpr int kMostFiles = 256;
  std::error_code error;
  fs::path identity = fs::weakly_canonical(file, error);
  const Link link{file.string(), error ? file : identity};
  if (is_cycle(link, named_at)) return;
  if (++count_ == kMostFiles) problem(named_at, "the recipe extends more than 256 files", "extend fewer");
  if (count_ >= kMostFiles) return;
  chain_.push_back(link);
  add(read_yaml(file), file.parent_path());
  chain_.pop_back();
}

void Loader::add(Node layer, const fs::path& folder) {
  if (layer.type != Node::Type::Map) {
    const Origin& place = layer.origin;
    throw UserError(Problem{place.file, place.line, place.column, "", "a recipe must be a map of sections",
                            first_line(catalogue_)});
  }
  for (const auto& name : take_extends(layer)) load_named(name, folder);
  merger_.merge(result_.root, std::move(layer), shape_, "");
}

/// The scalars under `extends`, which is removed.
std::vector<Node> Loader::take_extends(Node& layer) {
  const auto found = std::find_if(layer.entries.begin(), layer.entries.end(),
                                  [](const Node::Entry& entry) { return entry.key == "extends"; });
  if (found == layer.entries.end()) return {};
  Node value = std::move(found->value);
  layer.entries.erase(found);
  if (value.type == Node::Type::Null) return {};
  std::vector<Node> names;
  if (value.type == Node::Type::List) names = std::move(value.items);
  else names.push_back(std::move(value));
  const auto is_name = [&](const Node& name) {
    if (name.type == Node::Type::Scalar && !name.scalar.empty()) return true;
    problem(name.origin, "must be a file or a list of files", "write extends: base.yaml");
    return false;
  };
  std::vector<Node> kept;
  std::copy_if(names.begin(), names.end(), std::back_inserter(kept), is_name);
  return kept;
}

void Loader::load_named(const Node& name, const fs::path& folder) {
  fs::path file = file_in(folder, name.scalar);
  for (const auto& shipped : request_.recipe_folders) {
    if (file.empty()) file = file_in(shipped, name.scalar);
  }
  if (!file.empty()) return load(file, name.origin);
  std::vector<std::string> names;
  collect_recipes(folder, names);
  for (const auto& shipped : request_.recipe_folders) collect_recipes(shipped, names);
  problem(name.origin, "there is no file '" + (folder / name.scalar).lexically_normal().string() + "'",
          nearest_recipes(name.scalar, names));
}

}  // namespace

namespace {

/// Reads what `read` tells the loader to, then the overrides.
template <class Read>
Layered read_all(const LayerRequest& request, const Spec& spec, const Catalogue& catalogue, Read read) {
  Layered result;
  result.root.type = Node::Type::Map;
  result.root.origin = {kCommandLine, 0, 0};
  const Shape shape = shape_of(spec);
  Merger merger(catalogue, result);
  read(Loader(request, shape, catalogue, merger, result));
  for (const auto& set : request.overrides) merger.apply(result.root, shape, set);
  merger.expand_shorthands(result.root, shape);
  resolve_references(result, shape, catalogue, request.recorded);
  return result;
}

}  // namespace

Layered read_layers(const LayerRequest& request, const Spec& spec, const Catalogue& catalogue) {
  return read_all(request, spec, catalogue, [&](Loader loader) {
    if (!request.file.empty()) loader.load(request.file, {request.file.string(), 0, 0});
  });
}

Layered read_layers(const std::string& text, const LayerRequest& request, const Spec& spec,
                    const Catalogue& catalogue) {
  return read_all(request, spec, catalogue, [&](Loader loader) {
    Node layer = parse_yaml(text, request.file.string());
    if (const Node* extends = layer.find("extends"); request.recorded && extends != nullptr) {
      throw UserError(problem_at(extends->origin, "extends", "the recipe that this file carries names other files",
                                 "take files from a source that you trust"));
    }
    loader.add(std::move(layer), request.file.parent_path());
  });
}

}  // namespace mlrun::config
