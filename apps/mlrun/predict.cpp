#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>

#include "apps/mlrun/arguments.h"
#include "apps/mlrun/command.h"
#include "apps/mlrun/run_argument.h"
#include "base/log.h"
#include "base/output_place.h"
#include "base/printable.h"
#include "data/sources/listing.h"
#include "deploy/engine_scope.h"
#include "deploy/onnx/weights.h"
#include "engine/apply/predict_session.h"
#include "engine/train/progress.h"
#include "recipes/registry.h"
#include "report/format.h"

namespace mlrun::apps {

namespace fs = std::filesystem;

namespace {

struct PredictArguments {
  explicit PredictArguments(CLI::App& app) : recipe(app, "RUN") {}
  RecipeArguments recipe;
  std::string weights;
  std::string engine = deploy::default_inference_engine();
  engine::AnswerOptions options;
  std::string out, format;
  bool csv = false, force = false;
};

/// Files as named, and in code point order those of named folders that the task reads. What else lies in the folders is
/// told once.
std::vector<engine::PredictFile> list_files(const std::vector<std::string>& operands, const engine::Task& task,
                                            data::LeftOut& left_out) {
  std::vector<engine::PredictFile> files;
  std::string folders;
  for (const auto& operand : operands) {
    if (!fs::is_directory(operand)) {
      files.push_back({operand, fs::path(operand).stem()});
      continue;
    }
    folders += (folders.empty() ? "" : ", ") + operand;
    const auto wanted = [&task](const std::string& name) { return task.reads(name); };
    for (const auto& file : data::list_files(operand, "", wanted, /*dangling=*/true, {}, &left_out)) {
      const fs::path inside = file.path;
      files.push_back({fs::path(operand) / inside, inside.parent_path() / inside.stem()});
    }
  }
  if (files.empty()) {
    throw UserError("there is nothing to predict" + (left_out.empty() ? "" : ", only " + left_out.list()),
                    "name files, or folders that hold some");
  }
  data::tell_left_out(left_out, folders);
  return files;
}

std::string text_of(const engine::PredictRequest& request, const engine::Predictions& predictions) {
  std::string text;
  if (!request.format.empty() && !output_place(request.out).through) {
    text += printable_line(request.out.string()) + ": " + report::grouped(predictions.written) +
            (predictions.written == 1 ? " file" : " files") + " as " + request.format + "\n";
  }
  for (const auto& prediction : predictions.done) {
    text += printable_line(prediction.file) + "\n" + prediction.answer.table.text() + "\n";
    for (const auto& file : prediction.written) text += printable_line(file.string()) + "\n";
  }
  return text;
}

std::string csv_of(const engine::Predictions& predictions) {
  std::string text;
  for (const auto& prediction : predictions.done) {
    const report::Table records = prediction.answer.records.after("file", prediction.file);
    text += text.empty() ? records.csv() : records.csv_rows();
  }
  return text;
}

Json json_of(const engine::Predictions& predictions) {
  Json list = Json::array();
  for (const auto& prediction : predictions.done) {
    Json entry = {{"file", prediction.file}, {"predictions", prediction.answer.json}};
    for (const auto& file : prediction.written) entry["written"].push_back(file.string());
    list.push_back(std::move(entry));
  }
  Json failed = Json::array();
  for (const auto& problem : predictions.failed) failed.push_back(problem.file);
  return {{"files", list}, {"failed", failed}};
}

/// Tells how far a folder has got, on a terminal as one line that rewrites itself.
std::function<void(std::int64_t)> progress_of(std::size_t total, bool wanted) {
  const bool live = wanted && total > 1 && engine::stderr_is_terminal();
  const auto step = std::max<std::int64_t>(1, static_cast<std::int64_t>(total) / 10);
  return [=](std::int64_t done) {
    const std::string text =
        "predicted " + report::grouped(done) + "/" + report::grouped(static_cast<std::int64_t>(total));
    const bool end = done == static_cast<std::int64_t>(total);
    if (live) std::fprintf(stderr, end ? "\r\033[K" : "\r\033[K%s", text.c_str());
    else if (wanted && total > 20 && (done % step == 0 || end)) log::info(text);
  };
}

Result run_predict(const PredictArguments& arguments, const OutputOptions& output) {
  auto operands = arguments.recipe.operands();
  const std::string subject = arguments.recipe.subject();
  if (!operands.empty() && operands.front() == subject) operands.erase(operands.begin());
  if (operands.empty()) {
    throw UserError("there is nothing to predict", "name files, or folders that hold some");
  }
  if (arguments.csv && !arguments.format.empty()) {
    throw UserError("--csv: prints, and --format writes files",
                    "take one of them; --format csv -o FILE writes the same");
  }
  const RunArgument run = open_run_argument(subject, arguments.recipe.overrides(), arguments.weights);
  engine::Loaded loaded = engine::load(recipes::tasks(), run.resolved, run.weights);
  const deploy::EngineScope engine(loaded.task->models(), run.brings_engine() ? "eager" : arguments.engine);
  data::LeftOut left_out;
  engine::PredictRequest request;
  request.files = list_files(operands, *loaded.task, left_out);
  request.options = arguments.options;
  request.out = arguments.out;
  request.force = arguments.force;
  request.format = arguments.format;
  request.progress = progress_of(request.files.size(), !output.quiet);
  const auto predictions = engine::predict_files(loaded, request);
  Result result;
  result.json = json_of(predictions);
  if (!request.format.empty()) {
    result.json["written"] = {{"format", request.format}, {"to", request.out.string()}, {"files", predictions.written}};
  }
  result.json["left_out"] = left_out.count();
  result.json["engine"] = run.brings_engine() ? run.engine : engine.engine();
  if (const auto outputs = deploy::onnx_outputs(loaded.task->models())) result.json["outputs"] = outputs->json();
  result.text = arguments.csv ? csv_of(predictions) : text_of(request, predictions);
  result.data = arguments.csv;
  if (run.resolved.recipe.data.on_error == "skip") {
    for (const auto& problem : predictions.failed) log::warning(problem.text() + "; left out");
  } else {
    result.problems = predictions.failed;
    if (!predictions.failed.empty()) result.code = ExitCode::User;
  }
  return result;
}

}  // namespace

Command add_predict(CLI::App& root) {
  CLI::App* app = root.add_subcommand("predict", "Apply a trained run to files: predict RUN FILE|DIR...");
  const auto arguments = std::make_shared<PredictArguments>(*app);
  app->add_option("--weights", arguments->weights,
                  "best, last, a checkpoint's name or a safetensors file (default: best)")
      ->type_name("WEIGHTS");
  app->add_option("--engine", arguments->engine, "eager: layer by layer; graph: compiled, faster")
      ->type_name("ENGINE")
      ->check(CLI::IsMember(deploy::inference_engines()))
      ->capture_default_str();
  app->add_option("--topk", arguments->options.topk, "how many of ranked answers, as classes (default: 5)")
      ->type_name("K");
  app->add_flag("--csv", arguments->csv, "print CSV: the file and what is said of it (file, rank, class, probability)");
  app->add_option(
         "--format", arguments->format,
         "write in this form in place of printing: csv, of boxes coco, yolo (labels of what is surely seen) or "
         "yolo_scores")
      ->type_name("FORMAT");
  app->add_option("-o,--output", arguments->out,
                  "folder for answers that are files, as masks; of a --format that is one file, that file")
      ->type_name("DIR|FILE");
  app->add_flag("--force", arguments->force, "replace what lies there");
  return {app, [arguments](const OutputOptions& output) { return run_predict(*arguments, output); }};
}

}  // namespace mlrun::apps
