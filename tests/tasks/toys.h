#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/shared_kinds.h"
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

/// `own`, transforms, and what all tasks share.
inline config::Catalogue with_shared(const std::vector<const config::Registry*>& own) {
  config::Catalogue all;
  for (const config::Registry* registry : own) all.add(*registry);
  all.add(recipes::transforms());
  engine::add_shared_kinds(all);
  return all;
}

}  // namespace mlrun::toys
