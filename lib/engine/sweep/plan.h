#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "config/layers.h"
#include "config/registry.h"
#include "config/sweep_grid.h"

/// A folder of trainings from one recipe: sweep.json, recipes/NAME.yaml and runs/NAME for each combination.
namespace mlrun::engine {

struct SweepCombination {
  std::string name;         ///< of its recipe and its run, as `0003-lr=0.01-seed=1`
  config::Combination set;  ///< the values that make it
  std::string recipe_sha256;
};

/// What sweep.json says.
struct SweepPlan {
  std::string base;  ///< the recipe as it was named
  std::vector<config::Override> fixed;
  std::vector<config::Override> keys;  ///< what is swept, with the values as written
  std::int64_t random = 0;             ///< combinations drawn; 0: the whole grid
  std::uint64_t seed = 0;              ///< of the draws
  std::vector<SweepCombination> combinations;
};

struct SweepRequest {
  std::string base;
  config::LayerRequest layers;  ///< the base recipe with what is fixed
  std::vector<config::SweepAxis> axes;
  std::int64_t random = 0;
  std::uint64_t seed = 0;
};

/// What `write_sweep` did.
struct PlannedSweep {
  SweepPlan plan;
  bool existed = false;  ///< the same plan was there already
};

/// Checks the recipe of every combination whole, then writes recipes and, last, sweep.json to
/// `folder`. Recipes are resolved: later changes of the base change nothing. UserError with the
/// problems of all combinations, each told once; for a folder that holds another plan or anything
/// else.
PlannedSweep write_sweep(const std::filesystem::path& folder, const SweepRequest& request,
                         const config::Catalogue& catalogue);

/// UserError where `folder` holds no sweep, or a damaged one.
SweepPlan read_sweep(const std::filesystem::path& folder);

/// `optimizer.lr=0.01 train.seed=1`.
std::string combination_text(const SweepCombination& combination);

std::filesystem::path sweep_recipe_file(const std::filesystem::path& folder, const SweepCombination& combination);
std::filesystem::path sweep_run_folder(const std::filesystem::path& folder, const SweepCombination& combination);

/// The recipe of a combination as it was planned, with the number of compute threads that its run
/// began with; `threads` where it has not begun and the recipe leaves them to the machine (0: leave
/// them). UserError where the file has been changed.
config::LayerRequest sweep_layers(const std::filesystem::path& folder, const SweepCombination& combination,
                                  std::int64_t threads);

}  // namespace mlrun::engine
