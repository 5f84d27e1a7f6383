#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>

#include "apps/mlrun/arguments.h"
#include "apps/mlrun/command.h"
#include "apps/mlrun/run_argument.h"
#include "base/log.h"
#include "base/printable.h"
#include "data/sources/listing.h"
#include "deploy/engine_scope.h"
#include "deploy/onnx/weights.h"
#include "engine/apply_session.h"
#include "engine/train/progress.h"
#include "recipes/registry.h"
#include "report/format.h"
#include "report/table.h"

namespace mlrun::apps {

namespace fs = std::filesystem;

namespace {

struct PredictArguments {
  explicit PredictArguments(CLI::App& app) : recipe(app, "RUN") {}
  RecipeArguments recipe;
  std::string weights;
  std::string engine = deploy::default_inference_engine();
  std::int64_t topk = 5;
  bool csv = false;
};

/// Files as named, and the images of named folders in code point order. What else lies in the folders is told once.
std::vector<fs::path> list_files(const std::vector<std::string>& operands, data::LeftOut& left_out) {
  std::vector<fs::path> files;
  std::string folders;
  for (const auto& operand : operands) {
    if (!fs::is_directory(operand)) {
      files.emplace_back(operand);
      continue;
    }
    folders += (folders.empty() ? "" : ", ") + operand;
    for (const auto& file : data::list_images(operand, "", /*dangling=*/true, {}, &left_out))
      files.push_back(fs::path(operand) / file.path);
  }
  if (files.empty()) {
    throw UserError("there is nothing to predict" + (left_out.empty() ? "" : ", only " + left_out.list()),
                    "name images, or folders that hold some");
  }
  data::tell_left_out(left_out, folders);
  return files;
}

std::string text_of(const engine::Predictions& predictions) {
  std::string text;
  for (const auto& prediction : predictions.done) {
    text += printable_line(prediction.file) + "\n";
    report::Table table({{"class", report::Align::Left}, {"probability"}});
    for (const auto& answer : prediction.answers) {
      table.add({answer.at("class").get<std::string>(), report::percent(answer.at("probability").get<double>(), 2)});
    }
    text += table.text() + "\n";
  }
  return text;
}

std::string csv_of(const engine::Predictions& predictions) {
  std::string text = report::csv_row({"file", "rank", "class", "probability"});
  for (const auto& prediction : predictions.done) {
    int rank = 0;
    for (const auto& answer : prediction.answers) {
      text += report::csv_row({prediction.file, std::to_string(++rank), answer.at("class").get<std::string>(),
                               report::shortest(answer.at("probability").get<double>())});
    }
  }
  return text;
}

Json json_of(const engine::Predictions& predictions) {
  Json list = Json::array();
  for (const auto& prediction : predictions.done) {
    list.push_back({{"file", prediction.file}, {"predictions", prediction.answers}});
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
  if (arguments.topk < 1) throw UserError("--topk: must be at least 1");
  data::LeftOut left_out;
  const auto files = list_files(operands, left_out);
  const RunArgument run = open_run_argument(subject, arguments.recipe.overrides(), arguments.weights);
  engine::Loaded loaded = engine::load(recipes::tasks(), run.resolved, run.weights);
  const deploy::EngineScope engine(loaded.task->models(), run.brings_engine() ? "eager" : arguments.engine);
  const auto predictions =
      engine::predict_files(loaded, files, arguments.topk, progress_of(files.size(), !output.quiet));
  Result result;
  result.json = json_of(predictions);
  result.json["left_out"] = left_out.count();
  result.json["engine"] = run.brings_engine() ? run.engine : engine.engine();
  if (const auto outputs = deploy::onnx_outputs(loaded.task->models())) result.json["outputs"] = outputs->json();
  result.text = arguments.csv ? csv_of(predictions) : text_of(predictions);
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
  CLI::App* app =
      root.add_subcommand("predict", "Classify images with a trained run: predict RUN IMAGE|DIR... [--topk K]");
  const auto arguments = std::make_shared<PredictArguments>(*app);
  app->add_option("--weights", arguments->weights,
                  "best, last, a checkpoint's name or a safetensors file (default: best)")
      ->type_name("WEIGHTS");
  app->add_option("--engine", arguments->engine, "eager: layer by layer; graph: compiled, faster")
      ->type_name("ENGINE")
      ->check(CLI::IsMember(deploy::inference_engines()))
      ->capture_default_str();
  app->add_option("--topk", arguments->topk, "answers for each image")->type_name("K")->capture_default_str();
  app->add_flag("--csv", arguments->csv, "print CSV: file, rank, class, probability");
  return {app, [arguments](const OutputOptions& output) { return run_predict(*arguments, output); }};
}

}  // namespace mlrun::apps
