#include <CLI/CLI.hpp>

#include <fstream>
#include <sstream>

#include "apps/mlrun/arguments.h"
#include "apps/mlrun/command.h"
#include "apps/mlrun/rate_plot.h"
#include "apps/mlrun/train_result.h"
#include "apps/mlrun/verdicts.h"
#include "base/shell_text.h"
#include "config/bind.h"
#include "engine/train/dry_run.h"
#include "engine/train/session.h"
#include "quant/qat_companion.h"
#include "recipes/registry.h"
#include "report/format.h"
#include "report/table.h"

namespace mlrun::apps {

namespace fs = std::filesystem;

namespace {

struct TrainArguments {
  explicit TrainArguments(CLI::App& app) : recipe(app, "RECIPE") {}
  RecipeArguments recipe;
  std::string out;
  std::string resume = "never";
  bool dry_run = false;
};

/// The recipe named on the command line, or, on resume, the run's own.
config::Resolved resolve_recipe(const TrainArguments& arguments) {
  fs::path file = arguments.recipe.recipe();
  if (file.empty() && !arguments.out.empty() && arguments.resume != "never") {
    file = fs::path(arguments.out) / "recipe.yaml";
  }
  if (file.empty()) throw UserError("no recipe is named", "name a file, or one of `mlrun list recipes`");
  return config::resolve({file, arguments.recipe.overrides(), recipe_folders()}, recipes::catalogue());
}

Json to_json(const std::vector<optim::GroupSummary>& groups) {
  Json list = Json::array();
  for (const auto& group : groups) {
    list.push_back({{"name", group.name},
                    {"tensors", group.tensors},
                    {"params", group.elements},
                    {"lr_scale", group.lr_scale},
                    {"weight_decay", group.weight_decay}});
  }
  return list;
}

Json to_json(const engine::DryRun& run) {
  return {{"device", engine::device_text(run.context.device)},
          {"threads", run.context.threads},
          {"workers", run.context.workers},
          {"params", run.parameters},
          {"groups", to_json(run.groups)},
          {"samples", run.plan.samples},
          {"steps_per_epoch", run.plan.steps_per_epoch},
          {"epochs", epochs_json(run.plan.horizon().epochs())},
          {"steps", run.plan.steps()},
          {"timed_steps", run.steps},
          {"seconds_per_step", run.seconds_per_step},
          {"seconds_per_epoch", run.seconds_per_epoch},
          {"wait_share", run.wait_share},
          {"peak_memory_bytes", run.peak_memory},
          {"checkpoint_bytes", run.checkpoint_bytes},
          {"checkpoints", run.checkpoints}};
}

std::string dry_run_text(const engine::DryRun& run) {
  report::Table table({{"dry run", report::Align::Left}, {"", report::Align::Left}});
  table.add({"device", engine::device_text(run.context.device) + ", " + std::to_string(run.context.threads) +
                           " compute threads, " + std::to_string(run.context.workers) + " loading threads"});
  table.add({"parameters", report::grouped(run.parameters)});
  table.add({"training samples", report::grouped(run.plan.samples)});
  const std::string length =
      run.plan.in_steps() ? report::grouped(run.plan.steps()) + " in all" : std::to_string(run.plan.epochs) + " epochs";
  table.add({"steps", report::grouped(run.plan.steps_per_epoch) + " per epoch, " + length});
  table.add({"time per step", report::duration(run.seconds_per_step) + " (median of " + std::to_string(run.steps) +
                                  "), " + report::percent(run.wait_share, 0) + " of it waiting for data"});
  table.add({"time per epoch", report::duration(run.seconds_per_epoch)});
  table.add({"whole training",
             report::duration(run.seconds_per_step * static_cast<double>(run.plan.steps())) + " without evaluation"});
  table.add({"memory", report::bytes(static_cast<double>(run.peak_memory)) + " at the peak"});
  table.add({"disk", report::bytes(static_cast<double>(run.checkpoint_bytes)) + " a checkpoint, at most " +
                         std::to_string(run.checkpoints) + " at a time"});
  return table.text() + (run.groups.size() > 1 ? "\n" + optim::group_table(run.groups) : "");
}

Result dry_run(const config::Resolved& resolved) {
  const engine::DryRun run =
      with_places(resolved, [&] { return engine::dry_run(recipes::tasks(), resolved, quant::qat_companion); });
  Result result;
  result.json = to_json(run);
  result.text = dry_run_text(run);
  return result;
}

std::string summary_text(const engine::TrainResult& trained) {
  std::ostringstream text;
  if (trained.state == engine::TrainResult::State::Interrupted) {
    text << "stopped by " << trained.stopped_by << " with its state saved in " << trained.run.string()
         << "; go on with --resume auto\n";
    return text.str();
  }
  const bool again = trained.state == engine::TrainResult::State::AlreadyFinished;
  const bool early = trained.summary.value("stopped_early", false);
  text << (again ? "already finished" : "finished");
  const bool in_steps = trained.summary.contains("length");
  if (early && in_steps) text << " early, after step " << trained.summary.at("steps").get<std::int64_t>();
  else if (early) text << " early, after epoch " << trained.summary.at("epochs").get<std::int64_t>();
  text << ": " << trained.run.string() << "\n";
  const Json metrics = trained.summary.value("metrics", Json::object());
  for (const auto& [name, value] : metrics.items()) {
    text << "  " << name << "  " << (value.is_number() ? report::fixed(value.get<double>(), 4) : "nan") << "\n";
  }
  text << verdict_text(trained.verdicts);
  return text.str();
}

/// Where the best weights lie, and what is mostly done with a run.
std::vector<std::string> remarks_of(const engine::TrainResult& trained) {
  if (trained.state == engine::TrainResult::State::Interrupted) return {};
  const std::string run = shell_word(trained.run.string());
  std::vector<std::string> lines;
  const Json best = trained.summary.value("best", Json());
  if (best.is_object() && best.contains("metric") && best.contains("step")) {
    const bool whole = best.contains("epoch") && !trained.summary.contains("length");
    const char* unit = whole ? "epoch" : "step";
    lines.push_back(std::string("best: ") + unit + " " + json_text(best.at(unit)) + " of " +
                    json_text(trained.summary.at(whole ? "epochs" : "steps")) + " by " +
                    best.at("metric").get<std::string>() + ", in " + run + "/checkpoints/best");
  }
  for (const std::string& command :
       {"eval " + run, "predict " + run + " FILE...", "report " + run + " --html page.html"}) {
    lines.push_back("next: mlrun " + command);
  }
  return lines;
}

Result run_train(const TrainArguments& arguments, const OutputOptions& output) {
  const config::Resolved resolved = resolve_recipe(arguments);
  if (arguments.dry_run) return dry_run(resolved);
  const fs::path out = arguments.out.empty() ? fs::path("runs") / resolved.name : fs::path(arguments.out);
  const engine::TrainRequest request{resolved,        out,           engine::parse_resume(arguments.resume),
                                     typed_command(), !output.quiet, quant::qat_companion};
  return train_result(with_places(resolved, [&] { return engine::train(recipes::tasks(), request); }));
}

}  // namespace

std::string typed_command() {
  std::ifstream in("/proc/self/cmdline", std::ios::binary);
  std::string text;
  for (std::string word; std::getline(in, word, '\0');) text += (text.empty() ? "" : " ") + shell_word(word);
  return text;
}

Result train_result(const engine::TrainResult& trained) {
  Result result;
  result.json = trained.summary;
  result.json["run"] = trained.run.string();
  result.text = summary_text(trained);
  result.remarks = remarks_of(trained);
  if (trained.state == engine::TrainResult::State::Interrupted) result.code = ExitCode::Interrupted;
  else if (engine::unmet(trained.verdicts)) result.code = ExitCode::Unmet;
  return result;
}

Command add_train(CLI::App& root) {
  CLI::App* app = root.add_subcommand("train", "Train a model as a recipe says");
  const auto arguments = std::make_shared<TrainArguments>(*app);
  app->add_option("--out", arguments->out, "run directory (default: runs/<recipe name>)")->type_name("DIR");
  app->add_option("--resume", arguments->resume,
                  "auto: start, continue, or do nothing when finished; must: continue; never: refuse an existing run")
      ->type_name("auto|must|never")
      ->capture_default_str();
  app->add_flag("--dry-run", arguments->dry_run,
                "build everything, run a few steps, report time, memory and disk; write nothing");
  return {app, [arguments](const OutputOptions& output) { return run_train(*arguments, output); }};
}

}  // namespace mlrun::apps
