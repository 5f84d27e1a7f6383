#include <CLI/CLI.hpp>

#include "apps/mlrun/arguments.h"
#include "apps/mlrun/command.h"
#include "apps/mlrun/sweep_words.h"
#include "apps/mlrun/train_result.h"
#include "base/shell_text.h"
#include "config/bind.h"
#include "engine/run/run_directory.h"
#include "engine/sweep/runner.h"
#include "engine/sweep/status.h"
#include "quant/qat_companion.h"
#include "recipes/registry.h"
#include "report/format.h"
#include "report/table.h"

namespace mlrun::apps {

namespace fs = std::filesystem;

namespace {

Json to_json(const engine::SweepEntry& entry) {
  Json set = Json::object();
  for (const auto& [key, value] : entry.combination.set) set[key] = value;
  Json json = {{"index", entry.index},       {"name", entry.combination.name}, {"set", set},
               {"state", entry.state},       {"epoch", entry.run.epoch},       {"epochs", entry.run.epochs},
               {"length", entry.run.length}, {"step", entry.run.step},         {"best", nullptr},
               {"seconds", entry.seconds},   {"run", entry.run.path.string()}, {"error", nullptr}};
  if (entry.run.best) json["best"] = {{"metric", entry.run.best->figure.name}, {"value", entry.run.best->figure.value}};
  if (!entry.run.error.empty()) json["error"] = entry.run.error;
  return json;
}

/// `24 combinations: 20 finished, 4 planned`.
std::string count_text(const std::vector<engine::SweepEntry>& entries) {
  std::vector<std::pair<std::string, int>> counts;
  for (const auto& entry : entries) {
    auto known = counts.begin();
    while (known != counts.end() && known->first != entry.state) ++known;
    if (known == counts.end()) counts.emplace_back(entry.state, 1);
    else ++known->second;
  }
  std::string text = std::to_string(entries.size()) + " combinations: ";
  for (std::size_t i = 0; i < counts.size(); ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(counts[i].second) + " " + counts[i].first;
  }
  return text + "\n";
}

std::string status_table(const std::vector<engine::SweepEntry>& entries, bool ranked) {
  std::vector<report::Column> columns;
  if (ranked) columns.push_back({"rank", report::Align::Right});
  columns.push_back({"combination", report::Align::Left});
  columns.push_back({"state", report::Align::Left});
  columns.push_back({"epoch", report::Align::Right});
  columns.push_back({"best", report::Align::Left});
  columns.push_back({"time", report::Align::Right});
  report::Table table(columns);
  int place = 0;
  for (const auto& entry : entries) {
    const auto& best = entry.run.best;
    std::vector<std::string> row;
    if (ranked) row.push_back(best ? std::to_string(++place) : "");
    const bool begun = entry.state != "planned";
    row.push_back(entry.combination.name);
    row.push_back(entry.state);
    row.push_back(begun ? entry.run.progress() : "");
    row.push_back(best ? best->figure.name + " " + report::fixed(best->figure.value, 4) : "");
    row.push_back(begun ? report::duration(entry.seconds) : "");
    table.add(std::move(row));
  }
  return table.text();
}

Result show_status(const std::string& folder, bool ranked) {
  auto entries = engine::sweep_status(folder, engine::read_sweep(folder));
  if (ranked) engine::rank(entries);
  Result result;
  result.json = Json::array();
  for (const auto& entry : entries) result.json.push_back(to_json(entry));
  result.text = status_table(entries, ranked) + "\n" + count_text(entries);
  return result;
}

struct PlanArguments {
  explicit PlanArguments(CLI::App& app) : words(app) {}
  SweepWords words;
  std::string out;
  std::int64_t random = 0;
  std::uint64_t seed = 0;
};

Result plan(const PlanArguments& arguments) {
  engine::SweepRequest request = arguments.words.request();
  request.random = arguments.random;
  request.seed = arguments.seed;
  const engine::PlannedSweep planned = engine::write_sweep(arguments.out, request, recipes::catalogue());
  const auto& combinations = planned.plan.combinations;
  Result result;
  result.json = {{"sweep", arguments.out}, {"existed", planned.existed}, {"combinations", Json::array()}};
  for (const auto& entry : engine::sweep_status(arguments.out, planned.plan)) {
    result.json["combinations"].push_back(to_json(entry));
  }
  constexpr std::size_t kMostShown = 24;
  for (std::size_t i = 0; i < std::min(combinations.size(), kMostShown); ++i) {
    result.text += "  " + combinations[i].name + "\n";
  }
  if (combinations.size() > kMostShown) {
    result.text += "  ... and " + std::to_string(combinations.size() - kMostShown) + " more\n";
  }
  const std::string count = std::to_string(combinations.size());
  result.text += arguments.out + (planned.existed ? " holds this plan already: " : ": ") + count +
                 (combinations.size() == 1 ? " combination" : " combinations") + "\ntrain them:  mlrun sweep run " +
                 shell_word(arguments.out) + "\n";
  return result;
}

struct RunArguments {
  std::string folder;
  std::int64_t index = -1, jobs = 1;
};

/// One combination in this process, as `mlrun train` would.
Result run_one(const RunArguments& arguments, const OutputOptions& output) {
  const engine::SweepPlan plan = engine::read_sweep(arguments.folder);
  const auto count = static_cast<std::int64_t>(plan.combinations.size());
  if (arguments.index >= count) {
    throw UserError("--index " + std::to_string(arguments.index) + ": there is no such combination",
                    "they are 0 to " + std::to_string(count - 1));
  }
  const auto& combination = plan.combinations[static_cast<std::size_t>(arguments.index)];
  const fs::path run = engine::sweep_run_folder(arguments.folder, combination);
  if (engine::is_being_written(run)) {
    Result result;
    result.json = {{"run", run.string()}, {"elsewhere", true}};
    result.text = "another process trains " + run.string() + "; there is nothing to do\n";
    return result;
  }
  const auto layers = engine::sweep_layers(arguments.folder, combination, 0);
  const auto resolved = config::resolve(layers, recipes::catalogue());
  const engine::TrainRequest request{resolved,        run,           engine::Resume::Auto,
                                     typed_command(), !output.quiet, quant::qat_companion};
  return train_result(with_places(resolved, [&] { return engine::train(recipes::tasks(), request); }));
}

Result run_all(const RunArguments& arguments, const OutputOptions& output) {
  const engine::SweepRunRequest request{arguments.folder, fs::read_symlink("/proc/self/exe"), arguments.jobs,
                                        !output.quiet};
  const engine::SweepRunResult swept = engine::run_sweep(request);
  Result result;
  result.code = swept.code();
  result.problems = swept.failed;
  result.json = {{"sweep", arguments.folder},
                 {"total", swept.total},
                 {"finished", swept.finished},
                 {"trained", swept.trained},
                 {"interrupted", swept.interrupted},
                 {"elsewhere", swept.elsewhere},
                 {"stopped_by", nullptr}};
  if (!swept.stopped_by.empty()) result.json["stopped_by"] = swept.stopped_by;
  result.text = std::to_string(swept.finished) + " of " + std::to_string(swept.total) + " combinations are finished\n";
  if (!swept.elsewhere.empty()) {
    result.text += std::to_string(swept.elsewhere.size()) + " are trained by another process\n";
  }
  if (result.code == ExitCode::Interrupted) {
    result.text += "stopped" + (swept.stopped_by.empty() ? "" : " by " + swept.stopped_by) +
                   " with all states saved; go on:  mlrun sweep run " + shell_word(arguments.folder) + "\n";
  } else {
    result.text += "see them:  mlrun sweep status " + shell_word(arguments.folder) + " --rank\n";
  }
  return result;
}

Command add_plan(CLI::App& group) {
  CLI::App* app = group.add_subcommand("plan", "Write a sweep: every combination of values, checked and resolved");
  const auto arguments = std::make_shared<PlanArguments>(*app);
  app->add_option("-o,--output", arguments->out, "folder of the sweep")->type_name("DIR")->required();
  app->add_option("--random", arguments->random, "draw so many combinations instead of taking all")
      ->type_name("N")
      ->check(CLI::Range(1, static_cast<int>(config::kMostCombinations)));
  app->add_option("--seed", arguments->seed, "of the draws")->type_name("N")->capture_default_str();
  return {app, [arguments](const OutputOptions&) { return plan(*arguments); }};
}

Command add_run(CLI::App& group) {
  CLI::App* app = group.add_subcommand("run", "Train what is unfinished; the same command again continues");
  const auto arguments = std::make_shared<RunArguments>();
  app->add_option("DIR", arguments->folder, "folder of the sweep")->required();
  CLI::Option* index = app->add_option("--index", arguments->index, "one combination alone, from 0, in this process")
                           ->type_name("N")
                           ->check(CLI::NonNegativeNumber);
  app->add_option("--jobs", arguments->jobs, "trainings at a time, which share the compute threads")
      ->type_name("N")
      ->check(CLI::Range(1, 256))
      ->capture_default_str()
      ->excludes(index);
  return {app, [arguments](const OutputOptions& output) {
            return arguments->index < 0 ? run_all(*arguments, output) : run_one(*arguments, output);
          }};
}

Command add_status(CLI::App& group) {
  CLI::App* app = group.add_subcommand("status", "Show where each combination stands");
  const auto folder = std::make_shared<std::string>();
  const auto ranked = std::make_shared<bool>(false);
  app->add_option("DIR", *folder, "folder of the sweep")->required();
  app->add_flag("--rank", *ranked, "the best first");
  return {app, [folder, ranked](const OutputOptions&) { return show_status(*folder, *ranked); }};
}

}  // namespace

std::vector<Command> add_sweep(CLI::App& root) {
  CLI::App* group = root.add_subcommand("sweep", "Train one recipe with many combinations of values");
  group->require_subcommand(1);
  return {add_plan(*group), add_run(*group), add_status(*group)};
}

}  // namespace mlrun::apps
