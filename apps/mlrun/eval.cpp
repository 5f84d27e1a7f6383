#include <CLI/CLI.hpp>

#include <sstream>

#include "apps/mlrun/arguments.h"
#include "apps/mlrun/command.h"
#include "apps/mlrun/ensemble.h"
#include "apps/mlrun/run_argument.h"
#include "apps/mlrun/verdicts.h"
#include "base/files.h"
#include "deploy/engine_scope.h"
#include "deploy/onnx/weights.h"
#include "engine/apply_session.h"
#include "recipes/registry.h"
#include "report/confusion.h"
#include "report/format.h"
#include "report/reliability.h"
#include "report/table.h"

namespace mlrun::apps {
namespace {

struct EvalArguments {
  explicit EvalArguments(CLI::App& app) : recipe(app, "RUN") {}
  RecipeArguments recipe;
  EnsembleArguments ensemble;
  std::string weights, split, confusion_csv, per_class_csv, dump_outputs, reliability;
  std::string engine = "eager";
};

/// What was evaluated, for every kind of evaluation.
struct Evaluated {
  std::string data, weights;
  engine::Evaluation evaluation;
  std::vector<engine::Verdict> verdicts;
  std::string engine = "eager";
  std::optional<deploy::OnnxOutputs> outputs{};  ///< of an ONNX file
};

std::optional<data::Split> parse_split(const std::string& text) {
  if (text.empty()) return std::nullopt;
  for (const auto split : {data::Split::Train, data::Split::Val, data::Split::Test}) {
    if (text == data::split_name(split)) return split;
  }
  throw UserError("--split: unknown split '" + text + "'", "choose train, val or test");
}

report::Table per_class_table(const Json& rows) {
  report::Table table({{"class", report::Align::Left}, {"samples"}, {"correct"}, {"acc1"}});
  for (const auto& row : rows) {
    const Json& acc1 = row.at("acc1");
    table.add({row.at("class").get<std::string>(), std::to_string(row.at("total").get<std::int64_t>()),
               std::to_string(row.at("correct").get<std::int64_t>()),
               acc1.is_number() ? report::fixed(acc1.get<double>(), 2) : "-"});
  }
  return table;
}

/// The confusion matrix, where the metrics of the task have one.
std::optional<report::Confusion> confusion_of(const engine::Evaluation& evaluation) {
  const auto found = evaluation.details.find("confusion");
  if (found == evaluation.details.end()) return std::nullopt;
  return report::read_confusion(*found);
}

std::string figures_text(const engine::Evaluation& evaluation) {
  std::ostringstream text;
  for (const auto& figure : evaluation.figures) {
    text << "  " << figure.name << "  " << report::value_text(figure);
    const auto accuracy = evaluation.details.find("accuracy");
    if (figure.name == "acc1" && accuracy != evaluation.details.end() && accuracy->contains("acc1_interval95")) {
      const Json& interval = accuracy->at("acc1_interval95");
      text << "  (95 % interval " << report::fixed(interval.at(0).get<double>(), 2) << " to "
           << report::fixed(interval.at(1).get<double>(), 2) << ")";
    }
    text << "\n";
  }
  return text.str();
}

std::string result_text(const Evaluated& evaluated) {
  const engine::Evaluation& evaluation = evaluated.evaluation;
  std::ostringstream text;
  text << evaluated.data << " " << data::split_name(evaluation.split) << ", weights " << evaluated.weights << ": "
       << report::grouped(evaluation.evaluated) << " of " << report::grouped(evaluation.total) << " samples in "
       << report::duration(evaluation.seconds)
       << (evaluation.skipped.empty() ? ""
                                      : ", " + report::grouped(evaluation.total - evaluation.evaluated) + " skipped")
       << "\n";
  if (evaluated.outputs && !evaluated.outputs->text().empty())
    text << "  outputs: " << evaluated.outputs->text() << "\n";
  text << figures_text(evaluation);
  if (evaluation.details.contains("per_class")) text << "\n" << per_class_table(evaluation.details["per_class"]).text();
  if (const auto confusion = confusion_of(evaluation); confusion && confusion->classes.size() <= 30) {
    text << "\n" << report::confusion_text(*confusion);
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
               {"per_class", evaluation.details.value("per_class", Json::array())},
               {"expect", verdicts}};
  if (evaluated.outputs) json["outputs"] = evaluated.outputs->json();
  for (const char* name : {"accuracy", "confusion"}) {
    if (evaluation.details.contains(name)) json[name] = evaluation.details[name];
  }
  return json;
}

/// The reliability diagram of the bins that the expected calibration error was made of.
void write_reliability(const std::string& file, const Evaluated& evaluated) {
  if (file.empty()) return;
  const auto bins = evaluated.evaluation.details.find("calibration");
  if (bins == evaluated.evaluation.details.end()) {
    throw UserError("--reliability: this task predicts no probabilities", "leave it out");
  }
  const std::string title =
      evaluated.data + " " + data::split_name(evaluated.evaluation.split) + ", weights " + evaluated.weights;
  write_file(file, report::reliability_svg(title, report::read_reliability(*bins)));
}

void write_tables(const EvalArguments& arguments, const Evaluated& evaluated) {
  const engine::Evaluation& evaluation = evaluated.evaluation;
  write_reliability(arguments.reliability, evaluated);
  const auto confusion = confusion_of(evaluation);
  if (!arguments.confusion_csv.empty() && confusion) {
    write_file(arguments.confusion_csv, report::confusion_csv(*confusion));
  }
  if (!arguments.per_class_csv.empty() && evaluation.details.contains("per_class")) {
    write_file(arguments.per_class_csv, per_class_table(evaluation.details["per_class"]).csv());
  }
}

/// What is left to do with any evaluation: tables, the result, the exit code.
Result result_of(const EvalArguments& arguments, const Evaluated& evaluated) {
  write_tables(arguments, evaluated);
  Result result;
  result.json = result_json(evaluated);
  result.text = result_text(evaluated);
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
  const auto members = members_of(arguments.recipe, arguments.ensemble, arguments.weights);
  const auto together = engine::evaluate_ensemble(recipes::tasks(), members, request);
  const std::string name = "of an ensemble of " + std::to_string(together.members.size());
  Result result = result_of(arguments, {together.data, name, together.evaluation, together.verdicts, "eager"});
  result.text = members_text(together) + "\n" + result.text;
  result.json["weights"] = "ensemble";
  result.json["members"] = members_json(together);
  return result;
}

Result run_eval(const EvalArguments& arguments, const OutputOptions& output) {
  const engine::EvalRequest request{parse_split(arguments.split), !output.quiet, arguments.dump_outputs,
                                    /*warn_of_spoilt=*/false};
  if (arguments.ensemble.wanted(arguments.weights)) return run_ensemble(arguments, request);
  arguments.recipe.expect_one("run", "evaluate one after the other, or all together with --ensemble");
  const RunArgument run =
      open_run_argument(arguments.recipe.subject(), arguments.recipe.overrides(), arguments.weights);
  engine::Loaded loaded =
      with_places(run.resolved, [&] { return engine::load(recipes::tasks(), run.resolved, run.weights); });
  const deploy::EngineScope engine(loaded.task->models(), run.brings_engine() ? "eager" : arguments.engine);
  const auto evaluated = engine::evaluate_loaded(loaded, run.resolved, request);
  return result_of(arguments,
                   {loaded.task->data().name, loaded.weights, evaluated.evaluation, evaluated.verdicts,
                    run.brings_engine() ? run.engine : engine.engine(), deploy::onnx_outputs(loaded.task->models())});
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
  app->add_option("--reliability", arguments->reliability, "write a reliability diagram here, as SVG")
      ->type_name("FILE");
  app->add_option("--dump-outputs", arguments->dump_outputs,
                  "write outputs, targets and index of every sample here, as safetensors")
      ->type_name("FILE");
  return {app, [arguments](const OutputOptions& output) { return run_eval(*arguments, output); }};
}

}  // namespace mlrun::apps
