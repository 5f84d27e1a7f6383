#pragma once

#include <string>
#include <vector>

#include "apps/mlrun/arguments.h"
#include "apps/mlrun/selection.h"
#include "engine/apply/ensemble.h"

namespace mlrun::apps {

/// The options of `eval` that put several sets of weights together.
struct EnsembleArguments {
  bool ensemble = false;
  std::int64_t samples = 0;
  std::optional<double> scale;
  SelectionArguments checkpoints;

  void declare(CLI::App& app);
  /// True where several sets are evaluated together. UserError for options that need --ensemble or
  /// --samples, or exclude each other.
  bool wanted(const std::string& weights) const;
};

/// The members that the operands name: runs, checkpoints, weight files (with `-c`, of that recipe);
/// `weights` is what --weights says. UserError where there is only one set of weights.
std::vector<engine::Member> members_of(const RecipeArguments& recipe, const EnsembleArguments& arguments,
                                       const std::string& weights);

/// A table of the members' figures, those of all together last.
std::string members_text(const engine::EnsembleResult& result);

/// `[{"member","weights","metrics"}]`.
Json members_json(const engine::EnsembleResult& result);

}  // namespace mlrun::apps
