#include <CLI/CLI.hpp>

#include "apps/mlrun/command.h"
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

Result run_runs(const std::string& folder) {
  const auto runs = engine::find_runs(folder);
  Result result;
  result.json = Json::array();
  report::Table table({{"run", report::Align::Left},
                       {"state", report::Align::Left},
                       {"epoch"},
                       {"best", report::Align::Left},
                       {"age"},
                       {"host", report::Align::Left}});
  for (const auto& run : runs) {
    result.json.push_back(to_json(run));
    table.add({run.path.string(), run.state, run.progress(),
               run.best ? run.best->figure.name + " " + report::fixed(run.best->figure.value, 4) : "",
               run.age ? report::duration(*run.age) : "", run.host});
  }
  result.text = runs.empty() ? "no runs below " + folder + "\n" : table.text();
  return result;
}

}  // namespace

Command add_runs(CLI::App& root) {
  CLI::App* app = root.add_subcommand("runs", "List runs: state, best metric, age, host; a killed one shows as stale");
  const auto folder = std::make_shared<std::string>("runs");
  app->add_option("DIR", *folder, "folder to search, with all below it")->capture_default_str();
  return {app, [folder](const OutputOptions&) { return run_runs(*folder); }};
}

}  // namespace mlrun::apps
