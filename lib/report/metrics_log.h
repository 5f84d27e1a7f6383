#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "report/figure.h"

namespace mlrun::report {

/// A run's figures over time, in two files of one folder: `metrics.jsonl`, one object per line
/// with `step`, `epoch` and the figures (not finite: null), and `metrics.csv` with the same rows
/// (absent: empty; not finite: `nan`). metrics.jsonl is the record, metrics.csv is made from it.
class MetricsLog {
 public:
  /// Opens the logs in `folder`, which exists; a torn last line is dropped. UserError when
  /// metrics.jsonl holds something else.
  explicit MetricsLog(const std::filesystem::path& folder);

  /// Appends one row to both files. A figure that no row had before rewrites metrics.csv, whole or
  /// not at all, with one more column. `step` and `epoch` are not names of figures.
  void append(std::int64_t step, double epoch, const Figures& figures);

  /// Keeps only the rows whose step is at most `step`.
  void truncate_after(std::int64_t step);

 private:
  std::vector<Json> read_rows() const;
  void rewrite(std::int64_t last_step);
  /// Adds the row's new names to the columns; whether there were any.
  bool add_columns(const Json& row);
  std::string csv_line(const Json& row) const;
  std::string csv_of(const std::vector<Json>& rows);

  std::filesystem::path jsonl_, csv_;
  std::vector<std::string> columns_;
};

}  // namespace mlrun::report
