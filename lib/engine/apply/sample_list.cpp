#include "engine/apply/sample_list.h"

#include "base/error.h"
#include "report/format.h"

namespace mlrun::engine {
namespace {

std::string cell_of(const Json& value) {
  if (value.is_null()) return "";
  if (value.is_string()) return value.get<std::string>();
  return value.is_number_float() ? report::shortest(value.get<double>()) : json_text(value);
}

}  // namespace

SampleList::SampleList(const Task& task) : columns_(task.judged()) {
  if (columns_.empty()) {
    throw UserError("this task has no list of single predictions",
                    "leave out --predictions and --predictions-csv; --dump-outputs writes what its models say");
  }
  columns_.insert(columns_.begin(), "id");
}

void SampleList::add(const Task& task, const data::Batch& batch, const data::Fields& prediction) {
  auto judged = task.judge(batch, prediction);
  MLRUN_ASSERT(judged.size() == batch.ids.size(), "a task judges every sample of a batch");
  for (std::size_t i = 0; i < judged.size(); ++i) {
    MLRUN_ASSERT(judged[i].size() + 1 == columns_.size(), "a task says of each sample what `judged` names");
    judged[i].insert(judged[i].begin(), batch.ids[i]);
    rows_.push_back(std::move(judged[i]));
  }
}

Json SampleList::json() const {
  Json list = Json::array();
  for (const auto& row : rows_) {
    Json entry = Json::object();
    for (std::size_t i = 0; i < columns_.size(); ++i) entry[columns_[i]] = row[i];
    list.push_back(std::move(entry));
  }
  return list;
}

report::Table SampleList::table() const {
  std::vector<report::Column> columns;
  for (const auto& name : columns_) columns.push_back({name, name == "id" ? report::Align::Left : report::Align::Auto});
  report::Table table(columns);
  for (const auto& row : rows_) {
    std::vector<std::string> cells;
    for (const Json& value : row) cells.push_back(cell_of(value));
    table.add(std::move(cells));
  }
  return table;
}

}  // namespace mlrun::engine
