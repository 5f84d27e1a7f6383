#include "apps/mlrun/run_argument.h"

#include <algorithm>

#include "apps/mlrun/arguments.h"
#include "base/error.h"
#include "deploy/onnx/weights.h"
#include "engine/run/run_directory.h"
#include "models/published.h"
#include "models/registry.h"
#include "quant/int8_file.h"
#include "recipes/registry.h"
#include "weights/file.h"

namespace mlrun::apps {

namespace fs = std::filesystem;

namespace {

RunArgument of_run(const fs::path& run, const std::vector<config::Override>& overrides, const std::string& choice) {
  engine::RunDirectory::open(run);
  RunArgument found;
  found.resolved =
      config::resolve({run / "recipe.yaml", overrides, recipe_folders(), /*recorded=*/true}, recipes::catalogue());
  found.weights = engine::choose_weights(run, choice);
  return found;
}

bool is_shipped(const std::string& name) {
  for (const auto& folder : recipe_folders()) {
    if (fs::is_regular_file(folder / (name + ".yaml"))) return true;
  }
  return false;
}

/// Published weights under the name that results and expectations know, as IMAGENET1K_V1.
engine::WeightChoice named_choice(const config::Resolved& resolved, const std::string& name) {
  return {models::published_at(name, resolved.recipe.model.architecture.name).entry, name};
}

/// Reads the recipe again with these weights as its own, where upstream builds the architecture in another way for
/// them.
void read_with_weights(config::LayerRequest request, const std::string& name, config::Resolved& resolved) {
  if (!models::models().at(resolved.recipe.model.architecture.name).facts.contains("pretrained")) return;
  for (const auto& [key, value] : {std::pair("model.weights", "null"), std::pair("model.head", "keep")}) {
    request.overrides.push_back({key, value});
  }
  request.overrides.push_back({"model.weights", name});
  resolved = config::resolve(request, recipes::catalogue());
}

/// The weights that the recipe itself names.
engine::WeightChoice own_choice(const config::Resolved& resolved, const std::string& recipe) {
  const auto& file = resolved.recipe.model.weights.file;
  if (!file) throw file_error(recipe, "is a recipe, and no weights are named", "name a run, or add --weights FILE");
  if (config::looks_like_name(file->string())) return named_choice(resolved, file->string());
  return {file->filename().string(), *file};
}

/// A file that is no recipe.
bool is_weight_file(const fs::path& path) {
  std::error_code unreadable;
  const auto ending = path.extension();
  return fs::is_regular_file(path, unreadable) && ending != ".yaml" && ending != ".yml";
}

RunArgument of_weight_file(const fs::path& file, const std::vector<config::Override>& overrides) {
  std::string recipe;
  engine::WeightChoice choice{file.filename().string(), fs::absolute(file)};
  if (deploy::is_onnx(file)) {
    recipe = deploy::onnx_recipe(file);
  } else {
    const bool safetensors = file.extension() == ".safetensors";
    const auto metadata =
        safetensors ? weights::read_safetensors_header(file).metadata : weights::script_metadata(file);
    if (const auto found = metadata.find("recipe"); found != metadata.end()) recipe = found->second;
    if (const auto data = metadata.find("data"); !safetensors && data != metadata.end()) {
      choice.known = engine::data_info(parse_json(data->second));
    }
  }
  if (recipe.empty()) {
    throw file_error(
        file.string(), "carries no recipe",
        "name one: RECIPE --weights FILE, or with --ensemble -c RECIPE; a graph is exported by --model NAME "
        "model.weights=FILE");
  }
  return {config::resolve(recipe, {file, overrides, recipe_folders(), /*recorded=*/true}, recipes::catalogue()),
          std::move(choice)};
}

RunArgument find_run_argument(const std::string& first, const std::vector<config::Override>& overrides,
                              const std::string& choice) {
  if (first.empty()) throw UserError("no run is named", "name the folder that `mlrun train` wrote");
  const fs::path path = first;
  if (fs::exists(path / "manifest.json")) {  // a checkpoint below its run
    const fs::path real = fs::canonical(path);
    return of_run(real.parent_path().parent_path(), overrides, choice.empty() ? real.filename().string() : choice);
  }
  if (fs::is_directory(path)) return of_run(path, overrides, choice);
  if (choice.empty() && is_weight_file(path)) return of_weight_file(path, overrides);
  if (choice.empty() && !fs::exists(path) && !is_shipped(first)) return of_run(path, overrides, choice);
  const bool named = config::looks_like_name(choice) && !fs::exists(choice);
  if (!choice.empty() && !named && !fs::is_regular_file(choice)) {
    throw file_error(choice, "is no weight file", "a recipe takes --weights FILE; best and last are those of a run");
  }
  RunArgument found;
  const fs::path recipe = config::find_recipe(first, recipe_folders());
  found.resolved = config::resolve({recipe, overrides, recipe_folders()}, recipes::catalogue());
  if (named) read_with_weights({recipe, overrides, recipe_folders()}, choice, found.resolved);
  if (named) found.weights = named_choice(found.resolved, choice);
  else if (choice.empty()) found.weights = own_choice(found.resolved, first);
  else found.weights = engine::choose_weights(".", fs::absolute(choice).string());
  return found;
}

}  // namespace

RunArgument open_run_argument(const std::string& first, const std::vector<config::Override>& overrides,
                              const std::string& choice) {
  RunArgument found = find_run_argument(first, overrides, choice);
  if (deploy::is_onnx(found.weights.file)) {
    found.weights = deploy::onnx_weights(found.weights.file, found.weights.name);
    found.engine = deploy::kOnnxEngine;
  } else if (found.weights.file.extension() == ".safetensors" && quant::is_int8(found.weights.file)) {
    found.weights.install = [file = found.weights.file](const engine::Models& models, const engine::Context&) {
      quant::install_int8(file, models);
    };
    found.engine = "int8";
  }
  return found;
}

bool misses_data(const UserError& error) {
  const auto misses = [](const Problem& problem) {
    return problem.key == "data.root" &&
           (problem.message == "is not set" || problem.message.rfind("there is no folder", 0) == 0);
  };
  return std::any_of(error.problems().begin(), error.problems().end(), misses);
}

UserError with_new_place(const UserError& error, const std::string& command) {
  std::vector<Problem> problems = error.problems();
  for (Problem& problem : problems) {
    if (problem.key != "data.root") continue;
    const char* where = problem.message == "is not set" ? "say where the data lie" : "if they have moved, say where to";
    problem.hint = std::string(where) + ": mlrun " + command + " data.root=FOLDER";
  }
  return UserError(std::move(problems), error.code());
}

}  // namespace mlrun::apps
