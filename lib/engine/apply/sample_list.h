#pragma once

#include <string>
#include <vector>

#include "engine/task.h"
#include "report/table.h"

namespace mlrun::engine {

/// What a task says of each sample of an evaluation (`Task::judge`), in split order.
class SampleList {
 public:
  SampleList() = default;
  /// UserError where the task judges no samples one by one.
  explicit SampleList(const Task& task);

  void add(const Task& task, const data::Batch& batch, const data::Fields& prediction);

  /// `[{"id": ..., ...}]`
  Json json() const;
  /// The same, figures with all their digits; nothing stands for null.
  report::Table table() const;

 private:
  std::vector<std::string> columns_;     // `id` first
  std::vector<std::vector<Json>> rows_;  // as many values each
};

}  // namespace mlrun::engine
