#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/report/runs.h"
#include "report/spread.h"
#include "report/table.h"

namespace mlrun::engine {

struct RankingRequest {
  std::vector<std::string> by;                     ///< recipe keys; empty: those in which the runs differ
  std::vector<std::string> over = {"train.seed"};  ///< keys that are averaged over
  std::string metric;                              ///< that ranks; empty: the one by which most runs chose
};

/// Runs that agree in the keys compared.
struct RunGroup {
  std::vector<std::string> values;                              ///< of the ranking's keys, as shown
  std::vector<const RunRecord*> finished, unfinished;           ///< the finished ones best first
  std::vector<std::pair<std::string, report::Spread>> figures;  ///< over the finished runs

  const report::Spread* find(const std::string& metric) const;
};

struct Ranking {
  std::string metric;
  bool lower_is_better = false;
  std::vector<std::string> by, over;
  /// Keys that differ too, but tell the runs apart just as one of `by` does: left out where many differ.
  std::vector<std::string> alike;
  std::vector<std::string> mixed;  ///< keys that differ within a group though nobody asked to average over them
  report::Figures figures;         ///< those of the runs, the metric first; their values say nothing
  std::vector<RunGroup> groups;    ///< best first, those without the metric last
};

/// Groups and ranks; the result points into `runs`. UserError for a key or metric that no run has.
Ranking rank(const std::vector<RunRecord>& runs, const RankingRequest& request);

/// One row for each group: its place, keys, runs, figures, epochs, time. `all` shows every figure, else the metric, its
/// like of other splits and weights, and the losses.
report::Table ranking_table(const Ranking& ranking, bool all);
/// The same for programs: mean and standard deviation of every figure in columns of their own.
report::Table ranking_csv(const Ranking& ranking);
/// The runs that no mean holds, with what they reached.
report::Table unfinished_table(const Ranking& ranking);
bool has_unfinished(const Ranking& ranking);

Json to_json(const Ranking& ranking);

}  // namespace mlrun::engine
