#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/layers.h"
#include "config/recipe.h"
#include "engine/expect.h"
#include "engine/report/latency.h"
#include "engine/report/runs.h"
#include "report/spread.h"
#include "report/table.h"

namespace mlrun::engine {

/// A metric that a published table has for each of its rows.
struct TableColumn {
  std::string metric, name;
  static void declare(config::Declare<TableColumn>& d);
};

/// One line of a published table. Its figures are the expectations of `recipe` whose `row` is this one's.
struct TableRow {
  std::string name, row, recipe;
  std::string precision = "fp32";    ///< in which its speed was published
  std::optional<std::int64_t> size;  ///< of the images, likewise; the model's own where it says nothing
  config::StringPairs published;     ///< figures that are no expectations, as `params: 5.48`
  config::StringPairs metrics;       ///< a column's metric: the one that stands there in this row
  static void declare(config::Declare<TableRow>& d);

  /// The metric of this row in a column.
  std::string metric_in(const TableColumn& column) const;
};

struct TableFile {
  std::string title;
  std::optional<std::string> source;
  std::optional<std::string> latency;  ///< title of the published figure that is seconds an image takes
  std::vector<TableColumn> columns;
  std::vector<TableRow> rows;
  static void declare(config::Declare<TableFile>& d);
};

/// A published table with the expectations of its cells.
struct PublishedTable {
  TableFile file;
  std::vector<std::vector<std::optional<config::Expectation>>> expected;  ///< by row and column; nothing: not published
  std::vector<std::string> models;                                        ///< architecture of each row's recipe
};

/// The file that a `--table` names: one that exists, else `tables/NAME.yaml` among the shipped recipes. UserError that
/// lists those there are.
std::filesystem::path find_table(const std::string& argument, const std::vector<std::filesystem::path>& folders);

/// Reads a table and the `expect` of the recipes that its rows name (as the table's file would name them, else
/// shipped). UserError with every problem at its place.
PublishedTable read_table(const std::filesystem::path& file, const std::vector<std::filesystem::path>& folders,
                          const config::Catalogue& catalogue);

/// One cell with what runs measured of it.
struct ComparedCell {
  std::optional<config::Expectation> expected;
  Outcome outcome = Outcome::NotRun;
  report::Spread measured;
  std::string reason;
};

struct ComparedTable {
  TableFile file;
  std::vector<std::vector<ComparedCell>> cells;
  std::vector<std::vector<std::string>> runs;  ///< paths of the finished runs of each row
  std::vector<std::vector<std::string>> unfinished;
  std::optional<ComparedLatency> latency;  ///< where there are measured ones
};

/// Holds every finished run against the rows that its recipe expects. Several runs of a row are judged by their mean.
ComparedTable compare_table(const PublishedTable& table, const std::vector<RunRecord>& runs);

/// Published and measured figures with their verdicts, side by side.
report::Table published_table(const ComparedTable& table);
/// Why cells are not comparable or differ, and runs that are not finished: one line each.
std::vector<std::string> published_notes(const ComparedTable& table);
Json to_json(const ComparedTable& table);
/// Whether a cell differs: exit code 3.
bool unmet(const ComparedTable& table);

}  // namespace mlrun::engine
