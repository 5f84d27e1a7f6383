#include "report/metrics_log.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

#include "base/error.h"
#include "base/files.h"
#include "report/format.h"
#include "report/table.h"

namespace mlrun::report {
namespace {

constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kMostColumns = 1000;

/// A row: an object with a whole-numbered `step`; null where `line` is none.
Json parse_row(std::string_view line) {
  Json row = parse_json(line);
  const bool good =
      row.is_object() && row.size() <= kMostColumns && row.contains("step") && row["step"].is_number_integer();
  return good ? row : Json(nullptr);
}

Json number(double value) {
  if (!std::isfinite(value)) return nullptr;
  if (value == std::trunc(value) && std::abs(value) < 1e15) return static_cast<std::int64_t>(value);
  return value;
}

std::string cell(const Json& value) {
  if (value.is_null()) return "nan";
  if (value.is_number_integer()) return std::to_string(value.get<std::int64_t>());
  return value.is_number() ? shortest(value.get<double>()) : json_text(value);
}

}  // namespace

MetricsLog::MetricsLog(const std::filesystem::path& folder)
    : jsonl_(folder / "metrics.jsonl"), csv_(folder / "metrics.csv") {
  if (std::filesystem::exists(jsonl_)) rewrite(kNoLimit);
}

void MetricsLog::append(std::int64_t step, double epoch, const Figures& figures) {
  Json row = {{"step", step}, {"epoch", number(epoch)}};
  for (const Figure& figure : figures) {
    MLRUN_ASSERT(figure.name != "step" && figure.name != "epoch", "no figure may be called '" + figure.name + "'");
    row[figure.name] = number(figure.value);
  }
  append_file(jsonl_, json_text(row) + "\n");
  if (add_columns(row)) write_file(csv_, csv_of(read_rows()), Links::Refuse);
  else append_file(csv_, csv_line(row));
}

void MetricsLog::truncate_after(std::int64_t step) {
  if (std::filesystem::exists(jsonl_)) rewrite(step);
}

std::vector<Json> MetricsLog::read_rows() const {
  const std::string content = read_file(jsonl_);
  std::vector<Json> rows;
  int line = 0;
  for (std::size_t begin = 0; begin < content.size();) {
    const std::size_t end = std::min(content.find('\n', begin), content.size());
    Json row = parse_row(std::string_view(content).substr(begin, end - begin));
    ++line;
    begin = end + 1;
    if (!row.is_null()) {
      rows.push_back(std::move(row));
    } else if (begin < content.size()) {
      throw UserError(Problem{jsonl_.string(), line, 0, "", "is not an object with a step",
                              "remove the line, or move the file away to start a new one"});
    }
  }
  return rows;
}

void MetricsLog::rewrite(std::int64_t last_step) {
  std::vector<Json> rows = read_rows();
  const auto later = [last_step](const Json& row) { return row["step"].get<std::int64_t>() > last_step; };
  rows.erase(std::remove_if(rows.begin(), rows.end(), later), rows.end());
  std::string text;
  for (const auto& row : rows) text += json_text(row) + "\n";
  columns_.clear();
  write_file(jsonl_, text, Links::Refuse);
  write_file(csv_, csv_of(rows), Links::Refuse);
}

bool MetricsLog::add_columns(const Json& row) {
  const std::size_t before = columns_.size();
  for (const auto& item : row.items()) {
    if (std::find(columns_.begin(), columns_.end(), item.key()) == columns_.end()) columns_.push_back(item.key());
  }
  if (columns_.size() > kMostColumns) {
    throw file_error(jsonl_.string(), "names more than " + std::to_string(kMostColumns) + " figures",
                     "move the file away to start a new one");
  }
  return columns_.size() > before;
}

std::string MetricsLog::csv_line(const Json& row) const {
  std::vector<std::string> cells;
  for (const auto& column : columns_) cells.push_back(row.contains(column) ? cell(row[column]) : "");
  return csv_row(cells);
}

std::string MetricsLog::csv_of(const std::vector<Json>& rows) {
  for (const auto& row : rows) add_columns(row);
  std::string text = columns_.empty() ? "" : csv_row(columns_);
  for (const auto& row : rows) text += csv_line(row);
  return text;
}

}  // namespace mlrun::report
