#include "engine/report/runs.h"

#include <algorithm>
#include <limits>
#include <set>

#include "base/error.h"
#include "engine/run/recorded_figures.h"
#include "engine/run/run_directory.h"
#include "report/curves.h"

namespace mlrun::engine {
namespace {

namespace fs = std::filesystem;

void collect_keys(const Json& value, const std::string& prefix, std::map<std::string, Json>& keys) {
  if (!value.is_object() || value.empty()) {
    keys[prefix] = value;
    return;
  }
  for (const auto& [key, item] : value.items()) collect_keys(item, prefix.empty() ? key : prefix + "." + key, keys);
}

/// The object `name` of `json`; an empty one where it is none.
Json object_in(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_object() ? *found : Json::object();
}

std::optional<double> time_in_training(const fs::path& run) {
  std::optional<double> seconds;
  for (const Json& row : report::read_metric_rows(run)) {
    const auto found = row.find("seconds");
    if (found != row.end() && found->is_number()) seconds = seconds.value_or(0) + found->get<double>();
  }
  return seconds;
}

RunRecord record_of(RunSummary summary) {
  RunRecord record;
  record.summary = std::move(summary);
  if (!record.summary.readable()) return record;
  record.info = RunDirectory::open(record.summary.path).info();
  collect_keys(object_in(record.info, "recipe"), "", record.keys);
  record.keys.erase("");
  record.train_time = time_in_training(record.summary.path);
  if (!record.finished()) return record;
  const Json result = object_in(record.info, "result");
  const Json figures = object_in(result, "metrics"), kinds = object_in(result, "figures");
  constexpr std::size_t kMostFigures = 1000;
  for (const auto& [name, value] : figures.items()) {
    if (record.figures.size() == kMostFigures) break;
    const double undefined = std::numeric_limits<double>::quiet_NaN();
    const double number = value.is_number() ? value.get<double>() : undefined;
    record.figures.push_back(recorded_figure(name, number, kinds.value(name, Json())));
  }
  return record;
}

}  // namespace

std::vector<RunRecord> read_runs(const std::vector<fs::path>& folders) {
  std::vector<RunRecord> records;
  std::set<fs::path> seen;
  for (const auto& folder : folders) {
    for (RunSummary& summary : find_runs(folder)) {
      if (seen.insert(fs::canonical(summary.path)).second) records.push_back(record_of(std::move(summary)));
    }
  }
  std::sort(records.begin(), records.end(),
            [](const RunRecord& a, const RunRecord& b) { return a.summary.path < b.summary.path; });
  if (!records.empty()) return records;
  std::string names;
  for (const auto& folder : folders) names += (names.empty() ? "" : ", ") + folder.string();
  throw UserError("there are no runs below " + names, "name folders that `mlrun train` wrote, or that hold such");
}

std::string usual_metric(const std::vector<RunRecord>& runs) {
  std::map<std::string, int> votes;
  std::string most;
  for (const RunRecord& run : runs) {
    if (!run.summary.best) continue;
    const std::string& metric = run.summary.best->figure.name;
    if (++votes[metric] > votes[most]) most = metric;
  }
  return most;
}

bool is_averaged(const std::string& figure) {
  const std::string name = figure.substr(figure.find('/') + 1);
  return name.rfind("swa_", 0) == 0 || name.rfind("ema_", 0) == 0;
}

std::string bare_figure(const std::string& figure) {
  const std::string name = figure.substr(figure.find('/') + 1);
  return is_averaged(figure) ? name.substr(4) : name;
}

report::Figures main_figures(const report::Figures& figures, const std::string& metric) {
  report::Figures chosen;
  for (const auto& figure : figures) {
    const std::string bare = bare_figure(figure.name);
    if (bare == bare_figure(metric) || bare == "loss") chosen.push_back(figure);
  }
  return chosen;
}

}  // namespace mlrun::engine
