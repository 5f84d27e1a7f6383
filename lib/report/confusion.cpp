#include "report/confusion.h"

#include <numeric>

#include "base/error.h"
#include "report/format.h"
#include "report/table.h"

namespace mlrun::report {
namespace {

void check(const Confusion& confusion) {
  const std::size_t n = confusion.classes.size();
  MLRUN_ASSERT(confusion.counts.size() == n, "a confusion matrix needs one row for each class");
  for (const auto& row : confusion.counts) {
    MLRUN_ASSERT(row.size() == n, "a confusion matrix needs one column for each class");
  }
}

}  // namespace

Confusion read_confusion(const Json& details) {
  return {details.at("classes").get<std::vector<std::string>>(),
          details.at("matrix").get<std::vector<std::vector<std::int64_t>>>()};
}

std::string confusion_text(const Confusion& confusion) {
  check(confusion);
  std::vector<Column> columns = {{"#", Align::Right}, {"true \\ predicted", Align::Left}};
  for (std::size_t i = 0; i < confusion.classes.size(); ++i) columns.push_back({std::to_string(i), Align::Right});
  columns.push_back({confusion.unit, Align::Right});
  columns.push_back({"right", Align::Right});
  Table table(std::move(columns));
  for (std::size_t i = 0; i < confusion.classes.size(); ++i) {
    const auto& counts = confusion.counts[i];
    std::vector<std::string> row = {std::to_string(i), confusion.classes[i]};
    for (const std::int64_t count : counts) row.push_back(count == 0 ? "." : std::to_string(count));
    const std::int64_t total = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
    row.push_back(std::to_string(total));
    row.push_back(total == 0 ? "-" : percent(static_cast<double>(counts[i]) / static_cast<double>(total)));
    table.add(std::move(row));
  }
  return table.text();
}

std::string confusion_csv(const Confusion& confusion) {
  check(confusion);
  std::vector<std::string> header = {"true"};
  header.insert(header.end(), confusion.classes.begin(), confusion.classes.end());
  std::string out = csv_row(header);
  for (std::size_t i = 0; i < confusion.classes.size(); ++i) {
    std::vector<std::string> row = {confusion.classes[i]};
    for (const std::int64_t count : confusion.counts[i]) row.push_back(std::to_string(count));
    out += csv_row(row);
  }
  return out;
}

}  // namespace mlrun::report
