// What recipes may name in `mlrun_toys`: one example task, which MLRUN_TOY names, in place of those of mlrun.

#include "recipes/registry.h"

#include <cstdlib>
#include <string>
#include <vector>

#include "base/error.h"
#include "tasks/pair.h"
#include "tasks/ragged.h"
#include "tasks/regression.h"

namespace mlrun::recipes {
namespace {

struct Toy {
  const engine::TaskFactory& tasks;
  const config::Catalogue& catalogue;
};

const Toy& toy() {
  static const Toy chosen = [] {
    const char* name = std::getenv("MLRUN_TOY");
    const std::string wanted = name == nullptr ? "" : name;
    if (wanted == "regression") return Toy{toys::regression_tasks(), toys::regression_catalogue()};
    if (wanted == "pair") return Toy{toys::pair_tasks(), toys::pair_catalogue()};
    if (wanted == "ragged") return Toy{toys::ragged_tasks(), toys::ragged_catalogue()};
    throw UserError("MLRUN_TOY names no example task: '" + wanted + "'", "set it to regression, pair or ragged");
  }();
  return chosen;
}

}  // namespace

const engine::TaskFactory& tasks() { return toy().tasks; }
const config::Catalogue& catalogue() { return toy().catalogue; }

const data::TransformFactory& transforms() {
  static const data::TransformFactory factory = [] {
    data::TransformFactory transforms("transform");
    data::add_transforms(transforms);
    return transforms;
  }();
  return factory;
}

const metrics::MetricFactory& metrics() {
  static const metrics::MetricFactory none("metric");
  return none;
}

const std::vector<engine::StarterKind>& starters() {
  static const std::vector<engine::StarterKind> none;
  return none;
}

}  // namespace mlrun::recipes
