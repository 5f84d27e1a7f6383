#include <algorithm>

#include "data/transforms/transform.h"
#include "deploy/bench/bench.h"
#include "report/format.h"

namespace mlrun::deploy {
namespace {

using CellOf = std::string (*)(const BenchRow&);

/// A column of the table: how a row fills it, and how a setting reads above the table.
struct BenchColumn {
  const char* title;
  CellOf cell;
  const char* before = "";  ///< around the value where all rows share it
  const char* after = "";
};

std::string count_text(std::int64_t count) { return count > 0 ? std::to_string(count) : ""; }

/// `64`, or `48x64`.
std::string size_text(const BenchRow& row) {
  return row.height == row.width ? count_text(row.height)
                                 : std::to_string(row.height) + "x" + std::to_string(row.width);
}

/// What was asked for. Shared values stand above the table.
const std::vector<BenchColumn>& settings() {
  static const std::vector<BenchColumn> columns = {
      {"mode", [](const BenchRow& r) { return r.mode; }, "mode "},
      {"device", [](const BenchRow& r) { return r.device; }},
      {"size", size_text, "", " px"},
      {"batch", [](const BenchRow& r) { return count_text(r.batch); }, "batch "},
      {"threads", [](const BenchRow& r) { return count_text(r.threads); }, "threads: "},
      {"workers", [](const BenchRow& r) { return r.mode == "load" ? std::to_string(r.workers) : ""; }, "workers: "},
      {"precision", [](const BenchRow& r) { return r.precision; }},
      {"engine", [](const BenchRow& r) { return r.engine; }},
      {"memory format", [](const BenchRow& r) { return r.memory_format; }},
      {"instruction sets", [](const BenchRow& r) { return r.isa; }},
  };
  return columns;
}

std::string figure(double value, int digits) { return value > 0 ? report::significant(value, digits) : "-"; }

/// What was measured.
const std::vector<BenchColumn>& figures() {
  static const std::vector<BenchColumn> columns = {
      {"params", [](const BenchRow& r) { return r.params > 0 ? report::compact(static_cast<double>(r.params)) : "-"; }},
      {"MACs", [](const BenchRow& r) { return r.macs > 0 ? report::compact(static_cast<double>(r.macs)) : "-"; }},
      {"p50 ms", [](const BenchRow& r) { return figure(r.latency.p50, 4); }},
      {"p90", [](const BenchRow& r) { return figure(r.latency.p90, 4); }},
      {"p99", [](const BenchRow& r) { return figure(r.latency.p99, 4); }},
      {"noise", [](const BenchRow& r) { return "±" + report::percent(r.latency.noise, 1); }},
      {"images/s", [](const BenchRow& r) { return report::fixed(r.images_per_s, 1); }},
      {"RSS MiB", [](const BenchRow& r) { return report::fixed(r.rss_mb, 0); }},
      {"GFLOP/s", [](const BenchRow& r) { return r.gflops > 0 ? report::fixed(r.gflops, 1) : "-"; }},
      {"of ceiling",
       [](const BenchRow& r) {
         return r.gflops > 0 && r.ceiling > 0 ? report::percent(r.gflops / r.ceiling, 0) : "-";
       }},
  };
  return columns;
}

bool shared(const std::vector<BenchRow>& rows, CellOf cell) {
  return std::all_of(rows.begin(), rows.end(), [&](const BenchRow& row) { return cell(row) == cell(rows.front()); });
}

/// A column in which no row has anything to say.
bool silent(const std::vector<BenchRow>& rows, CellOf cell) {
  return std::all_of(rows.begin(), rows.end(), [&](const BenchRow& row) { return cell(row) == "-"; });
}

report::Table rows_table(const std::vector<BenchRow>& rows) {
  std::vector<report::Column> titles = {{"model", report::Align::Left}};
  std::vector<CellOf> cells;
  for (const auto& column : settings()) {
    if (shared(rows, column.cell)) continue;
    titles.push_back({column.title, report::Align::Auto});
    cells.push_back(column.cell);
  }
  for (const auto& column : figures()) {
    if (silent(rows, column.cell)) continue;
    titles.push_back({column.title, report::Align::Right});
    cells.push_back(column.cell);
  }
  report::Table table(titles);
  for (const auto& row : rows) {
    std::vector<std::string> line = {row.model};
    for (const auto cell : cells) line.push_back(cell(row));
    table.add(std::move(line));
  }
  return table;
}

std::string shared_text(const std::vector<BenchRow>& rows) {
  std::string text;
  for (const auto& column : settings()) {
    const std::string value = column.cell(rows.front());
    if (value.empty() || !shared(rows, column.cell)) continue;
    text += (text.empty() ? "" : ", ") + std::string(column.before) + value + column.after;
  }
  return text;
}

std::string ceiling_text(const std::vector<BenchRow>& rows) {
  std::map<std::int64_t, double> ceilings;
  for (const auto& row : rows) {
    if (row.ceiling > 0) ceilings[row.threads] = row.ceiling;
  }
  std::string text;
  for (const auto& [threads, gflops] : ceilings) {
    text += (text.empty() ? "ceiling (a float32 matrix product): " : ", ") + report::fixed(gflops, 1) +
            " GFLOP/s with " + std::to_string(threads) + (threads == 1 ? " thread" : " threads");
  }
  return text;
}

std::string csv_text(const std::vector<BenchRow>& rows) {
  std::string text;
  for (const auto& row : rows) {
    std::vector<std::string> titles, cells;
    const Json json = to_json(row);
    for (const auto& [key, value] : json.items()) {
      if (key == "layers") continue;
      titles.push_back(key);
      if (key == "size") cells.push_back(size_text(row));
      else cells.push_back(value.is_string() ? value.get<std::string>() : value.is_null() ? "" : value.dump());
    }
    if (text.empty()) text = report::csv_row(titles);
    text += report::csv_row(cells);
  }
  return text;
}

std::string row_name(const BenchRow& row) {
  return row.model + ", batch " + std::to_string(row.batch) + ", " + std::to_string(row.threads) +
         (row.threads == 1 ? " thread, " : " threads, ") + row.precision;
}

std::string unsteady_text(const std::vector<BenchRow>& rows) {
  std::string names;
  for (const auto& row : rows) {
    if (row.latency.steady || row.mode == "load") continue;
    names += (names.empty() ? "" : "; ") + row_name(row);
  }
  return names.empty() ? "" : "\nTimes did not become steady (a busy machine, or too few --seconds): " + names + "\n";
}

}  // namespace

Json to_json(const BenchRow& row) {
  const auto text = [](const std::string& value) { return value.empty() ? Json(nullptr) : Json(value); };
  const auto number = [](double value) { return value > 0 ? Json(value) : Json(nullptr); };
  const auto count = [](std::int64_t value) { return value > 0 ? Json(value) : Json(nullptr); };
  Json json = {{"mode", row.mode},
               {"model", row.model},
               {"weights", text(row.weights)},
               {"device", row.device},
               {"batch", row.batch},
               {"size", row.height > 0 ? data::size_json(row.height, row.width) : Json(nullptr)},
               {"threads", count(row.threads)},
               {"workers", row.mode == "load" ? Json(row.workers) : Json(nullptr)},
               {"precision", text(row.precision)},
               {"engine", text(row.engine)},
               {"memory_format", text(row.memory_format)},
               {"isa", text(row.isa)}};
  const Json times = engine::to_json(row.latency);
  for (const auto& [key, value] : times.items()) json[key] = value;
  json["images_per_s"] = row.images_per_s;
  json["rss_mb"] = row.rss_mb;
  json["params"] = count(row.params);
  json["macs"] = count(row.macs);
  json["gflops"] = number(row.gflops);
  json["ceiling_gflops"] = number(row.ceiling);
  json["ceiling_share"] = row.ceiling > 0 && row.gflops > 0 ? Json(row.gflops / row.ceiling) : Json(nullptr);
  if (!row.layers.empty()) json["layers"] = to_json(row.layers);
  return json;
}

std::string bench_text(const std::vector<BenchRow>& rows, TableForm form, std::size_t most) {
  if (form == TableForm::Csv) return csv_text(rows);
  const auto rendered = [form](const report::Table& table) {
    return form == TableForm::Markdown ? table.markdown() : table.text();
  };
  std::string text = shared_text(rows) + "\n";
  const std::string ceiling = ceiling_text(rows);
  if (!ceiling.empty()) text += (form == TableForm::Markdown ? "\n" : "") + ceiling + "\n";
  text += "\n" + rendered(rows_table(rows)) + unsteady_text(rows);
  for (const auto& row : rows) {
    if (row.layers.empty()) continue;
    text += "\n" + row_name(row) + ": " + layer_sum_text(row.layers, most, row.latency.p50) + "\n\n" +
            rendered(layer_table(row.layers, most));
  }
  return text;
}

}  // namespace mlrun::deploy
