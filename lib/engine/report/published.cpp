#include "engine/report/published.h"

#include <algorithm>
#include <cmath>

#include "report/format.h"

namespace mlrun::engine {
namespace {

/// What a run's own result says of one expectation.
struct RunVerdict {
  const RunRecord* run;
  double measured;
  std::string verdict, reason;
};

/// The verdict of a run on (row, metric); nothing where its recipe does not expect it.
std::optional<RunVerdict> verdict_of(const RunRecord& run, const config::Expectation& expected) {
  const auto result = run.info.find("result");
  if (result == run.info.end() || !result->is_object()) return std::nullopt;
  const Json list = result->value("expect", Json::array());
  for (const Json& entry : list) {
    if (!entry.is_object() || entry.value("row", Json()) != Json(*expected.row)) continue;
    if (entry.value("metric", Json()) != Json(expected.metric)) continue;
    const Json measured = entry.value("measured", Json());
    if (!measured.is_number()) continue;
    return RunVerdict{&run, measured.get<double>(), entry.value("verdict", ""), entry.value("reason", "")};
  }
  return std::nullopt;
}

/// Whether the run's recipe has an expectation of this row.
bool is_of_row(const RunRecord& run, const std::string& row) {
  const auto found = run.keys.find("expect");
  if (found == run.keys.end() || !found->second.is_array()) return false;
  return std::any_of(found->second.begin(), found->second.end(), [&row](const Json& entry) {
    return entry.is_object() && entry.value("row", Json()) == Json(row);
  });
}

/// The mean held against the figure; that conditions hold is known already.
Outcome judge_mean(const config::Expectation& expected, double mean) {
  config::Expectation bare = expected;
  bare.when = {};
  const std::size_t slash = bare.metric.find('/');
  Measured measured;
  measured.split = bare.metric.substr(0, slash);
  measured.figures = {{slash == std::string::npos ? bare.metric : bare.metric.substr(slash + 1), mean}};
  return compare({bare}, {measured}).front().outcome;
}

ComparedCell compare_cell(const std::optional<config::Expectation>& expected, const std::vector<RunRecord>& runs) {
  ComparedCell cell;
  cell.expected = expected;
  if (!expected) return cell;
  std::vector<double> values;
  std::string skipped;
  for (const RunRecord& run : runs) {
    const auto verdict = run.finished() ? verdict_of(run, *expected) : std::nullopt;
    if (!verdict) continue;
    values.push_back(verdict->measured);
    if (verdict->verdict == outcome_name(Outcome::NotComparable) && cell.reason.empty()) cell.reason = verdict->reason;
    if (verdict->verdict == outcome_name(Outcome::Differs) && !verdict->reason.empty()) skipped = verdict->reason;
  }
  cell.measured = report::spread_of(values);
  if (values.empty()) return cell;
  if (!cell.reason.empty()) {
    cell.outcome = Outcome::NotComparable;
  } else if (!skipped.empty()) {
    cell.outcome = Outcome::Differs;
    cell.reason = skipped;
  } else {
    cell.outcome = judge_mean(*expected, cell.measured.mean);
  }
  return cell;
}

std::string expected_text(const ComparedCell& cell) {
  if (!cell.expected) return "-";
  const std::string& direction = cell.expected->direction;
  return (direction == "at_least"  ? ">= "
          : direction == "at_most" ? "<= "
                                   : "") +
         report::shortest(cell.expected->value);
}

/// Titles of the published figures that are no metrics, in the order in which rows have them.
std::vector<std::string> other_figures(const TableFile& file) {
  std::vector<std::string> titles;
  for (const auto& row : file.rows) {
    for (const auto& entry : row.published) {
      if (std::find(titles.begin(), titles.end(), entry.first) == titles.end()) titles.push_back(entry.first);
    }
  }
  return titles;
}

Json cell_json(const TableRow& row, const TableColumn& column, const ComparedCell& cell) {
  Json json = {{"column", column.name},
               {"metric", row.metric_in(column)},
               {"published", nullptr},
               {"tolerance", nullptr},
               {"source", nullptr},
               {"measured", nullptr},
               {"std", nullptr},
               {"n", cell.measured.n},
               {"verdict", cell.expected ? Json(outcome_name(cell.outcome)) : Json(nullptr)}};
  if (cell.expected) {
    json["published"] = cell.expected->value;
    json["tolerance"] = cell.expected->tolerance;
    if (cell.expected->source) json["source"] = *cell.expected->source;
  }
  if (cell.measured.n > 0) {
    json["measured"] = cell.measured.mean;
    json["std"] = cell.measured.deviation;
  }
  if (!cell.reason.empty()) json["reason"] = cell.reason;
  return json;
}

}  // namespace

ComparedTable compare_table(const PublishedTable& table, const std::vector<RunRecord>& runs) {
  ComparedTable compared;
  compared.file = table.file;
  for (std::size_t i = 0; i < table.file.rows.size(); ++i) {
    std::vector<ComparedCell> cells;
    for (const auto& expected : table.expected[i]) cells.push_back(compare_cell(expected, runs));
    std::vector<std::string> finished, unfinished;
    for (const RunRecord& run : runs) {
      if (!is_of_row(run, table.file.rows[i].row)) continue;
      (run.finished() ? finished : unfinished).push_back(run.summary.path.string());
    }
    compared.cells.push_back(std::move(cells));
    compared.runs.push_back(std::move(finished));
    compared.unfinished.push_back(std::move(unfinished));
  }
  return compared;
}

report::Table published_table(const ComparedTable& table) {
  std::vector<report::Column> columns = {{"", report::Align::Left}};
  for (const auto& column : table.file.columns) {
    columns.push_back({column.name, report::Align::Right});
    columns.push_back({"measured", report::Align::Right});
    columns.push_back({"verdict", report::Align::Left});
  }
  const auto others = other_figures(table.file);
  for (const auto& title : others) {
    columns.push_back({title, report::Align::Right});
    if (table.latency && table.latency->title == title) add_titles(*table.latency, columns);
  }
  columns.push_back({"n", report::Align::Right});
  report::Table out(columns);
  for (std::size_t i = 0; i < table.cells.size(); ++i) {
    const TableRow& line = table.file.rows[i];
    std::vector<std::string> row = {line.name};
    for (std::size_t k = 0; k < table.cells[i].size(); ++k) {
      const ComparedCell& cell = table.cells[i][k];
      row.push_back(expected_text(cell));
      row.push_back(report::spread_text(cell.measured, 3));
      row.push_back(cell.expected ? outcome_name(cell.outcome) : "-");
    }
    for (const auto& title : others) {
      const auto found = std::find_if(line.published.begin(), line.published.end(),
                                      [&title](const auto& entry) { return entry.first == title; });
      row.push_back(found == line.published.end() ? "-" : found->second);
      if (table.latency && table.latency->title == title) add_cells(*table.latency, i, row);
    }
    row.push_back(std::to_string(table.runs[i].size()));
    out.add(std::move(row));
  }
  return out;
}

std::vector<std::string> published_notes(const ComparedTable& table) {
  std::vector<std::string> notes;
  for (std::size_t i = 0; i < table.cells.size(); ++i) {
    for (std::size_t k = 0; k < table.cells[i].size(); ++k) {
      const ComparedCell& cell = table.cells[i][k];
      if (cell.reason.empty()) continue;
      notes.push_back(table.file.rows[i].name + ", " + table.file.columns[k].name + ": " + outcome_name(cell.outcome) +
                      ", as " + cell.reason);
    }
    for (const auto& run : table.unfinished[i]) {
      notes.push_back(table.file.rows[i].name + ": " + run + " is not finished and counts nowhere");
    }
  }
  if (table.latency) {
    notes.push_back("ratios are those of the times to " + table.latency->reference + "'s");
    notes.insert(notes.end(), table.latency->notes.begin(), table.latency->notes.end());
  }
  return notes;
}

Json to_json(const ComparedTable& table) {
  Json rows = Json::array();
  for (std::size_t i = 0; i < table.cells.size(); ++i) {
    const TableRow& line = table.file.rows[i];
    Json cells = Json::array(), published = Json::object();
    for (std::size_t k = 0; k < table.cells[i].size(); ++k) {
      cells.push_back(cell_json(line, table.file.columns[k], table.cells[i][k]));
    }
    for (const auto& [title, value] : line.published) published[title] = parse_json(value);
    rows.push_back({{"name", line.name},
                    {"row", line.row},
                    {"recipe", line.recipe},
                    {"figures", cells},
                    {"published", published},
                    {"runs", table.runs[i]},
                    {"unfinished", table.unfinished[i]}});
    if (table.latency) rows.back()["latency"] = latency_json(*table.latency, i);
  }
  return {{"title", table.file.title},
          {"source", table.file.source ? Json(*table.file.source) : Json(nullptr)},
          {"rows", rows}};
}

bool unmet(const ComparedTable& table) {
  for (const auto& row : table.cells) {
    for (const auto& cell : row) {
      if (cell.outcome == Outcome::Differs) return true;
    }
  }
  return false;
}

}  // namespace mlrun::engine
