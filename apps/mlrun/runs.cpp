#include <CLI/CLI.hpp>

#include "apps/mlrun/command.h"
#include "engine/run/prune.h"
#include "engine/run/runs.h"
#include "report/format.h"
#include "report/table.h"

namespace mlrun::apps {

namespace {

Json to_json(const engine::RunSummary& run) {
  Json json = {{"run", run.path.string()}, {"state", run.state},   {"step", run.step}, {"epoch", run.epoch},
               {"epochs", run.epochs},     {"length", run.length}, {"best", nullptr},  {"host", run.host},
               {"updated", run.updated},   {"age_s", nullptr},     {"error", nullptr}};
  if (run.best) json["best"] = engine::to_json(*run.best);
  if (run.age) json["age_s"] = *run.age;
  if (!run.error.empty()) json["error"] = run.error;
  return json;
}

struct RunsArguments {
  std::string folder = "runs";
  bool size = false;
};

Result run_runs(const RunsArguments& arguments) {
  const auto runs = engine::find_runs(arguments.folder);
  Result result;
  result.json = Json::array();
  std::vector<report::Column> columns = {
      {"run", report::Align::Left}, {"state", report::Align::Left}, {"epoch"}, {"best", report::Align::Left}, {"age"},
      {"host", report::Align::Left}};
  if (arguments.size) columns.push_back({"size"});
  report::Table table(columns);
  std::uint64_t all = 0;
  for (const auto& run : runs) {
    result.json.push_back(to_json(run));
    std::vector<std::string> row = {
        run.path.string(),
        run.state,
        run.progress(),
        run.best ? run.best->figure.name + " " + report::fixed(run.best->figure.value, 4) : "",
        run.age ? report::duration(*run.age) : "",
        run.host};
    if (arguments.size) {
      const std::uint64_t bytes = engine::run_bytes(run.path);
      result.json.back()["bytes"] = bytes;
      row.push_back(report::bytes(static_cast<double>(bytes)));
      all += bytes;
    }
    table.add(row);
  }
  if (arguments.size && runs.size() > 1) {
    table.add({"all", "", "", "", "", "", report::bytes(static_cast<double>(all))});
  }
  result.text = runs.empty() ? "no runs below " + arguments.folder + "\n" : table.text();
  return result;
}

}  // namespace

Command add_runs(CLI::App& root) {
  CLI::App* app = root.add_subcommand("runs", "List runs: state, best metric, age, host; a killed one shows as stale");
  const auto arguments = std::make_shared<RunsArguments>();
  app->add_option("DIR", arguments->folder, "folder to search, with all below it")->capture_default_str();
  app->add_flag("--size", arguments->size, "with what each takes on the disk");
  return {app, [arguments](const OutputOptions&) { return run_runs(*arguments); }};
}

}  // namespace mlrun::apps
