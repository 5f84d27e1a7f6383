#include <algorithm>

#include "engine/report/page.h"
#include "report/curves.h"
#include "report/format.h"
#include "report/markup.h"

namespace mlrun::engine {
namespace {

constexpr std::size_t kMostLines = 21;  // in one chart

/// The run as a legend names it: the values of the keys compared and the seed, or its path where those are many.
std::string line_name(const Ranking& ranking, const RunGroup& group, const RunRecord& run) {
  constexpr std::size_t kMostValues = 2;
  if (ranking.by.size() > kMostValues)
    return run.summary.path.string() + (run.finished() ? "" : " (" + run.summary.state + ")");
  std::string name;
  for (const auto& value : group.values) name += (name.empty() ? "" : " ") + value;
  for (const auto& key : ranking.over) {
    const auto found = run.keys.find(key);
    if (found == run.keys.end()) continue;
    const std::string label = key.substr(key.rfind('.') + 1);
    name += (name.empty() ? "" : " ") + label + " " + json_text(found->second);
  }
  return run.finished() ? name : name + " (" + run.summary.state + ")";
}

std::string overlay(const Ranking& ranking, const std::string& figure) {
  report::LineChart chart{figure, "epoch", figure, false, {}};
  std::size_t left_out = 0;
  for (const auto& group : ranking.groups) {
    for (const auto& list : {group.finished, group.unfinished}) {
      for (const RunRecord* run : list) {
        report::Series series = report::curve(report::read_metric_rows(run->summary.path), figure);
        if (series.x.empty()) continue;
        series.name = line_name(ranking, group, *run);
        if (chart.series.size() == kMostLines) ++left_out;
        else chart.series.push_back(std::move(series));
      }
    }
  }
  if (chart.series.empty()) return "";
  if (left_out > 0) chart.title += ", the first " + std::to_string(kMostLines) + " runs";
  return report::svg(chart);
}

std::string explanation(const Ranking& ranking, std::size_t runs) {
  std::string text = std::to_string(runs) + " runs, ranked by " + ranking.metric +
                     (ranking.lower_is_better ? " (less is better)" : " (more is better)") +
                     ". Several runs of a row are shown as their mean ± standard deviation (divisor n - 1).";
  if (!ranking.alike.empty()) {
    text += " The rows also differ, just as in the keys shown, in";
    for (const auto& key : ranking.alike) text += (&key == &ranking.alike.front() ? " " : ", ") + key;
    text += ".";
  }
  if (!ranking.mixed.empty()) {
    text += " Within rows the runs also differ in";
    for (const auto& key : ranking.mixed) text += " " + key;
    text += ".";
  }
  return report::html_paragraph(text);
}

}  // namespace

std::string runs_page(const std::vector<RunRecord>& runs, const Ranking& ranking, const ComparedTable* table) {
  std::string body = "<h1>" + std::to_string(runs.size()) + " runs compared</h1>\n";
  if (table != nullptr) body += table_section(*table);
  body += report::html_section("Ranking", explanation(ranking, runs.size()) + ranking_table(ranking, false).html());
  if (has_unfinished(ranking)) {
    body += report::html_section("Not finished, and in no mean", unfinished_table(ranking).html());
  }
  std::vector<std::string> charts;
  std::vector<std::string> figures = {ranking.metric, "train/loss", "val/loss"};
  figures.erase(std::unique(figures.begin(), figures.end()), figures.end());
  for (const auto& figure : figures) charts.push_back(overlay(ranking, figure));
  body += report::html_section("Training", report::html_side_by_side(charts));
  body += report::html_section("All figures", ranking_table(ranking, true).html());
  return report::html_page(std::to_string(runs.size()) + " runs - mlrun", body + page_footer());
}

}  // namespace mlrun::engine
