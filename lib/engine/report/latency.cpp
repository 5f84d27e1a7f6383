#include "engine/report/latency.h"

#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "base/files.h"
#include "engine/report/published.h"
#include "engine/run/schema.h"
#include "models/registry.h"
#include "report/format.h"

namespace mlrun::engine {
namespace {

constexpr const char* kBenchHint = "measure with `mlrun bench --model NAME,NAME --json > FILE`";

/// The size that an architecture is published for.
std::int64_t own_size(const std::string& model) {
  const config::Entry* entry = models::models().find(model);
  return entry == nullptr ? 0 : entry->facts.value("input_size", std::int64_t{224});
}

bool is_single_image(const Json& row) {
  return row.is_object() && row.value("mode", Json()) == "infer" && row.value("device", Json()) == "cpu" &&
         row.value("batch", Json()) == 1 && row.value("model", Json()).is_string() &&
         row.value("p50", Json()).is_number() && row.value("threads", Json()).is_number_integer() &&
         row.value("size", Json()).is_number_integer();
}

std::optional<double> ratio(const std::vector<std::optional<double>>& values, std::size_t row) {
  if (!values[row] || !values.front() || *values.front() <= 0) return std::nullopt;
  return *values[row] / *values.front();
}

std::string ratio_text(const std::vector<std::optional<double>>& values, std::size_t row) {
  const auto value = ratio(values, row);
  return value ? report::fixed(*value, 2) : "-";
}

Json optional_json(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

std::optional<double> published_seconds(const TableRow& row, const std::string& title) {
  for (const auto& [name, value] : row.published) {
    if (name == title) return std::strtod(value.c_str(), nullptr);
  }
  return std::nullopt;
}

LatencyColumn& column_of(std::vector<LatencyColumn>& columns, const MeasuredLatency& one, std::size_t rows) {
  for (auto& column : columns) {
    if (column.engine == one.engine && column.threads == one.threads) return column;
  }
  columns.push_back({one.engine, one.threads, std::vector<std::optional<double>>(rows)});
  return columns.back();
}

}  // namespace

std::vector<MeasuredLatency> read_bench(const std::filesystem::path& file) {
  const Json json = parse_json(read_file(file));
  if (!json.is_object() || json.value("command", Json()) != "bench" || !json.value("result", Json()).is_array()) {
    throw file_error(file.string(), "is not what `mlrun bench --json` prints", kBenchHint);
  }
  check_schema(json, kOutputSchema, file);
  std::vector<MeasuredLatency> found;
  for (const Json& row : json.at("result")) {
    if (!is_single_image(row)) continue;
    found.push_back({row.at("model").get<std::string>(), row.value("precision", "fp32"), row.value("engine", "eager"),
                     row.at("size").get<std::int64_t>(), row.at("threads").get<std::int64_t>(),
                     row.at("p50").get<double>()});
  }
  if (found.empty()) {
    throw file_error(file.string(), "measured no model on single images on a CPU", kBenchHint);
  }
  return found;
}

ComparedLatency compare_latency(const PublishedTable& table, const std::vector<MeasuredLatency>& measured) {
  if (!table.file.latency) throw UserError("--bench: this table has no published seconds", "leave --bench out");
  ComparedLatency latency;
  latency.title = *table.file.latency;
  latency.reference = table.file.rows.front().name;
  for (const auto& row : table.file.rows) latency.published.push_back(published_seconds(row, latency.title));
  for (const MeasuredLatency& one : measured) {
    const std::int64_t own = own_size(one.model);
    bool known = one.size != own;
    for (std::size_t i = 0; i < table.file.rows.size(); ++i) {
      const TableRow& row = table.file.rows[i];
      if (table.models[i] != one.model || row.precision != one.precision || row.size.value_or(own) != one.size)
        continue;
      auto& cell = column_of(latency.columns, one, table.file.rows.size()).ms[i];
      cell = cell ? std::min(*cell, one.ms) : one.ms;  // of several memory formats the faster
      known = true;
    }
    if (!known)
      latency.notes.push_back(one.model + " in " + one.precision + " was measured and is no row of this table");
  }
  if (latency.columns.empty()) throw UserError("--bench: no model of this table was measured", kBenchHint);
  return latency;
}

void add_titles(const ComparedLatency& latency, std::vector<report::Column>& titles) {
  titles.push_back({"ratio", report::Align::Right});
  for (const auto& column : latency.columns) {
    titles.push_back({"ms, " + column.engine + ", " + std::to_string(column.threads) +
                          (column.threads == 1 ? " thread" : " threads"),
                      report::Align::Right});
    titles.push_back({"ratio", report::Align::Right});
  }
}

void add_cells(const ComparedLatency& latency, std::size_t row, std::vector<std::string>& cells) {
  cells.push_back(ratio_text(latency.published, row));
  for (const auto& column : latency.columns) {
    cells.push_back(column.ms[row] ? report::significant(*column.ms[row], 4) : "-");
    cells.push_back(ratio_text(column.ms, row));
  }
}

Json latency_json(const ComparedLatency& latency, std::size_t row) {
  Json measured = Json::array();
  for (const auto& column : latency.columns) {
    measured.push_back({{"engine", column.engine},
                        {"threads", column.threads},
                        {"p50", optional_json(column.ms[row])},
                        {"ratio", optional_json(ratio(column.ms, row))}});
  }
  return {{"published_ratio", optional_json(ratio(latency.published, row))}, {"measured", measured}};
}

}  // namespace mlrun::engine
