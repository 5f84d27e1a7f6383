#include <CLI/CLI.hpp>

#include <sstream>

#include "apps/mlrun/arguments.h"
#include "apps/mlrun/command.h"
#include "apps/mlrun/rate_plot.h"
#include "base/files.h"
#include "base/output_place.h"
#include "config/bind.h"
#include "engine/train/check.h"
#include "quant/qat_companion.h"
#include "recipes/registry.h"

namespace mlrun::apps {

namespace fs = std::filesystem;

namespace {

config::Resolved resolve(const RecipeArguments& arguments) {
  const fs::path file = arguments.recipe();
  if (file.empty() && arguments.overrides().empty()) {
    throw UserError("no recipe is named", "name a file, or one of `mlrun list recipes`");
  }
  return config::resolve({file, arguments.overrides(), recipe_folders()}, recipes::catalogue());
}

Json to_json(const config::Provenance& provenance) {
  Json json = Json::object();
  for (const auto& [key, origin] : provenance) json[key] = origin.text();
  return json;
}

Command add_show(CLI::App& group) {
  CLI::App* app = group.add_subcommand("show", "Print a recipe with every value and where it came from");
  const auto arguments = std::make_shared<RecipeArguments>(*app, "RECIPE");
  const auto plain = std::make_shared<bool>(false);
  app->add_flag("--plain", *plain, "without the comments that say where values came from");
  const auto plot = std::make_shared<bool>(false);
  CLI::Option* plots = app->add_flag(
      "--plot-lr", *plot,
      "draw the learning rate over the training in the terminal, or, with FILE.svg after it, into that file");
  const auto samples = std::make_shared<std::int64_t>(0);
  app->add_option("--samples", *samples, "training samples, where --plot-lr shall not open the data for them")
      ->check(CLI::PositiveNumber)
      ->needs(plots)
      ->type_name("N");
  return {app, [arguments, plain, plot, samples](const OutputOptions&) {
            const std::string drawing = *plot ? arguments->take(".svg") : "";
            const config::Resolved resolved = resolve(*arguments);
            if (*plot) return plot_rates(resolved, drawing, *samples > 0 ? std::optional(*samples) : std::nullopt);
            Result result;
            result.json = {{"name", resolved.name},
                           {"recipe", resolved.values},
                           {"provenance", to_json(resolved.provenance)},
                           {"notes", resolved.notes}};
            for (const auto& note : resolved.notes) result.text += "# " + note + "\n";
            result.text += config::to_yaml(resolved.values, *plain ? nullptr : &resolved.provenance);
            return result;
          }};
}

Result check_result(const config::Resolved& resolved, const engine::TrainingCheck& check) {
  Result result;
  result.json = {{"name", resolved.name}, {"notes", resolved.notes}, {"not_looked_at", check.not_looked_at}};
  result.text = resolved.name + ": the recipe is sound";
  if (check.plan) {
    result.json["samples"] = check.plan->samples;
    result.json["steps_per_epoch"] = check.plan->steps_per_epoch;
    result.json["epochs"] = epochs_json(check.plan->horizon().epochs());
    result.json["steps"] = check.plan->steps();
    result.text += "\n";
    return result;
  }
  for (std::size_t i = 0; i < check.not_looked_at.size(); ++i) {
    result.text += (i == 0 ? "; not looked at: " : "; ") + check.not_looked_at[i];
  }
  result.text += "\n";
  return result;
}

Command add_check(CLI::App& group) {
  CLI::App* app = group.add_subcommand(
      "check", "Check a recipe whole, with its data and weights; exit code 2 where it has problems");
  const auto arguments = std::make_shared<RecipeArguments>(*app, "RECIPE");
  const auto no_data = std::make_shared<bool>(false);
  app->add_flag("--no-data", *no_data, "where the data are not on this machine: leave them out, and say what that is");
  return {app, [arguments, no_data](const OutputOptions&) {
            const config::Resolved resolved = resolve(*arguments);
            return check_result(resolved, with_places(resolved, [&] {
                                  if (*no_data) return engine::check_without_data(resolved);
                                  return engine::check_training(recipes::tasks(), resolved, quant::qat_companion);
                                }));
          }};
}

Command add_schema(CLI::App& group) {
  CLI::App* app = group.add_subcommand("schema", "Print the JSON Schema (draft-07) of recipes, for editors");
  return {app, [](const OutputOptions&) {
            Result result;
            result.json = config::json_schema(recipes::catalogue());
            result.text = json_text(result.json, 2) + "\n";
            return result;
          }};
}

Command add_reference(CLI::App& group) {
  CLI::App* app = group.add_subcommand("reference", "Print the reference of all recipe options, as Markdown");
  return {app, [](const OutputOptions&) {
            Result result;
            result.text = config::reference_page(recipes::catalogue());
            result.json = {{"markdown", result.text}};
            return result;
          }};
}

/// The recipe's text with a relative `root:` made absolute, so that the copy finds the same data.
std::string rooted_text(const fs::path& source) {
  std::istringstream lines(read_file(source));
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    const auto at = line.find("root: ");
    const bool own_line = at != std::string::npos && line.find_first_not_of(' ') == at;
    const fs::path root = own_line ? line.substr(at + 6) : "";
    if (own_line && root.is_relative() && fs::exists(source.parent_path() / root)) {
      line = line.substr(0, at + 6) + fs::absolute(source.parent_path() / root).lexically_normal().string();
    }
    text += line + "\n";
  }
  return text;
}

Command add_copy(CLI::App& group) {
  CLI::App* app = group.add_subcommand("copy", "Copy a shipped recipe to a file of your own");
  const auto name = std::make_shared<std::string>();
  const auto target = std::make_shared<std::string>();
  app->add_option("NAME", *name, "shipped recipe, as `mlrun list recipes` names it")->required();
  app->add_option("FILE", *target, "where to (default: its name in this folder)");
  return {app, [name, target](const OutputOptions&) {
            const fs::path source = config::find_recipe(*name, recipe_folders());
            fs::path file = target->empty() ? source.filename() : fs::path(*target);
            if (fs::is_directory(file)) file /= source.filename();
            if (replaces(file)) throw file_error(file.string(), "exists already", "choose another name");
            write_file(file, rooted_text(source));
            Result result;
            result.json = {{"source", source.string()}, {"file", file.string()}};
            result.text = file.string() + "\n";
            result.data = true;
            return result;
          }};
}

}  // namespace

std::vector<Command> add_config(CLI::App& root) {
  CLI::App* group = root.add_subcommand("config", "Show, check and document recipes");
  group->require_subcommand(1);
  return {add_show(*group), add_check(*group), add_schema(*group), add_reference(*group), add_copy(*group)};
}

}  // namespace mlrun::apps
