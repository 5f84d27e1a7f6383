#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "config/bind.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace mlrun::apps {

/// The operands and overrides of a command: `RECIPE key=value ...`, `-c RECIPE`, `--set key=value`,
/// and the options that stand for a key (`--seed 3` is `train.seed=3`), in the order written.
class RecipeArguments {
 public:
  /// Adds the options to `app`. `operands` names what stands first, for the help.
  RecipeArguments(CLI::App& app, const std::string& operands);
  ~RecipeArguments();

  /// Operands that are no `key=value`, without options.
  std::vector<std::string> operands() const;
  std::vector<config::Override> overrides() const;
  /// Takes the first operand that ends in `ending` out of them; empty where there is none.
  std::string take(const std::string& ending);

  /// What the command works on: `-c`, else the first operand; empty where there is neither.
  std::string subject() const;

  /// What `-c` names; empty where it is not given.
  std::string chosen_recipe() const;

  /// UserError where more than one thing of `kind` is named by `-c` and the operands together.
  void expect_one(const std::string& kind, const std::string& hint) const;

  /// The recipe file of `-c` or of the single operand; empty where there is neither.
  std::filesystem::path recipe() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Folders that hold shipped recipes: $MLRUN_CONFIGS, `configs` beside the source tree's build or in
/// the installation's share folder.
std::vector<std::filesystem::path> recipe_folders();

/// `word` where it looks like `key=value` with a dotted key.
bool is_override(const std::string& word);

/// What `action` gives. Its errors about a key of the recipe tell where that was written.
template <class Action>
auto with_places(const config::Resolved& resolved, Action action) {
  try {
    return action();
  } catch (const UserError& error) {
    throw config::placed(error, resolved.provenance);
  }
}

}  // namespace mlrun::apps
