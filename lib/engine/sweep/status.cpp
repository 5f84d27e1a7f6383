#include "engine/sweep/status.h"

#include <algorithm>

#include "base/json.h"
#include "report/curves.h"

namespace mlrun::engine {
namespace {

namespace fs = std::filesystem;

/// What the epochs on record took; a torn last line counts for nothing.
double epoch_seconds(const fs::path& run) {
  double sum = 0;
  for (const Json& row : report::read_metric_rows(run)) {
    const Json seconds = row.value("seconds", Json());
    if (seconds.is_number()) sum += seconds.get<double>();
  }
  return sum;
}

bool stands_before(const SweepEntry& a, const SweepEntry& b) {
  if (!a.run.best || !b.run.best) return a.run.best.has_value() && !b.run.best;
  const report::Figure& first = a.run.best->figure;
  return report::is_better(first.better, first.value, b.run.best->figure.value);
}

}  // namespace

SweepEntry sweep_entry(const fs::path& folder, const SweepPlan& plan, std::int64_t index) {
  SweepEntry entry;
  entry.combination = plan.combinations.at(static_cast<std::size_t>(index));
  entry.index = index;
  entry.state = "planned";
  entry.run.path = sweep_run_folder(folder, entry.combination);
  if (!fs::exists(entry.run.path / "run.json")) return entry;
  entry.run = find_runs(entry.run.path).front();
  entry.state = entry.run.state;
  entry.seconds = epoch_seconds(entry.run.path);
  return entry;
}

std::vector<SweepEntry> sweep_status(const fs::path& folder, const SweepPlan& plan) {
  std::vector<SweepEntry> entries;
  for (std::size_t i = 0; i < plan.combinations.size(); ++i) {
    entries.push_back(sweep_entry(folder, plan, static_cast<std::int64_t>(i)));
  }
  return entries;
}

void rank(std::vector<SweepEntry>& entries) { std::stable_sort(entries.begin(), entries.end(), stands_before); }

}  // namespace mlrun::engine
