#include "apps/mlrun/sweep_words.h"

#include <CLI/CLI.hpp>

#include "apps/mlrun/arguments.h"
#include "base/error.h"

namespace mlrun::apps {

SweepWords::SweepWords(CLI::App& app) {
  app.add_option("RECIPE", words_, "a recipe, and its keys with their values: key=v1,v2, key=a..b, key=log(a..b)")
      ->type_name("[KEY=VALUES]");
  app.add_option("-c,--config", recipes_, "recipe: a file, or the name of a shipped one")
      ->type_name("RECIPE")
      ->allow_extra_args(false);
  app.add_option("--set", sets_, "one override for all combinations, commas and all")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
}

std::string SweepWords::recipe() const {
  auto named = recipes_;
  for (const auto& word : words_) {
    if (!is_override(word)) named.push_back(word);
  }
  if (named.size() == 1) return named.front();
  if (named.empty()) throw UserError("no recipe is named", "name a file, or one of `mlrun list recipes`");
  throw UserError("more than one recipe: " + named[0] + " and " + named[1], "name one; keys are written key=v1,v2");
}

engine::SweepRequest SweepWords::request() const {
  engine::SweepRequest request;
  request.base = recipe();
  request.layers.file = config::find_recipe(request.base, recipe_folders());
  request.layers.recipe_folders = recipe_folders();
  for (const auto& text : sets_) request.layers.overrides.push_back(config::parse_override(text));
  std::vector<Problem> problems;
  for (const auto& word : words_) {
    if (!is_override(word)) continue;
    try {
      const config::SweepAxis axis = config::parse_sweep_axis(word);
      if (axis.fixed()) request.layers.overrides.push_back({axis.key, axis.values.front()});
      else request.axes.push_back(axis);
    } catch (const UserError& error) {
      problems.insert(problems.end(), error.problems().begin(), error.problems().end());
    }
  }
  if (!problems.empty()) throw UserError(std::move(problems));
  return request;
}

}  // namespace mlrun::apps
