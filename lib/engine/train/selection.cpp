#include "engine/train/selection.h"

#include <algorithm>
#include <vector>

#include "base/error.h"

namespace mlrun::engine {

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
        known.push_back("val/" + prefix + figure.name);
      }
    }
  }
  for (const auto& name : known) all += (all.empty() ? "" : ", ") + name;
  if (std::find(known.begin(), known.end(), *wanted) == known.end()) {
    refuse("is not measured during training", "choose one of " + all);
  }
  return *wanted;
}

std::optional<report::Figure> selecting_figure(const std::string& metric, const Evaluation& evaluation) {
  const report::Figure* found = evaluation.find(metric.substr(std::string("val/").size()));
  if (found == nullptr) return std::nullopt;
  report::Figure figure = *found;
  figure.name = metric;
  return figure;
}

}  // namespace mlrun::engine
