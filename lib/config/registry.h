#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/options.h"

namespace mlrun::config {

/// One component that recipes can name.
struct Entry {
  std::string name;
  std::string description;  ///< one line
  std::shared_ptr<const Spec> options;
  Json facts;  ///< what `mlrun list` shows beside the description; null where there is nothing
};

/// The components of one kind (`model`, `source`, `transform`, ...), found by name.
class Registry {
 public:
  explicit Registry(std::string kind) : kind_(std::move(kind)) {}

  const std::string& kind() const { return kind_; }
  const std::vector<Entry>& entries() const { return entries_; }
  const Entry* find(const std::string& name) const;
  /// The entry; UserError that lists the nearest names otherwise.
  const Entry& at(const std::string& name) const;
  std::vector<std::string> names() const;

 protected:
  /// A name that is taken is a bug: InternalError.
  std::size_t insert(Entry entry);

 private:
  std::string kind_;
  std::vector<Entry> entries_;
};

template <class Signature>
class Factory;

/// A registry that also makes its components: `Factory<std::unique_ptr<Optimizer>(Groups)>`.
/// Filled by one explicit list per kind, never by static initialisers.
template <class Product, class... Arguments>
class Factory<Product(Arguments...)> : public Registry {
 public:
  using Registry::Registry;

  /// `make` is called with the component's typed options and the factory's arguments. `defaults`
  /// are the options' values where a recipe says nothing, for components that share a struct.
  template <class Options, class Make>
  void add(std::string name, std::string description, Make make, Json facts = nullptr, const Options& defaults = {}) {
    auto spec = std::make_shared<Spec>(*spec_of<Options>());
    spec->make = [defaults] { return std::shared_ptr<void>(std::make_shared<Options>(defaults)); };
    insert({std::move(name), std::move(description), std::move(spec), std::move(facts)});
    makers_.push_back([make = std::move(make)](const void* options, Arguments... arguments) -> Product {
      return make(*static_cast<const Options*>(options), std::forward<Arguments>(arguments)...);
    });
  }

  Product make(const Component& component, Arguments... arguments) const {
    const Entry& entry = at(component.name);
    const auto index = static_cast<std::size_t>(&entry - entries().data());
    return makers_[index](component.options.get(), std::forward<Arguments>(arguments)...);
  }

  /// The component `name` with default options.
  Component defaults(const std::string& name) const { return {name, at(name).options->make()}; }

 private:
  std::vector<std::function<Product(const void*, Arguments...)>> makers_;
};

/// Every registry by kind: what a recipe is checked against.
class Catalogue {
 public:
  void add(const Registry& registry);
  /// InternalError for a kind nobody registered.
  const Registry& at(const std::string& kind) const;
  bool has(const std::string& kind) const { return registries_.count(kind) != 0; }
  std::vector<const Registry*> all() const;

 private:
  std::map<std::string, const Registry*> registries_;
};

/// The candidates nearest to `word` (edit distance at most a third of its length, transpositions
/// count once), nearest first, `most` at the most.
std::vector<std::string> nearest(const std::string& word, const std::vector<std::string>& candidates,
                                 std::size_t most = 3);

/// `did you mean a, b?` for the nearest candidates, or an empty string.
std::string did_you_mean(const std::string& word, const std::vector<std::string>& candidates);

}  // namespace mlrun::config
