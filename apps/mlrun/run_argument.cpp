#include "apps/mlrun/run_argument.h"

#include "base/error.h"
#include "engine/run_directory.h"
#include "recipes/registry.h"

namespace mlrun::apps {

namespace fs = std::filesystem;

namespace {

RunArgument of_run(const fs::path& run, const RecipeArguments& arguments, const std::string& choice) {
  engine::RunDirectory::open(run);
  RunArgument found;
  found.resolved =
      config::resolve({run / "recipe.yaml", arguments.overrides(), recipe_folders()}, recipes::catalogue());
  found.weights = engine::choose_weights(run, choice);
  return found;
}

}  // namespace

RunArgument open_run_argument(const std::string& first, const RecipeArguments& arguments, const std::string& choice) {
  if (first.empty()) throw UserError("no run is named", "name the folder that `mlrun train` wrote");
  const fs::path path = first;
  if (fs::exists(path / "manifest.json")) {  // a checkpoint below its run
    const fs::path real = fs::canonical(path);
    return of_run(real.parent_path().parent_path(), arguments, choice.empty() ? real.filename().string() : choice);
  }
  if (fs::is_directory(path)) return of_run(path, arguments, choice);
  if (choice.empty()) {
    if (!fs::exists(path)) return of_run(path, arguments, choice);  // says that there is no such run
    throw file_error(first, "is a recipe, and no weights are named", "name a run, or add --weights FILE");
  }
  if (!fs::is_regular_file(choice)) {
    throw file_error(choice, "is no weight file", "a recipe takes --weights FILE; best and last are those of a run");
  }
  RunArgument found;
  const fs::path recipe = config::find_recipe(first, recipe_folders());
  found.resolved = config::resolve({recipe, arguments.overrides(), recipe_folders()}, recipes::catalogue());
  found.weights = engine::choose_weights(".", choice);
  return found;
}

}  // namespace mlrun::apps
