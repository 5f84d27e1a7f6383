#include <CLI/CLI.hpp>

#include "apps/mlrun/arguments.h"
#include "apps/mlrun/command.h"
#include "apps/mlrun/ensemble.h"
#include "apps/mlrun/evaluated.h"
#include "apps/mlrun/run_argument.h"
#include "base/files.h"
#include "base/shell_text.h"
#include "deploy/engine_scope.h"
#include "deploy/onnx/weights.h"
#include "engine/apply/apply_session.h"
#include "engine/apply/results_session.h"
#include "engine/exhibition.h"
#include "engine/report/page.h"
#include "recipes/registry.h"

namespace mlrun::apps {
namespace {

struct EvalArguments {
  explicit EvalArguments(CLI::App& app) : recipe(app, "RUN") {}
  RecipeArguments recipe;
  EnsembleArguments ensemble;
  EvaluationOutputs outputs;
  std::string weights, split, dump_outputs, results, results_out, html;
  std::string engine = "eager";
};

std::optional<data::Split> parse_split(const std::string& text) {
  if (text.empty()) return std::nullopt;
  for (const auto split : {data::Split::Train, data::Split::Val, data::Split::Test}) {
    if (text == data::split_name(split)) return split;
  }
  throw UserError("--split: unknown split '" + text + "'", "choose train, val or test");
}

Result run_ensemble(const EvalArguments& arguments, const engine::EvalRequest& request) {
  if (arguments.engine != "eager") throw UserError("--engine: an ensemble runs eager", "leave it out");
  if (!arguments.results_out.empty() || !arguments.html.empty()) {
    throw UserError("--ensemble: writes neither --results-out nor --html", "leave them out");
  }
  const auto members = members_of(arguments.recipe, arguments.ensemble, arguments.weights);
  const auto together = engine::evaluate_ensemble(recipes::tasks(), members, request);
  const std::string name = "of an ensemble of " + std::to_string(together.members.size());
  Result result = result_of(arguments.outputs,
                            {together.data, name, together.evaluation, together.samples, together.verdicts, "eager"});
  result.text = members_text(together) + "\n" + result.text;
  result.json["weights"] = "ensemble";
  result.json["members"] = members_json(together);
  return result;
}

void write_page(const EvalArguments& arguments, engine::Task& task, const Evaluated& evaluated,
                engine::Exhibition* exhibition) {
  if (arguments.html.empty()) return;
  write_file(arguments.html, engine::evaluation_page(engine::evidence_of(task, evaluated.evaluation, evaluated.weights,
                                                                         evaluated.of_file, exhibition)));
}

/// The recipe of a run, or a recipe, without weights.
config::Resolved recipe_alone(const RecipeArguments& arguments) {
  arguments.expect_one("recipe", "name one, or a run");
  const std::filesystem::path subject = arguments.subject();
  if (subject.empty()) throw UserError("no run or recipe is named", "--results takes its data");
  const bool run = std::filesystem::exists(subject / "run.json");
  return config::resolve({run ? subject / "recipe.yaml" : arguments.recipe(), arguments.overrides(), recipe_folders(),
                          /*recorded=*/run},
                         recipes::catalogue());
}

/// What somebody's model found, from a file, in place of a model.
Result run_results(const EvalArguments& arguments) {
  if (!arguments.weights.empty() || arguments.ensemble.wanted(arguments.weights) || arguments.engine != "eager" ||
      !arguments.dump_outputs.empty() || !arguments.results_out.empty() || arguments.outputs.lists_samples()) {
    throw UserError("--results: takes what was found from a file, and runs no weights",
                    "leave out --weights, --engine, --ensemble, --dump-outputs, --results-out and --predictions");
  }
  const config::Resolved resolved = recipe_alone(arguments.recipe);
  const auto task = with_places(resolved, [&] {
    return recipes::tasks().make(resolved.recipe.task.kind, engine::TaskRequest{resolved.recipe, {}});
  });
  const auto exhibition = arguments.html.empty() ? nullptr : task->exhibition();
  const auto found = with_places(resolved, [&] {
    return engine::evaluate_results(*task, resolved,
                                    {arguments.results, parse_split(arguments.split), exhibition.get()});
  });
  Evaluated evaluated{task->data().name, std::filesystem::path(arguments.results).filename().string(), found.evaluation,
                      found.samples, found.verdicts};
  evaluated.engine = "results";
  evaluated.of_file = true;
  write_page(arguments, *task, evaluated, exhibition.get());
  return result_of(arguments.outputs, evaluated);
}

Result evaluate(const EvalArguments& arguments, const OutputOptions& output) {
  arguments.outputs.check();  // before anything is evaluated
  if (!arguments.results.empty()) return run_results(arguments);
  engine::EvalRequest request{parse_split(arguments.split), !output.quiet, arguments.dump_outputs,
                              /*warn_of_spoilt=*/false, arguments.outputs.lists_samples()};
  if (arguments.ensemble.wanted(arguments.weights)) return run_ensemble(arguments, request);
  arguments.recipe.expect_one("run", "evaluate one after the other, or all together with --ensemble");
  const RunArgument run =
      open_run_argument(arguments.recipe.subject(), arguments.recipe.overrides(), arguments.weights);
  engine::Loaded loaded =
      with_places(run.resolved, [&] { return engine::load(recipes::tasks(), run.resolved, run.weights); });
  const deploy::EngineScope engine(loaded.task->models(), run.brings_engine() ? "eager" : arguments.engine);
  const auto exhibition = arguments.html.empty() ? nullptr : loaded.task->exhibition();
  request.results_out = arguments.results_out;
  request.exhibition = exhibition.get();
  const auto found = with_places(run.resolved, [&] { return engine::evaluate_loaded(loaded, run.resolved, request); });
  const Evaluated evaluated{loaded.task->data().name,
                            loaded.weights,
                            found.evaluation,
                            found.samples,
                            found.verdicts,
                            run.brings_engine() ? run.engine : engine.engine(),
                            deploy::onnx_outputs(loaded.task->models())};
  write_page(arguments, *loaded.task, evaluated, exhibition.get());
  return result_of(arguments.outputs, evaluated);
}

Result run_eval(const EvalArguments& arguments, const OutputOptions& output) {
  return naming_moved_data("eval " + shell_word(arguments.recipe.subject()),
                           [&] { return evaluate(arguments, output); });
}

}  // namespace

Command add_eval(CLI::App& root) {
  CLI::App* app = root.add_subcommand("eval", "Evaluate a run's weights, or several together, on a split");
  const auto arguments = std::make_shared<EvalArguments>(*app);
  app->add_option("--weights", arguments->weights,
                  "best, last, a checkpoint's name, a weight file or published weights (default: best)")
      ->type_name("WEIGHTS");
  arguments->ensemble.declare(*app);
  app->add_option("--split", arguments->split, "train, val or test (default: test, else val)")->type_name("SPLIT");
  app->add_option("--engine", arguments->engine, "eager: layer by layer; graph: compiled, faster")
      ->type_name("ENGINE")
      ->check(CLI::IsMember(deploy::inference_engines()))
      ->capture_default_str();
  arguments->outputs.declare(*app);
  app->add_option("--dump-outputs", arguments->dump_outputs,
                  "write outputs, targets and index of every sample here, as safetensors")
      ->type_name("FILE");
  app->add_option("--results", arguments->results,
                  "evaluate what stands in a file of results, as COCO's JSON, whoever wrote it; RUN is a run or a "
                  "recipe, whose data are taken")
      ->type_name("FILE");
  app->add_option("--results-out", arguments->results_out, "write what was found in the same form")->type_name("FILE");
  app->add_option("--html", arguments->html, "write one page that stands alone: figures and what is behind them")
      ->type_name("FILE");
  return {app, [arguments](const OutputOptions& output) { return run_eval(*arguments, output); }};
}

}  // namespace mlrun::apps
