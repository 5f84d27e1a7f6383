#include <CLI/CLI.hpp>

#include <algorithm>
#include <cmath>

#include "apps/mlrun/arguments.h"
#include "apps/mlrun/command.h"
#include "apps/mlrun/run_argument.h"
#include "apps/mlrun/train_result.h"
#include "base/shell_text.h"
#include "quant/quantize_session.h"
#include "recipes/registry.h"
#include "report/format.h"
#include "report/table.h"

namespace mlrun::apps {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kWorstShown = 5;
constexpr double kShare = 0.1;  // of a training's length and rate that qat takes

struct QuantizeArguments {
  explicit QuantizeArguments(CLI::App& app) : recipe(app, "RUN") {}
  RecipeArguments recipe;
  std::string weights, output;
  std::vector<std::string> methods;
  std::optional<double> max_drop;
  bool force = false;
};

/// A run or weight file by itself, or with the recipe that -c names.
RunArgument source_of(const QuantizeArguments& arguments, const std::vector<config::Override>& overrides) {
  const auto operands = arguments.recipe.operands();
  const std::string recipe = arguments.recipe.chosen_recipe();
  if (recipe.empty() || operands.empty()) {
    arguments.recipe.expect_one("run", "quantize one after the other");
    return open_run_argument(arguments.recipe.subject(), overrides, arguments.weights);
  }
  if (operands.size() > 1) throw UserError("more than one run is named", "quantize one after the other");
  std::string file = operands.front();
  if (fs::is_directory(file)) file = open_run_argument(file, {}, arguments.weights).weights.file.string();
  return open_run_argument(recipe, overrides, file);
}

/// As --method says, else as the recipe does, else ptq.
std::vector<std::string> methods_of(const QuantizeArguments& arguments, const config::Recipe& recipe) {
  std::vector<std::string> methods = arguments.methods;
  if (methods.empty()) methods = {recipe.quantize.method == "none" ? "ptq" : recipe.quantize.method};
  std::vector<std::string> once;
  for (const auto& method : methods) {
    if (method != "ptq" && method != "dynamic" && method != "qat") {
      throw UserError("--method: unknown method '" + method + "'", "choose ptq, dynamic or qat");
    }
    if (std::find(once.begin(), once.end(), method) == once.end()) once.push_back(method);
  }
  return once;
}

/// A tenth of the recipe's length, as an override; nothing where the command line says how long.
std::vector<std::string> shorter(const config::TrainSection& train, const std::vector<config::Override>& typed) {
  const auto is_length = [](const config::Override& set) {
    return set.key == "train.epochs" || set.key == "train.length";
  };
  if (std::any_of(typed.begin(), typed.end(), is_length)) return {};
  const config::Span length =
      train.length.value_or(config::Span{static_cast<double>(train.epochs.value_or(0)), config::Span::Unit::Epochs});
  const auto count = static_cast<std::int64_t>(std::ceil(kShare * length.value));
  if (!train.length) return {"train.epochs=" + std::to_string(count)};
  return {"train.length=" + config::Span{static_cast<double>(count), length.unit}.text()};
}

/// The training of qat: a tenth of the epochs at a tenth of the rate, unless the command line says otherwise.
quant::TrainingRequest training_of(const QuantizeArguments& arguments, const RunArgument& run) {
  std::vector<config::Override> overrides;
  const auto typed = arguments.recipe.overrides();
  for (const auto& text : shorter(run.resolved.recipe.train, typed)) overrides.push_back(config::parse_override(text));
  for (const std::string& text :
       {std::string("quantize.name=qat"), "model.weights.file=" + fs::absolute(run.weights.file).string(),
        std::string("model.head=keep"),
        "optimizer.lr=" + report::shortest(kShare * run.resolved.values.at("optimizer").at("lr").get<double>()),
        std::string("schedule.warmup=0 epochs"), std::string("averaging.name=none"), std::string("expect=null")}) {
    overrides.push_back(config::parse_override(text));
  }
  overrides.insert(overrides.end(), typed.begin(), typed.end());
  return {source_of(arguments, overrides).resolved, arguments.output + ".qat", typed_command()};
}

/// Between what the headline lies, of figures that have an interval; else null.
Json interval_of(const quant::Quantized& row) {
  const auto accuracy = row.evaluation.details.find("accuracy");
  const bool has = accuracy != row.evaluation.details.end() && accuracy->contains("acc1_interval95");
  return has ? accuracy->at("acc1_interval95") : Json(nullptr);
}

/// 93.12 (92.60 to 93.61).
std::string headline_cell(const quant::Quantized& row) {
  std::string cell = report::value_text(row.headline);
  const Json interval = interval_of(row);
  if (interval.is_null()) return cell;
  return cell + " (" + report::fixed(interval.at(0).get<double>(), 2) + " to " +
         report::fixed(interval.at(1).get<double>(), 2) + ")";
}

std::string change_cell(const report::Figure& now, const report::Figure& before) {
  const double change = now.value - before.value;
  return (change >= 0 ? "+" : "") + report::fixed(change, now.digits);
}

report::Table table_of(const quant::QuantizeResult& result) {
  const bool interval = !interval_of(result.rows.front()).is_null();
  report::Table table({{"method", report::Align::Left},
                       {result.headline + (interval ? " (95 % interval)" : ""), report::Align::Right},
                       {"change"},
                       {"size", report::Align::Right},
                       {"share", report::Align::Right},
                       {"latency", report::Align::Right},
                       {"times as fast", report::Align::Right}});
  const quant::Quantized& plain = result.rows.front();
  for (const auto& row : result.rows) {
    const bool first = &row == &plain;
    table.add({row.method, headline_cell(row), first ? "" : change_cell(row.headline, plain.headline),
               report::bytes(static_cast<double>(row.bytes)),
               first ? "" : report::percent(static_cast<double>(row.bytes) / static_cast<double>(plain.bytes), 1),
               report::significant(row.latency, 3) + " ms",
               first ? "" : report::significant(plain.latency / row.latency, 3)});
  }
  return table;
}

std::string count_of(std::int64_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

/// The layers that stay float32, together where they do for one reason.
std::string kept_text(const std::vector<quant::FloatLayer>& layers) {
  std::vector<std::pair<std::string, std::vector<std::string>>> reasons;
  for (const auto& layer : layers) {
    const auto known =
        std::find_if(reasons.begin(), reasons.end(), [&](const auto& r) { return r.first == layer.reason; });
    if (known == reasons.end()) reasons.push_back({layer.reason, {layer.path}});
    else known->second.push_back(layer.path);
  }
  std::string text;
  for (const auto& [reason, paths] : reasons) {
    text += "  " + reason + ":";
    for (std::size_t i = 0; i < paths.size() && i < kWorstShown; ++i) text += (i == 0 ? " " : ", ") + paths[i];
    if (paths.size() > kWorstShown) text += " and " + std::to_string(paths.size() - kWorstShown) + " more";
    text += "\n";
  }
  return text;
}

/// What became of the layers, and what to skip where too much was lost.
std::string layers_text(const quant::Quantized& row) {
  std::string text = row.method + ": " + count_of(row.int8_layers, "layer") + " in int8";
  if (!row.float_layers.empty()) text += ", " + std::to_string(row.float_layers.size()) + " in float32";
  text += "\n" + kept_text(row.float_layers);
  if (row.noise.empty()) return text;
  text += "  least signal to noise:";
  for (std::size_t i = 0; i < row.noise.size() && i < kWorstShown; ++i) {
    text += (i == 0 ? " " : ", ") + row.noise[i].path + " " + report::fixed(row.noise[i].db, 1) + " dB";
  }
  return text + "\n";
}

std::string text_of(const quant::QuantizeResult& result, const QuantizeArguments& arguments) {
  std::string text = result.model + " on " + result.data + ", weights " + result.weights + ", engine " + result.engine +
                     (result.reduce_range ? ", activations in 7 bits" : "") + "\n\n" + table_of(result).text() + "\n";
  for (std::size_t i = 1; i < result.rows.size(); ++i) {
    const quant::Quantized& row = result.rows[i];
    text += layers_text(row);
    if (row.collapsed) {
      const bool lower = row.headline.better == report::Better::Lower;
      text += "  " + row.method +
              " collapsed: " + (lower ? "it has more than twice the " : "it keeps less than half of ") +
              result.headline + "; leave the worst layers in float32 with quantize.skip=[" +
              (row.noise.empty() ? "" : row.noise[0].path) + "], or train with --method qat\n";
    }
  }
  if (result.met) return text + "\n" + arguments.output + ": " + result.chosen + "\n";
  return text + "\n" + arguments.output + ": not written, as " + result.headline +
         (result.rows.front().headline.better == report::Better::Lower ? " rises" : " falls") + " by more than " +
         report::shortest(*arguments.max_drop) + "\n";
}

Json row_json(const quant::Quantized& row) {
  Json kept = Json::array(), noise = Json::array();
  for (const auto& layer : row.float_layers) {
    kept.push_back({{"layer", layer.path}, {"type", layer.type}, {"reason", layer.reason}});
  }
  for (const auto& layer : row.noise) noise.push_back({{"layer", layer.path}, {"snr", layer.db}});
  return {{"method", row.method},
          {"metrics", report::values_json(row.evaluation.figures)},
          {"accuracy", row.evaluation.details.value("accuracy", Json())},
          {"samples", {{"total", row.evaluation.total}, {"evaluated", row.evaluation.evaluated}}},
          {"bytes", row.bytes},
          {"latency", row.latency},
          {"int8_layers", row.int8_layers},
          {"float_layers", kept},
          {"noise", noise},
          {"collapsed", row.collapsed}};
}

Json json_of(const quant::QuantizeResult& result, const QuantizeArguments& arguments) {
  Json rows = Json::array();
  for (const auto& row : result.rows) rows.push_back(row_json(row));
  return {{"file", result.met ? Json(arguments.output) : Json()},
          {"model", result.model},
          {"data", result.data},
          {"weights", result.weights},
          {"engine", result.engine},
          {"reduce_range", result.reduce_range},
          {"headline", result.headline},
          {"rows", rows},
          {"chosen", result.chosen}};
}

Result run_quantize(const QuantizeArguments& arguments, const OutputOptions& output) {
  if (arguments.output.empty()) throw UserError("no output is named", "add -o FILE");
  const RunArgument run = source_of(arguments, arguments.recipe.overrides());
  if (run.brings_engine()) {
    throw file_error(run.weights.file.string(), "is " + run.engine + " already", "quantize the float weights it is of");
  }
  quant::QuantizeRequest request;
  request.resolved = run.resolved;
  request.weights = run.weights;
  request.methods = methods_of(arguments, run.resolved.recipe);
  request.max_drop = arguments.max_drop;
  request.out = arguments.output;
  request.force = arguments.force;
  request.progress = !output.quiet;
  if (std::find(request.methods.begin(), request.methods.end(), "qat") != request.methods.end()) {
    request.training = training_of(arguments, run);
  }
  const std::string command = "quantize " + shell_word(arguments.recipe.subject()) + " -o FILE";
  const quant::QuantizeResult quantized = naming_moved_data(
      command, [&] { return with_places(run.resolved, [&] { return quant::quantize(recipes::tasks(), request); }); });
  Result result;
  if (!quantized.stopped_by.empty()) {
    result.code = ExitCode::Interrupted;
    result.text = "stopped by " + quantized.stopped_by + "; run the same command again\n";
    return result;
  }
  result.json = json_of(quantized, arguments);
  result.text = text_of(quantized, arguments);
  if (!quantized.met) result.code = ExitCode::Unmet;
  return result;
}

}  // namespace

Command add_quantize(CLI::App& root) {
  CLI::App* app = root.add_subcommand("quantize", "Make int8 weights of float ones, and say what they lose and gain");
  const auto arguments = std::make_shared<QuantizeArguments>(*app);
  app->add_option(
         "--method", arguments->methods,
         "ptq (after training), dynamic (linear layers alone) or qat (trains on), or several: ptq,qat; the best "
         "is written (default: the recipe's, else ptq)")
      ->delimiter(',')
      ->type_name("METHODS");
  app->add_option("--weights", arguments->weights,
                  "best, last, swa, ema, a checkpoint's name, a weight file or published weights (default: best)")
      ->type_name("WEIGHTS");
  app->add_option("--max-drop", arguments->max_drop,
                  "most points of the headline figure that may be lost; where more is, nothing is written and the exit "
                  "code is 3")
      ->type_name("POINTS")
      ->check(CLI::NonNegativeNumber);
  app->add_option("-o,--output", arguments->output, "safetensors file to write")->type_name("FILE");
  app->add_flag("--force", arguments->force, "replace FILE where it exists");
  return {app, [arguments](const OutputOptions& output) { return run_quantize(*arguments, output); }};
}

}  // namespace mlrun::apps
