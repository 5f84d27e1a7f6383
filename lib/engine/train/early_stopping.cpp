#include "engine/train/early_stopping.h"

#include <cmath>
#include <utility>

#include "base/error.h"
#include "engine/train/selection.h"
#include "report/format.h"

namespace mlrun::engine {

EarlyStopping::EarlyStopping(const config::EarlyStoppingOptions& options, std::string metric, Task& task)
    : options_(options), metric_(std::move(metric)) {
  if (!active() || task.source(data::Split::Val)) return;
  throw UserError(Problem{"", 0, 0, "train.early_stopping",
                          "has nothing to look at: the data set '" + task.data().name + "' has no val split",
                          "give data.split.val a share, or set train.early_stopping.patience to null"});
}

void EarlyStopping::look(const Evaluation& evaluation) {
  if (!active()) return;
  const auto figure = selecting_figure(metric_, evaluation);
  if (!figure) return;
  if (report::is_better(figure->better, figure->value, best_.value_or(std::nan("")), options_.min_delta)) {
    best_ = figure->value;
    waited_ = 0;
  } else {
    ++waited_;
  }
}

std::string EarlyStopping::reason() const {
  std::string text = metric_ + " was no better";
  if (options_.min_delta > 0) text += " by more than " + report::significant(options_.min_delta, 4);
  return text + " for " + std::to_string(waited_) + (waited_ == 1 ? " evaluation" : " evaluations");
}

void EarlyStopping::save(data::State& state, const std::string& prefix) const {
  if (!active()) return;
  state.put(prefix + "early_stopping", Json{{"best", best_ ? Json(*best_) : Json(nullptr)}, {"waited", waited_}});
}

void EarlyStopping::load(const data::State& state, const std::string& prefix) {
  if (!active()) return;
  const Json& saved = state.value(prefix + "early_stopping");
  best_ = saved.at("best").is_null() ? std::nullopt : std::optional<double>(saved.at("best").get<double>());
  waited_ = saved.at("waited").get<std::int64_t>();
}

}  // namespace mlrun::engine
