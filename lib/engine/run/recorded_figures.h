#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"
#include "report/figure.h"

/// Figures as run.json and checkpoints' states record them: values under their names, and beside them how they are
/// read.
namespace mlrun::engine {

/// `{"better": "higher", "digits": 2, "unit": "%"}`.
Json kind_json(const report::Figure& figure);
/// `{name: kind}` of all.
Json kinds_json(const report::Figures& figures);

/// The figure that `kind`, what `kind_json` gave, says. Where it is no such object, as in runs of mlrun 0.1, which
/// recorded names and values alone, names that end in loss, brier and ece are better lower.
report::Figure recorded_figure(const std::string& name, double value, const Json& kind);

/// The best evaluation so far.
struct Best {
  report::Figure figure;  ///< as `val/acc1`
  std::int64_t step = 0;
};

/// `metric`, `value`, `step`, and how the figure is read; `epoch`, where the step ends one of so many steps.
Json to_json(const Best& best, std::int64_t steps_per_epoch = 0);

}  // namespace mlrun::engine
