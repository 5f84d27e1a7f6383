#include "apps/mlrun/ensemble.h"

#include <CLI/CLI.hpp>

#include "apps/mlrun/run_argument.h"
#include "base/error.h"
#include "recipes/registry.h"
#include "report/format.h"
#include "report/table.h"

namespace mlrun::apps {

namespace fs = std::filesystem;

namespace {

engine::Member member(const std::string& name, const RunArgument& run) {
  return {name, run.resolved, [run] { return engine::file_weights(run.resolved, run.weights); }};
}

/// A weight file with the recipe of `-c`.
RunArgument with_recipe(const fs::path& file, const RecipeArguments& arguments) {
  const fs::path recipe = config::find_recipe(arguments.chosen_recipe(), recipe_folders());
  if (!fs::is_regular_file(file)) throw file_error(file.string(), "is no weight file", "-c RECIPE goes with files");
  return {config::resolve({recipe, arguments.overrides(), recipe_folders()}, recipes::catalogue()),
          {file.filename().string(), fs::absolute(file)}};
}

void add_checkpoints(const std::string& run, const RecipeArguments& recipe, const engine::Selection& selection,
                     std::vector<engine::Member>& members) {
  for (const auto& input : engine::select_checkpoints(run, selection, /*averaged=*/false)) {
    const RunArgument checkpoint = open_run_argument(input.file.parent_path(), recipe.overrides(), "");
    members.push_back(member(run, checkpoint));
  }
}

void add_draws(const std::string& operand, const RecipeArguments& recipe, const EnsembleArguments& arguments,
               const std::string& weights, std::vector<engine::Member>& members) {
  const bool checkpoint = fs::exists(fs::path(operand) / "manifest.json");
  const std::string newest = weights.empty() && !checkpoint ? "last" : weights;
  const RunArgument run = open_run_argument(operand, recipe.overrides(), newest);
  engine::PosteriorRequest request;
  request.checkpoint = run.weights.file.parent_path();
  request.samples = arguments.samples;
  request.scale = arguments.scale.value_or(request.scale);
  request.first = static_cast<std::int64_t>(members.size()) * arguments.samples;
  members.push_back({operand, run.resolved,
                     [resolved = run.resolved, request] { return engine::posterior_weights(resolved, request); }});
}

}  // namespace

void EnsembleArguments::declare(CLI::App& app) {
  app.add_flag("--ensemble", ensemble,
               "evaluate several runs, checkpoints or weight files, each and all together (mean of their predictions)");
  app.add_option(
         "--samples", samples,
         "of runs with averaging: swag: draw N sets of weights from each, batch norm's statistics made anew for "
         "each draw; --seed chooses other draws")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  app.add_option("--scale", scale, "with --samples: factor on the covariance (default: 0.5)")
      ->type_name("S")
      ->check(CLI::NonNegativeNumber);
  checkpoints.declare(app);
}

bool EnsembleArguments::wanted(const std::string& weights) const {
  const bool chooses = engine::chooses(checkpoints.selection());
  if (scale && samples == 0) throw UserError("--scale is of the draws of --samples", "add --samples N");
  if (chooses && samples > 0) throw UserError("--samples draws from a run's newest checkpoint", "choose none");
  if (chooses && !ensemble)
    throw UserError("--last, --best, --from-epoch and --minima choose the members of an ensemble", "add --ensemble");
  if (chooses && !weights.empty())
    throw UserError("--weights and a choice of checkpoints exclude each other", "leave out one");
  return ensemble || samples > 0;
}

std::vector<engine::Member> members_of(const RecipeArguments& recipe, const EnsembleArguments& arguments,
                                       const std::string& weights) {
  const auto selection = arguments.checkpoints.selection();
  std::vector<engine::Member> members;
  for (const auto& operand : recipe.operands()) {
    if (arguments.samples > 0) add_draws(operand, recipe, arguments, weights, members);
    else if (engine::chooses(selection)) add_checkpoints(operand, recipe, selection, members);
    else if (!recipe.chosen_recipe().empty()) members.push_back(member(operand, with_recipe(operand, recipe)));
    else members.push_back(member(operand, open_run_argument(operand, recipe.overrides(), weights)));
  }
  if (members.empty()) throw UserError("no run is named", "name the folders that `mlrun train` wrote");
  if (members.size() == 1 && arguments.samples == 0) {
    throw UserError("an ensemble has more than one member: " + members.front().name,
                    "name more runs, or choose checkpoints with --last, --best, --from-epoch or --minima");
  }
  return members;
}

std::string members_text(const engine::EnsembleResult& result) {
  std::vector<report::Column> columns = {{"member", report::Align::Left}, {"weights", report::Align::Left}};
  for (const auto& figure : result.evaluation.figures) columns.push_back({figure.name});
  report::Table table(columns);
  const auto add = [&table](const std::string& name, const std::string& weights, const metrics::Figures& figures) {
    std::vector<std::string> cells = {name, weights};
    for (const auto& figure : figures) cells.push_back(report::value_text(figure));
    table.add(cells);
  };
  for (const auto& member : result.members) add(member.name, member.weights, member.figures);
  add("ensemble", "", result.evaluation.figures);
  return table.text();
}

Json members_json(const engine::EnsembleResult& result) {
  Json list = Json::array();
  for (const auto& member : result.members) {
    list.push_back(
        {{"member", member.name}, {"weights", member.weights}, {"metrics", report::values_json(member.figures)}});
  }
  return list;
}

}  // namespace mlrun::apps
