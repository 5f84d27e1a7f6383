#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "report/table.h"

/// A published table's seconds per image beside what `mlrun bench` measured here. Machines differ, so what can be
/// compared are ratios to the table's first row.
namespace mlrun::engine {

struct PublishedTable;

/// One inference at batch 1 on a CPU.
struct MeasuredLatency {
  std::string model, precision, engine;
  std::int64_t size = 0;  ///< height and width of the image
  std::int64_t threads = 0;
  double ms = 0;  ///< median
};

/// What a file that `mlrun bench --json` printed says of single images on a CPU. UserError where it is no such file, or
/// says nothing of that.
std::vector<MeasuredLatency> read_bench(const std::filesystem::path& file);

/// What one engine with one number of threads takes for each row of a table.
struct LatencyColumn {
  std::string engine;
  std::int64_t threads = 0;
  std::vector<std::optional<double>> ms;  ///< by row
};

struct ComparedLatency {
  std::string title;                             ///< of the published figure
  std::vector<std::optional<double>> published;  ///< seconds, by row
  std::vector<LatencyColumn> columns;
  std::string reference;           ///< name of the row that ratios are to
  std::vector<std::string> notes;  ///< measured models that the table does not have
};

/// A row takes what was measured at its size, which is the model's own where it names none. UserError where the table
/// names no published seconds (`latency`), or none of its models was measured.
ComparedLatency compare_latency(const PublishedTable& table, const std::vector<MeasuredLatency>& measured);

/// The titles of what stands behind the published seconds, and the cells of a row.
void add_titles(const ComparedLatency& latency, std::vector<report::Column>& titles);
void add_cells(const ComparedLatency& latency, std::size_t row, std::vector<std::string>& cells);
/// `{"published_ratio","measured":[{"engine","threads","p50","ratio"}]}` of a row.
Json latency_json(const ComparedLatency& latency, std::size_t row);

}  // namespace mlrun::engine
