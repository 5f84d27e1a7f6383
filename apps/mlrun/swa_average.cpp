#include <CLI/CLI.hpp>

#include <sstream>

#include "apps/mlrun/arguments.h"
#include "apps/mlrun/command.h"
#include "apps/mlrun/selection.h"
#include "engine/average/session.h"
#include "engine/run/run_directory.h"
#include "recipes/registry.h"
#include "report/format.h"
#include "report/table.h"

namespace mlrun::apps {

namespace fs = std::filesystem;

namespace {

struct AverageArguments {
  std::vector<std::string> inputs, sets;
  std::string recipe, output, kind = "equal", use = "raw";
  std::vector<double> shares;
  SelectionArguments checkpoints;
  std::int64_t bn_samples = 0;
  double decay = 0.9;
  bool no_update_bn = false, evaluate = false;
};

/// The run that a path is, or is in; empty for a file of no run.
fs::path run_of(const fs::path& path) {
  if (fs::exists(path / "run.json")) return path;
  if (!fs::exists(path / "manifest.json")) return {};
  const fs::path run = fs::canonical(path).parent_path().parent_path();
  return fs::exists(run / "run.json") ? run : fs::path();
}

std::vector<engine::AverageInput> inputs_from(const AverageArguments& arguments) {
  const bool averaged = arguments.use == "averaged";
  const auto selection = arguments.checkpoints.selection();
  if (arguments.inputs.empty()) throw UserError("nothing is named", "name a run, checkpoints or weight files");
  const fs::path first = arguments.inputs.front();
  if (arguments.inputs.size() == 1 && fs::exists(first / "run.json")) {
    return engine::select_checkpoints(first, selection, averaged);
  }
  if (engine::chooses(selection)) {
    throw UserError("--last, --best, --from-epoch and --minima choose among the checkpoints of one run", "name a run");
  }
  return engine::inputs_of({arguments.inputs.begin(), arguments.inputs.end()}, averaged);
}

std::optional<config::Resolved> recipe_of(const AverageArguments& arguments) {
  std::vector<config::Override> overrides;
  for (const auto& text : arguments.sets) overrides.push_back(config::parse_override(text));
  fs::path file;
  if (!arguments.recipe.empty()) {
    file = config::find_recipe(arguments.recipe, recipe_folders());
  } else {
    const fs::path run = run_of(arguments.inputs.front());
    if (run.empty()) return std::nullopt;
    file = run / "recipe.yaml";
  }
  return config::resolve({file, overrides, recipe_folders(), /*recorded=*/arguments.recipe.empty()},
                         recipes::catalogue());
}

std::string scores_text(const engine::AverageOutcome& outcome) {
  if (outcome.scores.empty()) return "";
  std::vector<report::Column> columns = {{outcome.split, report::Align::Left}};
  for (const auto& figure : outcome.scores.front().figures) columns.push_back({figure.name});
  report::Table table(columns);
  for (const auto& scored : outcome.scores) {
    std::vector<std::string> cells = {scored.name};
    for (const auto& figure : scored.figures) cells.push_back(report::fixed(figure.value, 4));
    table.add(cells);
  }
  return "\n" + table.text();
}

Json to_json(const engine::AverageOutcome& outcome, const AverageArguments& arguments) {
  Json scores = Json::array();
  for (const auto& scored : outcome.scores) {
    scores.push_back({{"weights", scored.name}, {"metrics", report::values_json(scored.figures)}});
  }
  return {{"file", arguments.output},
          {"averaged_from", parse_json(outcome.metadata.at("averaged_from"))},
          {"averaging", outcome.metadata.at("averaging")},
          {"batch_norm_updated", outcome.norms_renewed},
          {"split", outcome.split},
          {"scores", scores}};
}

Result run_swa_average(const AverageArguments& arguments) {
  if (arguments.output.empty()) throw UserError("no output is named", "add -o FILE");
  engine::AverageRequest request;
  request.inputs = inputs_from(arguments);
  engine::set_shares(request.inputs, arguments.shares);
  if (arguments.kind == "ema") request.ema_decay = arguments.decay;
  else if (arguments.kind != "equal")
    throw UserError("--kind: unknown choice '" + arguments.kind + "'", "choose equal or ema");
  if (request.ema_decay && !arguments.shares.empty()) {
    throw UserError("--weights does not go with --kind ema", "leave out one of them");
  }
  if (request.ema_decay && !(*request.ema_decay >= 0 && *request.ema_decay < 1)) {
    throw UserError("--decay: must be at least 0 and below 1");
  }
  request.update_bn = !arguments.no_update_bn;
  if (arguments.bn_samples > 0) request.bn_samples = arguments.bn_samples;
  request.evaluate = arguments.evaluate;
  request.out = arguments.output;
  request.resolved = recipe_of(arguments);
  const auto outcome = engine::average_to_file(recipes::tasks(), request);
  Result result;
  result.json = to_json(outcome, arguments);
  std::ostringstream text;
  text << arguments.output << ": the average of " << request.inputs.size() << " sets of weights"
       << (outcome.norms_renewed ? ", batch norm updated" : "") << "\n"
       << scores_text(outcome);
  result.text = text.str();
  return result;
}

}  // namespace

Command add_swa_average(CLI::App& root) {
  CLI::App* app = root.add_subcommand("swa-average", "Average the weights of checkpoints or files");
  const auto a = std::make_shared<AverageArguments>();
  app->add_option("INPUT", a->inputs,
                  "a run (all its checkpoints), or several inputs: runs (the best of each), checkpoints, weight files");
  app->add_option("-c,--config", a->recipe, "recipe with the data (default: the run's)")->type_name("RECIPE");
  app->add_option("--set", a->sets, "key=value of the recipe")->type_name("KEY=VALUE")->expected(1)->take_all();
  a->checkpoints.declare(*app);
  app->add_option("--use", a->use, "raw weights, or the averages that training kept beside them")
      ->type_name("raw|averaged")
      ->check(CLI::IsMember({"raw", "averaged"}));
  app->add_option("--weights", a->shares, "share of each input, summing to 1: w1,w2,...")->delimiter(',');
  app->add_option("--kind", a->kind, "equal, or ema in the order of the inputs")->type_name("equal|ema");
  app->add_option("--decay", a->decay, "of --kind ema")->capture_default_str();
  app->add_flag("--no-update-bn", a->no_update_bn, "leave batch norm's statistics as the inputs' average");
  app->add_option("--bn-samples", a->bn_samples, "make batch norm's statistics from N seeded training samples")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  app->add_flag("--eval", a->evaluate, "score each input, and the average before and after the batch norm update");
  app->add_option("-o,--output", a->output, "safetensors file to write; it must not exist")->type_name("FILE");
  return {app, [a](const OutputOptions&) { return run_swa_average(*a); }};
}

}  // namespace mlrun::apps
