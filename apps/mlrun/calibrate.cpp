#include <CLI/CLI.hpp>

#include "apps/mlrun/arguments.h"
#include "apps/mlrun/command.h"
#include "apps/mlrun/run_argument.h"
#include "base/shell_text.h"
#include "engine/apply/calibrate_session.h"
#include "recipes/registry.h"
#include "report/format.h"
#include "report/table.h"

namespace mlrun::apps {

namespace fs = std::filesystem;

namespace {

struct CalibrateArguments {
  explicit CalibrateArguments(CLI::App& app) : recipe(app, "RUN") {}
  RecipeArguments recipe;
  std::string weights, output, split = "val";
  bool force = false;
};

/// FILE of -o; else beside the checkpoints of the run that is named.
fs::path output_of(const CalibrateArguments& arguments) {
  if (!arguments.output.empty()) return arguments.output;
  fs::path run = arguments.recipe.subject();
  if (fs::exists(run / "manifest.json")) run = fs::canonical(run).parent_path().parent_path();
  if (fs::exists(run / "run.json")) return run / (std::string(engine::kCalibrated) + ".safetensors");
  throw UserError("no output is named", "add -o FILE");
}

std::string figures_text(const engine::CalibrateResult& result, const std::string& split) {
  report::Table table({{split, report::Align::Left}, {"before"}, {"after"}});
  for (const auto& figure : result.before.figures) {
    const auto* after = result.after.find(figure.name);
    table.add({figure.name, report::value_text(figure), after != nullptr ? report::value_text(*after) : ""});
  }
  return table.text();
}

Result run_calibrate(const CalibrateArguments& arguments, const OutputOptions& output) {
  arguments.recipe.expect_one("run", "calibrate one after the other");
  const RunArgument run =
      open_run_argument(arguments.recipe.subject(), arguments.recipe.overrides(), arguments.weights);
  if (run.brings_engine()) {
    throw file_error(run.weights.file.string(), "is " + run.engine + " already",
                     "calibrate the float weights it is of");
  }
  engine::CalibrateRequest request{run.resolved,         run.weights,     data::Split::Val,
                                   output_of(arguments), arguments.force, !output.quiet};
  for (const auto split : {data::Split::Train, data::Split::Val, data::Split::Test}) {
    if (arguments.split == data::split_name(split)) request.split = split;
  }
  const auto made = naming_moved_data("calibrate " + shell_word(arguments.recipe.subject()), [&] {
    return with_places(run.resolved, [&] { return engine::calibrate(recipes::tasks(), request); });
  });
  Result result;
  result.json = {{"file", request.out.string()},
                 {"temperature", made.temperature.value},
                 {"weights", made.weights},
                 {"split", arguments.split},
                 {"samples", {{"total", made.before.total}, {"evaluated", made.before.evaluated}}},
                 {"before", report::values_json(made.before.figures)},
                 {"after", report::values_json(made.after.figures)}};
  result.text = request.out.string() + ": weights " + made.weights + " with temperature " +
                report::significant(made.temperature.value, 4) + ", fitted to " +
                report::grouped(made.before.evaluated) + " samples of " + made.data + " " + arguments.split + "\n\n" +
                figures_text(made, arguments.split);
  return result;
}

}  // namespace

Command add_calibrate(CLI::App& root) {
  CLI::App* app =
      root.add_subcommand("calibrate", "Scale a classifier's scores so that its probabilities can be trusted");
  const auto arguments = std::make_shared<CalibrateArguments>(*app);
  app->add_option("--weights", arguments->weights,
                  "best, last, swa, ema, a checkpoint's name, a weight file or published weights (default: best)")
      ->type_name("WEIGHTS");
  app->add_option("--split", arguments->split, "whose samples the temperature is fitted to")
      ->type_name("SPLIT")
      ->check(CLI::IsMember({"train", "val", "test"}))
      ->capture_default_str();
  app->add_option("-o,--output", arguments->output,
                  "safetensors file to write (default: calibrated.safetensors in RUN)")
      ->type_name("FILE");
  app->add_flag("--force", arguments->force, "replace FILE where it exists");
  return {app, [arguments](const OutputOptions& output) { return run_calibrate(*arguments, output); }};
}

}  // namespace mlrun::apps
