#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace mlrun::models {

/// Which models, and in what order.
struct ListQuery {
  std::string pattern;  ///< shell pattern of names; empty: all
  std::string task{};   ///< that the models are made for; empty: any
  std::optional<double> min_params, max_params;
  std::optional<double> min_macs, max_macs;
  std::optional<double> min_acc1;  ///< percent; leaves out models without a published figure
  std::string sort = "";  ///< `name`, `params`, `macs` (smallest first), `acc1` (best first); else as registered
};

/// `{"name", "task" (where they are made for several, the first), "params", "macs", "input_size", "metrics",
/// "description"}` of each; figures are counted by building the models without numbers, some milliseconds each; `macs`
/// is null where that cannot tell.
std::vector<Json> list_models(const ListQuery& query);

/// The metrics that are published of any of these entries (of models or of weights), in the order in which they come
/// up.
std::vector<std::string> published_metrics(const std::vector<Json>& entries);

/// `5M` is 5,000,000; also k, G and fractions (`2.5M`). UserError that names `option` otherwise.
double parse_count(const std::string& text, const std::string& option);

}  // namespace mlrun::models
