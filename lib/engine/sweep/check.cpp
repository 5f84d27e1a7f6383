#include "engine/sweep/check.h"

#include <algorithm>
#include <map>
#include <set>

#include "engine/run/initial_weights.h"

namespace mlrun::engine {
namespace {

/// Problems with the combinations that have them, in the order in which they were met.
class ProblemList {
 public:
  void add(const Problem& problem, const std::string& name) {
    const auto [place, added] = places_.emplace(problem.text(), problems_.size());
    if (added) problems_.push_back({problem, {}});
    problems_[place->second].names.push_back(name);
  }

  bool empty() const { return problems_.empty(); }

  UserError error(std::size_t combinations) const {
    std::vector<Problem> all;
    for (const auto& entry : problems_) {
      all.push_back(entry.problem);
      all.back().message += " (" + whose(entry.names, combinations) + ")";
    }
    return UserError(std::move(all));
  }

 private:
  struct Entry {
    Problem problem;
    std::vector<std::string> names;
  };

  static std::string whose(const std::vector<std::string>& names, std::size_t combinations) {
    constexpr std::size_t kMostNamed = 3;
    if (names.size() == combinations) return "in every combination";
    std::string text = "in ";
    for (std::size_t i = 0; i < std::min(names.size(), kMostNamed); ++i) text += (i == 0 ? "" : ", ") + names[i];
    const std::size_t rest = names.size() - std::min(names.size(), kMostNamed);
    return rest == 0 ? text : text + " and " + std::to_string(rest) + " more";
  }

  std::vector<Entry> problems_;
  std::map<std::string, std::size_t> places_;
};

}  // namespace

std::vector<std::string> check_combinations(const SweepRequest& request,
                                            const std::vector<config::Combination>& combinations,
                                            const std::vector<std::string>& names, const config::Catalogue& catalogue) {
  std::vector<std::string> recipes;
  std::map<std::string, std::string> known;  // by the recipe's text
  std::set<std::string> models;              // whose weights are looked for: once each
  ProblemList problems;
  for (std::size_t i = 0; i < combinations.size(); ++i) {
    config::LayerRequest layers = request.layers;
    layers.overrides.insert(layers.overrides.end(), combinations[i].begin(), combinations[i].end());
    try {
      const config::Resolved resolved = config::resolve(layers, catalogue);
      if (models.insert(json_text(resolved.values.at("model"))).second) check_initial_weights(resolved);
      const std::string recipe = config::recorded_yaml(resolved);
      const auto [twin, added] = known.emplace(recipe, names[i]);
      if (!added) throw UserError("comes to the same recipe as " + twin->second, "remove one of the values");
      recipes.push_back(recipe);
    } catch (const UserError& error) {
      for (const auto& problem : error.problems()) problems.add(problem, names[i]);
    }
  }
  if (!problems.empty()) throw problems.error(combinations.size());
  return recipes;
}

}  // namespace mlrun::engine
