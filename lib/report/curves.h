#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "report/chart.h"

namespace mlrun::report {

/// The rows of a run's metrics.jsonl, which may be written meanwhile: what is no row is left out. Empty
/// where there is no such file.
std::vector<Json> read_metric_rows(const std::filesystem::path& folder);

/// The figure `name` over epochs; rows that lack it are left out, values that are not finite (null) are
/// gaps.
Series curve(const std::vector<Json>& rows, const std::string& name);

/// The names of all figures, in the order in which rows first have them.
std::vector<std::string> figure_names(const std::vector<Json>& rows);

}  // namespace mlrun::report
