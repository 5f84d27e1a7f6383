#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "engine/run/runs.h"
#include "report/figure.h"

namespace mlrun::engine {

/// A run as reports compare it.
struct RunRecord {
  RunSummary summary;
  Json info = Json::object();        ///< run.json; empty where it is damaged
  std::map<std::string, Json> keys;  ///< the resolved recipe by dotted key; lists are values
  report::Figures figures;           ///< of the best weights, as `test/acc1`; none before it finished
  std::optional<double> train_time;  ///< seconds spent in training alone, over all its sessions

  bool finished() const { return summary.state == "finished"; }
  /// The figure `name`; null where there is none.
  const report::Figure* find(const std::string& name) const { return report::find(figures, name); }
};

/// The runs in each of `folders` and below, each once, sorted by path. UserError for a folder that is none,
/// and where there is not one run.
std::vector<RunRecord> read_runs(const std::vector<std::filesystem::path>& folders);

/// The figure by which most runs chose their best weights, as `val/acc1`; empty where none says.
std::string usual_metric(const std::vector<RunRecord>& runs);

/// `acc1` of `val/swa_acc1`: a figure without its split and its average's prefix.
std::string bare_figure(const std::string& figure);
/// True of an average's figures, as `val/swa_acc1`.
bool is_averaged(const std::string& figure);
/// Those of `figures` that are the metric's like, of other splits and weights, and the losses.
report::Figures main_figures(const report::Figures& figures, const std::string& metric);

}  // namespace mlrun::engine
