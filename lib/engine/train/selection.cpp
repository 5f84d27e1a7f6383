#include "engine/train/selection.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"

namespace mlrun::engine {

bool better(const std::string& metric, double value, double than, double margin) {
  if (std::isnan(than)) return !std::isnan(value);
  return metrics::lower_is_better(metric) ? value < than - margin : value > than + margin;
}

namespace {

/// What stands before the names of the figures that an epoch's evaluation has.
std::vector<std::string> figure_prefixes(const Averager& averager, const Companion* companion) {
  std::vector<std::string> prefixes = {""};
  if (averager.active()) prefixes.push_back(averager.prefix());
  if (companion == nullptr) return prefixes;
  const std::size_t plain = prefixes.size();
  for (std::size_t i = 0; i < plain; ++i) prefixes.push_back(prefixes[i] + companion->prefix());
  return prefixes;
}

}  // namespace

std::string selecting_metric(Task& task, const std::optional<std::string>& wanted, const Averager& averager,
                             const Companion* companion) {
  if (!wanted) return "val/" + task.headline();
  const auto refuse = [&](const std::string& why, const std::string& remedy) {
    throw UserError(Problem{"", 0, 0, "train.select", "'" + *wanted + "' " + why, remedy});
  };
  if (!task.source(data::Split::Val)) {
    refuse("cannot be measured: the data set '" + task.data().name + "' has no val split",
           "give data.split.val a share, or set train.select to null");
  }
  std::vector<std::string> known;
  std::string all;
  for (const auto& metric : task.metrics(data::Split::Val)) {
    for (const auto& figure : metric->compute()) {
      for (const std::string& prefix : figure_prefixes(averager, companion)) {
        known.push_back("val/" + prefix + figure.first);
      }
    }
  }
  for (const auto& name : known) all += (all.empty() ? "" : ", ") + name;
  if (std::find(known.begin(), known.end(), *wanted) == known.end()) {
    refuse("is not measured during training", "choose one of " + all);
  }
  return *wanted;
}

std::optional<double> selecting_value(const std::string& metric, const Evaluation& evaluation) {
  const double* value = evaluation.find(metric.substr(std::string("val/").size()));
  return value == nullptr ? std::nullopt : std::optional<double>(*value);
}

}  // namespace mlrun::engine
