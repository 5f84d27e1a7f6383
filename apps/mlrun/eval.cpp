#include <CLI/CLI.hpp>

#include <algorithm>
#include <sstream>

#include "apps/mlrun/arguments.h"
#include "apps/mlrun/command.h"
#include "apps/mlrun/ensemble.h"
#include "apps/mlrun/run_argument.h"
#include "apps/mlrun/verdicts.h"
#include "base/files.h"
#include "base/shell_text.h"
#include "config/words.h"
#include "deploy/engine_scope.h"
#include "deploy/onnx/weights.h"
#include "engine/apply/apply_session.h"
#include "engine/apply/results_session.h"
#include "engine/exhibition.h"
#include "engine/report/page.h"
#include "recipes/registry.h"
#include "report/exhibit.h"
#include "report/format.h"

namespace mlrun::apps {
namespace {

struct EvalArguments {
  explicit EvalArguments(CLI::App& app) : recipe(app, "RUN") {}
  RecipeArguments recipe;
  EnsembleArguments ensemble;
  std::string weights, split, confusion_csv, per_class_csv, predictions_csv, dump_outputs, reliability;
  std::string results, results_out, html;
  std::vector<std::string> csv;
  std::string engine = "eager";
  bool predictions = false;
};

/// What was evaluated, for every kind of evaluation.
struct Evaluated {
  std::string data, weights;
  engine::Evaluation evaluation;
  engine::SampleList samples;
  std::vector<engine::Verdict> verdicts;
  std::string engine = "eager";
  std::optional<deploy::OnnxOutputs> outputs{};  ///< of an ONNX file
  bool of_file = false;                          ///< of results, whose name stands for weights
};

std::optional<data::Split> parse_split(const std::string& text) {
  if (text.empty()) return std::nullopt;
  for (const auto split : {data::Split::Train, data::Split::Val, data::Split::Test}) {
    if (text == data::split_name(split)) return split;
  }
  throw UserError("--split: unknown split '" + text + "'", "choose train, val or test");
}

/// Where an exhibit of the evaluation is to be written.
struct Wanted {
  std::string option, name, file;
  bool picture = false;
};

std::string figures_text(const engine::Evaluation& evaluation) {
  std::ostringstream text;
  for (const auto& figure : evaluation.figures) {
    text << "  " << figure.name << "  " << report::value_text(figure);
    for (const auto& exhibit : evaluation.exhibits) {
      const auto* remark = std::get_if<report::Remark>(&exhibit.content);
      if (remark != nullptr && remark->figure == figure.name) text << "  (" << remark->text << ")";
    }
    text << "\n";
  }
  return text.str();
}

std::string result_text(const Evaluated& evaluated) {
  const engine::Evaluation& evaluation = evaluated.evaluation;
  std::ostringstream text;
  text << evaluated.data << " " << data::split_name(evaluation.split)
       << (evaluated.of_file ? ", results " : ", weights ") << evaluated.weights << ": "
       << report::grouped(evaluation.evaluated) << " of " << report::grouped(evaluation.total) << " samples in "
       << report::duration(evaluation.seconds)
       << (evaluation.skipped.empty() ? ""
                                      : ", " + report::grouped(evaluation.total - evaluation.evaluated) + " skipped")
       << "\n";
  if (evaluated.outputs && !evaluated.outputs->text().empty())
    text << "  outputs: " << evaluated.outputs->text() << "\n";
  text << figures_text(evaluation);
  for (const auto& exhibit : evaluation.exhibits) {
    if (const std::string shown = report::exhibit_text(exhibit); !shown.empty()) text << "\n" << shown;
  }
  text << verdict_text(evaluated.verdicts);
  return text.str();
}

Json result_json(const Evaluated& evaluated) {
  const engine::Evaluation& evaluation = evaluated.evaluation;
  Json skipped = Json::array();
  for (const auto& sample : evaluation.skipped) skipped.push_back(sample.id);
  Json verdicts = Json::array();
  for (const auto& verdict : evaluated.verdicts) verdicts.push_back(engine::to_json(verdict));
  Json json = {{"split", data::split_name(evaluation.split)},
               {"weights", evaluated.weights},
               {"engine", evaluated.engine},
               {"samples", {{"total", evaluation.total}, {"evaluated", evaluation.evaluated}, {"skipped", skipped}}},
               {"metrics", report::values_json(evaluation.figures)},
               {"per_class", Json::array()},  // scripts find it, whatever the task
               {"expect", verdicts}};
  if (evaluated.outputs) json["outputs"] = evaluated.outputs->json();
  json.update(evaluation.details);
  return json;
}

/// The files that the options ask for; `--csv NAME=FILE` names any table.
std::vector<Wanted> wanted_files(const EvalArguments& arguments) {
  std::vector<Wanted> files;
  for (const auto& text : arguments.csv) {
    const auto at = text.find('=');
    if (at == 0 || at == std::string::npos || at + 1 == text.size())
      throw UserError("--csv: '" + text + "' is not of the form NAME=FILE", "write --csv confusion=matrix.csv");
    files.push_back({"--csv", text.substr(0, at), text.substr(at + 1)});
  }
  files.push_back({"--confusion-csv", "confusion", arguments.confusion_csv});
  files.push_back({"--per-class-csv", "per_class", arguments.per_class_csv});
  files.push_back({"--reliability", "calibration", arguments.reliability, /*picture=*/true});
  files.erase(std::remove_if(files.begin(), files.end(), [](const Wanted& file) { return file.file.empty(); }),
              files.end());
  return files;
}

/// What `wanted` asks for, as the text of a file. UserError where the task has none of that name.
std::string content_of(const Wanted& wanted, const Evaluated& evaluated) {
  std::vector<std::string> names;
  for (report::Exhibit exhibit : evaluated.evaluation.exhibits) {
    exhibit.title =
        evaluated.data + " " + data::split_name(evaluated.evaluation.split) + ", weights " + evaluated.weights;
    const std::string text = wanted.picture ? report::exhibit_svg(exhibit) : report::exhibit_csv(exhibit);
    if (exhibit.name == wanted.name && !text.empty()) return text;
    if (!text.empty()) names.push_back(exhibit.name);
  }
  const bool choice = wanted.option == "--csv" && !names.empty();
  throw UserError(
      wanted.option + ": this task has no " + (wanted.picture ? "picture" : "table") + " '" + wanted.name + "'",
      choice ? "choose " + config::any_of(names) : "leave it out");
}

void write_tables(const EvalArguments& arguments, const Evaluated& evaluated) {
  std::vector<std::pair<std::string, std::string>> files;  // all are known before the first is written
  for (const Wanted& wanted : wanted_files(arguments)) files.emplace_back(wanted.file, content_of(wanted, evaluated));
  if (!arguments.predictions_csv.empty()) {
    files.emplace_back(arguments.predictions_csv, evaluated.samples.table().csv());
  }
  for (const auto& [file, content] : files) write_file(file, content);
}

/// What is left to do with any evaluation: tables, the result, the exit code.
Result result_of(const EvalArguments& arguments, const Evaluated& evaluated) {
  write_tables(arguments, evaluated);
  Result result;
  result.json = result_json(evaluated);
  result.text = result_text(evaluated);
  if (arguments.predictions) {
    result.json["predictions"] = evaluated.samples.json();
    result.text += "\n" + evaluated.samples.table().text();
  }
  if (engine::unmet(evaluated.verdicts)) result.code = ExitCode::Unmet;
  if (!evaluated.evaluation.spoilt.empty()) {
    result.code = ExitCode::User;
    result.problems.push_back({"", 0, 0, "", engine::spoilt_text(evaluated.evaluation),
                               "look at these samples and at data.preprocess, or take other weights"});
  }
  return result;
}

Result run_ensemble(const EvalArguments& arguments, const engine::EvalRequest& request) {
  if (arguments.engine != "eager") throw UserError("--engine: an ensemble runs eager", "leave it out");
  if (!arguments.results_out.empty() || !arguments.html.empty()) {
    throw UserError("--ensemble: writes neither --results-out nor --html", "leave them out");
  }
  const auto members = members_of(arguments.recipe, arguments.ensemble, arguments.weights);
  const auto together = engine::evaluate_ensemble(recipes::tasks(), members, request);
  const std::string name = "of an ensemble of " + std::to_string(together.members.size());
  Result result =
      result_of(arguments, {together.data, name, together.evaluation, together.samples, together.verdicts, "eager"});
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
      !arguments.dump_outputs.empty() || !arguments.results_out.empty() || arguments.predictions ||
      !arguments.predictions_csv.empty()) {
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
  return result_of(arguments, evaluated);
}

Result evaluate(const EvalArguments& arguments, const OutputOptions& output) {
  wanted_files(arguments);  // before anything is evaluated
  if (!arguments.results.empty()) return run_results(arguments);
  engine::EvalRequest request{parse_split(arguments.split), !output.quiet, arguments.dump_outputs,
                              /*warn_of_spoilt=*/false, arguments.predictions || !arguments.predictions_csv.empty()};
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
  return result_of(arguments, evaluated);
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
  app->add_option("--confusion-csv", arguments->confusion_csv, "write the confusion matrix here")->type_name("FILE");
  app->add_option("--per-class-csv", arguments->per_class_csv, "write the accuracy of each class here")
      ->type_name("FILE");
  app->add_option("--csv", arguments->csv, "write a table of the evaluation, as confusion or per_class, to a file")
      ->type_name("NAME=FILE");
  app->add_option("--predictions-csv", arguments->predictions_csv,
                  "write every sample with what is true and what is predicted here: the mistakes by name")
      ->type_name("FILE");
  app->add_flag("--predictions", arguments->predictions, "list the same in the result, of --json too");
  app->add_option("--reliability", arguments->reliability, "write a reliability diagram here, as SVG")
      ->type_name("FILE");
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
