#include <CLI/CLI.hpp>

#include "apps/mlrun/command.h"
#include "apps/mlrun/model_words.h"
#include "apps/mlrun/run_argument.h"
#include "deploy/export_session.h"
#include "engine/export_weights.h"
#include "recipes/registry.h"
#include "report/format.h"

namespace mlrun::apps {
namespace {

struct ExportArguments {
  explicit ExportArguments(CLI::App& app) : words(app, "SOURCE") {}
  ModelWords words;
  std::string weights, output, format;
  std::uint64_t seed = 0;
  bool frozen = false;
  bool force = false;
};

/// As --format says, else as the file's name ends; empty where neither tells of a graph.
std::string graph_format(const ExportArguments& arguments) {
  const std::string ending = std::filesystem::path(arguments.output).extension().string();
  if (arguments.format == "torchscript" || (arguments.format.empty() && ending == ".torchscript")) return "torchscript";
  return "";
}

deploy::Subject subject(const ExportArguments& arguments) {
  if (!arguments.words.model().empty()) {
    return deploy::subject_of(arguments.words.model(), arguments.words.overrides(), arguments.seed,
                              deploy::kGoldenSamples);
  }
  const RunArgument run = open_run_argument(arguments.words.subject(), {}, arguments.weights);
  return deploy::subject_of(recipes::tasks(), run.resolved, run.weights, deploy::kGoldenSamples);
}

void check_named(const ExportArguments& arguments) {
  const std::string source = arguments.words.subject();
  if (arguments.output.empty()) throw UserError("no output is named", "add -o FILE");
  if (arguments.words.model().empty() && source.empty()) {
    throw UserError("nothing is named", "name a run, a weight file, or --model NAME");
  }
  if (!arguments.words.model().empty() && !source.empty()) {
    throw UserError("both " + source + " and --model are named", "name one of them");
  }
}

Result export_graph(const ExportArguments& arguments, const std::string& format) {
  const deploy::Subject chosen = subject(arguments);
  const deploy::Exported exported =
      deploy::export_subject(chosen, {arguments.output, format, arguments.frozen, arguments.force});
  Result result;
  Json parity = Json::array(), files = Json::array();
  for (const auto& entry : exported.parity) parity.push_back(deploy::to_json(entry));
  for (const auto& file : exported.files) files.push_back(file.string());
  result.json = {{"file", arguments.output}, {"format", format},
                 {"model", chosen.name},     {"weights", chosen.weights},
                 {"bytes", exported.bytes},  {"samples", chosen.samples_from},
                 {"files", files},           {"parity", parity}};
  if (exported.met) {
    result.text = arguments.output + ": " + chosen.name + ", weights " + chosen.weights + ", " +
                  report::bytes(static_cast<double>(exported.bytes)) + "\n";
    for (std::size_t i = 1; i < exported.files.size(); ++i) result.text += exported.files[i].string() + "\n";
  } else {
    result.code = ExitCode::Unmet;
    result.text = arguments.output + ": not written, as it does not compute what the model computes\n";
  }
  result.text += "checked on " + chosen.samples_from + "\n";
  for (const auto& entry : exported.parity) result.text += "  " + deploy::text(entry) + "\n";
  return result;
}

Json exported(const ExportArguments& arguments) {
  const engine::ExportTarget target{arguments.output, arguments.format, arguments.force};
  if (arguments.words.model().empty()) {
    return engine::export_file(arguments.words.subject(), arguments.weights, target);
  }
  return engine::export_model(arguments.words.model(), arguments.words.overrides(), arguments.seed, target);
}

Result run_export(const ExportArguments& arguments) {
  check_named(arguments);
  if (const std::string format = graph_format(arguments); !format.empty()) return export_graph(arguments, format);
  if (arguments.frozen) throw UserError("--frozen is for TorchScript", "add --format torchscript, or leave it out");
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
  CLI::App* app = root.add_subcommand("export", "Write a run, a weight file or an architecture for other programs");
  const auto arguments = std::make_shared<ExportArguments>(*app);
  app->add_option("-o,--output", arguments->output, "file to write")->type_name("FILE");
  app->add_option("--format", arguments->format, "safetensors, pth or torchscript (default: as FILE ends)")
      ->type_name("FORMAT");
  app->add_option("--weights", arguments->weights,
                  "of a run: best, last or a checkpoint's name (default: best); of a file: a dictionary in it, as "
                  "model_ema")
      ->type_name("WEIGHTS");
  app->add_option("--seed", arguments->seed, "of the initial weights of --model")->type_name("N");
  app->add_flag("--frozen", arguments->frozen, "TorchScript with the weights as constants: faster, not trainable");
  app->add_flag("--force", arguments->force, "replace FILE where it exists");
  return {app, [arguments](const OutputOptions&) { return run_export(*arguments); }};
}

}  // namespace mlrun::apps
