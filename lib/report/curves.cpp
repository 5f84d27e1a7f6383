#include "report/curves.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <unordered_set>

#include "base/files.h"

namespace mlrun::report {
namespace {

constexpr std::size_t kMostFigures = 1000;

}  // namespace

std::vector<Json> read_metric_rows(const std::filesystem::path& folder) {
  const auto file = folder / "metrics.jsonl";
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return {};
  const std::string text = read_file(file);
  std::vector<Json> rows;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    Json row = parse_json(std::string_view(text).substr(begin, end - begin));
    const bool good = row.is_object() && row.contains("epoch") && row["epoch"].is_number();
    if (good) rows.push_back(std::move(row));
    begin = end + 1;
  }
  return rows;
}

Series curve(const std::vector<Json>& rows, const std::string& name) {
  Series series;
  series.name = name;
  for (const Json& row : rows) {
    const auto found = row.find(name);
    if (found == row.end()) continue;
    series.x.push_back(row["epoch"].get<double>());
    series.y.push_back(found->is_number() ? found->get<double>() : std::numeric_limits<double>::quiet_NaN());
  }
  return series;
}

std::vector<std::string> figure_names(const std::vector<Json>& rows) {
  std::vector<std::string> names;
  std::unordered_set<std::string> known = {"step", "epoch"};
  for (const Json& row : rows) {
    for (const auto& [name, value] : row.items()) {
      if (names.size() < kMostFigures && known.insert(name).second) names.push_back(name);
    }
  }
  return names;
}

}  // namespace mlrun::report
