#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "config/bind.h"
#include "engine/sweep/plan.h"

namespace mlrun::engine {

/// The text of the resolved recipe of each combination, in order. UserError with the problems of all of them, each
/// told once with the combinations that have it; and for two that come to the same recipe.
std::vector<std::string> check_combinations(const SweepRequest& request,
                                            const std::vector<config::Combination>& combinations,
                                            const std::vector<std::string>& names, const config::Catalogue& catalogue);

}  // namespace mlrun::engine
