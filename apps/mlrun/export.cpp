#include <CLI/CLI.hpp>

#include "apps/mlrun/command.h"
#include "apps/mlrun/model_words.h"
#include "engine/export_weights.h"
#include "report/format.h"

namespace mlrun::apps {
namespace {

struct ExportArguments {
  explicit ExportArguments(CLI::App& app) : words(app, "SOURCE") {}
  ModelWords words;
  std::string weights, output, format;
  std::uint64_t seed = 0;
  bool force = false;
};

Json exported(const ExportArguments& arguments) {
  if (arguments.output.empty()) throw UserError("no output is named", "add -o FILE");
  const engine::ExportTarget target{arguments.output, arguments.format, arguments.force};
  const std::string source = arguments.words.subject();
  if (arguments.words.model().empty()) {
    if (source.empty()) throw UserError("nothing is named", "name a run, a weight file, or --model NAME");
    return engine::export_file(source, arguments.weights, target);
  }
  if (!source.empty()) throw UserError("both " + source + " and --model are named", "name one of them");
  return engine::export_model(arguments.words.model(), arguments.words.overrides(), arguments.seed, target);
}

Result run_export(const ExportArguments& arguments) {
  Result result;
  result.json = exported(arguments);
  result.text = result.json.at("file").get<std::string>() + ": " +
                std::to_string(result.json.at("tensors").get<std::size_t>()) + " tensors, " +
                report::bytes(result.json.at("bytes").get<double>()) + "\n";
  for (const auto& note : result.json.at("notes")) result.text += note.get<std::string>() + "\n";
  return result;
}

}  // namespace

Command add_export(CLI::App& root) {
  CLI::App* app = root.add_subcommand("export", "Write the weights of a run, a file or an architecture");
  const auto arguments = std::make_shared<ExportArguments>(*app);
  app->add_option("-o,--output", arguments->output, "file to write")->type_name("FILE");
  app->add_option("--format", arguments->format, "safetensors or pth (default: as FILE ends)")->type_name("FORMAT");
  app->add_option("--weights", arguments->weights,
                  "of a run: best, last or a checkpoint's name (default: best); of a file: a dictionary in it, as "
                  "model_ema")
      ->type_name("WEIGHTS");
  app->add_option("--seed", arguments->seed, "of the initial weights of --model")->type_name("N");
  app->add_flag("--force", arguments->force, "replace FILE where it exists");
  return {app, [arguments](const OutputOptions&) { return run_export(*arguments); }};
}

}  // namespace mlrun::apps
