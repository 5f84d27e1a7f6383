#include <algorithm>
#include <cmath>

#include "engine/report/ranking.h"
#include "report/format.h"

namespace mlrun::engine {
namespace {

report::Figures shown_figures(const Ranking& ranking, bool all) {
  return all ? ranking.figures : main_figures(ranking.figures, ranking.metric);
}

std::string figure_text(const RunGroup& group, const report::Figure& figure) {
  const report::Spread* spread = group.find(figure.name);
  if (spread == nullptr) return "-";
  const bool fewer = spread->n != static_cast<std::int64_t>(group.finished.size());
  return report::spread_text(*spread, figure.digits) + (fewer ? " (n " + std::to_string(spread->n) + ")" : "");
}

std::string count_text(const RunGroup& group) {
  const std::string finished = std::to_string(group.finished.size());
  if (group.unfinished.empty()) return finished;
  return finished + " of " + std::to_string(group.finished.size() + group.unfinished.size());
}

/// `3`, or `2-5` where runs of the group stopped after different numbers of epochs; `1000 steps` where that is their
/// length.
std::string epochs_text(const RunGroup& group) {
  if (group.finished.empty()) return "-";
  const bool in_steps = !group.finished.front()->summary.length.empty();
  const auto count = [in_steps](const RunRecord* run) { return in_steps ? run->summary.step : run->summary.epoch; };
  const auto [least, most] =
      std::minmax_element(group.finished.begin(), group.finished.end(),
                          [&](const RunRecord* a, const RunRecord* b) { return count(a) < count(b); });
  const std::string low = std::to_string(count(*least)), high = std::to_string(count(*most));
  return (low == high ? low : low + "-" + high) + (in_steps ? " steps" : "");
}

/// Mean over the group's runs, in seconds; NaN where none says.
double mean_time(const RunGroup& group) {
  std::vector<double> times;
  for (const RunRecord* run : group.finished) {
    if (run->train_time) times.push_back(*run->train_time);
  }
  return report::spread_of(times).mean;
}

std::string time_text(const RunGroup& group) {
  const double seconds = mean_time(group);
  return std::isnan(seconds) ? "-" : report::duration(seconds);
}

Json run_json(const RunRecord& run) {
  Json json = {{"run", run.summary.path.string()},
               {"state", run.summary.state},
               {"epoch", run.summary.epoch},
               {"epochs", run.summary.epochs},
               {"length", run.summary.length},
               {"train_seconds", nullptr},
               {"metrics", report::values_json(run.figures)},
               {"best", nullptr},
               {"error", nullptr}};
  if (run.train_time) json["train_seconds"] = *run.train_time;
  if (run.summary.best) json["best"] = to_json(*run.summary.best);
  if (!run.summary.error.empty()) json["error"] = run.summary.error;
  return json;
}

}  // namespace

report::Table ranking_table(const Ranking& ranking, bool all) {
  std::vector<report::Column> columns = {{"#", report::Align::Right}};
  for (const auto& key : ranking.by) columns.push_back({key, report::Align::Auto});
  columns.push_back({"n", report::Align::Right});
  const auto figures = shown_figures(ranking, all);
  for (const auto& figure : figures) columns.push_back({figure.name, report::Align::Right});
  columns.push_back({"epochs", report::Align::Right});
  columns.push_back({"train time", report::Align::Right});
  columns.push_back({"best run", report::Align::Left});
  report::Table table(columns);
  int place = 0;
  for (const auto& group : ranking.groups) {
    ++place;
    std::vector<std::string> row = {group.find(ranking.metric) == nullptr ? "-" : std::to_string(place)};
    row.insert(row.end(), group.values.begin(), group.values.end());
    row.push_back(count_text(group));
    for (const auto& figure : figures) row.push_back(figure_text(group, figure));
    row.push_back(epochs_text(group));
    row.push_back(time_text(group));
    row.push_back(group.finished.empty() ? "-" : group.finished.front()->summary.path.string());
    table.add(std::move(row));
  }
  return table;
}

report::Table ranking_csv(const Ranking& ranking) {
  std::vector<report::Column> columns = {{"rank"}};
  for (const auto& key : ranking.by) columns.push_back({key});
  columns.insert(columns.end(), {{"n"}, {"unfinished"}, {"epochs"}, {"train_seconds"}, {"best_run"}});
  for (const auto& figure : ranking.figures) {
    columns.push_back({figure.name});
    columns.push_back({figure.name + "_std"});
  }
  report::Table table(columns);
  const auto number = [](double value) { return std::isnan(value) ? "" : report::shortest(value); };
  int place = 0;
  for (const auto& group : ranking.groups) {
    ++place;
    std::vector<std::string> row = {group.find(ranking.metric) == nullptr ? "" : std::to_string(place)};
    row.insert(row.end(), group.values.begin(), group.values.end());
    row.push_back(std::to_string(group.finished.size()));
    row.push_back(std::to_string(group.unfinished.size()));
    row.push_back(group.finished.empty() ? "" : epochs_text(group));
    row.push_back(number(mean_time(group)));
    row.push_back(group.finished.empty() ? "" : group.finished.front()->summary.path.string());
    for (const auto& figure : ranking.figures) {
      const report::Spread* spread = group.find(figure.name);
      row.push_back(spread == nullptr ? "" : number(spread->mean));
      row.push_back(spread == nullptr ? "" : number(spread->deviation));
    }
    table.add(std::move(row));
  }
  return table;
}

report::Table unfinished_table(const Ranking& ranking) {
  report::Table table({{"run", report::Align::Left},
                       {"state", report::Align::Left},
                       {"epoch", report::Align::Right},
                       {"best so far", report::Align::Left},
                       {"what is wrong", report::Align::Left}});
  for (const auto& group : ranking.groups) {
    for (const RunRecord* run : group.unfinished) {
      const RunSummary& it = run->summary;
      const std::string best = it.best ? it.best->figure.name + " " + report::value_text(it.best->figure) : "-";
      table.add({it.path.string(), it.state.empty() ? "unknown" : it.state, it.progress(), best, it.error});
    }
  }
  return table;
}

Json to_json(const Ranking& ranking) {
  Json groups = Json::array(), runs = Json::array();
  int place = 0;
  for (const auto& group : ranking.groups) {
    ++place;
    Json by = Json::object(), figures = Json::object(), names = Json::array();
    for (std::size_t i = 0; i < ranking.by.size(); ++i) by[ranking.by[i]] = group.values[i];
    for (const auto& [name, spread] : group.figures) {
      figures[name] = {{"mean", spread.mean}, {"std", spread.deviation}, {"n", spread.n}};
    }
    for (const RunRecord* run : group.finished) names.push_back(run->summary.path.string());
    for (const auto& list : {group.finished, group.unfinished}) {
      for (const RunRecord* run : list) runs.push_back(run_json(*run));
    }
    groups.push_back({{"rank", group.find(ranking.metric) == nullptr ? Json(nullptr) : Json(place)},
                      {"by", by},
                      {"n", group.finished.size()},
                      {"unfinished", group.unfinished.size()},
                      {"metrics", figures},
                      {"train_seconds", mean_time(group)},
                      {"runs", names}});
  }
  return {{"metric", ranking.metric}, {"lower_is_better", ranking.lower_is_better},
          {"by", ranking.by},         {"over", ranking.over},
          {"alike", ranking.alike},   {"mixed", ranking.mixed},
          {"groups", groups},         {"runs", runs}};
}

}  // namespace mlrun::engine
