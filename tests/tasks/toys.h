#pragma once

#include <string>
#include <utility>
#include <vector>

#include "recipes/registry.h"

/// What the example tasks share.
namespace mlrun::toys {

/// A registry with one component in it.
template <class Factory, class Options, class Make>
Factory only(const std::string& kind, const std::string& name, Make make) {
  Factory factory(kind);
  factory.template add<Options>(name, "of an example", std::move(make));
  return factory;
}

/// `own`, and of every other kind the registry that all tasks share.
inline config::Catalogue with_shared(const std::vector<const config::Registry*>& own) {
  config::Catalogue all;
  for (const config::Registry* registry : own) all.add(*registry);
  for (const config::Registry* shared : recipes::catalogue().all()) {
    if (!all.has(shared->kind())) all.add(*shared);
  }
  return all;
}

}  // namespace mlrun::toys
