#include <algorithm>
#include <functional>
#include <set>
#include <tuple>

#include "config/bind.h"
#include "config/layering.h"
#include "config/tasks_of.h"

namespace mlrun::config {
namespace {

/// Files in their order, the command line last; then lines and columns.
bool stands_before(const Problem& a, const Problem& b) {
  const auto place = [](const Problem& p) {
    return std::make_tuple(p.file == kCommandLine, std::cref(p.file), p.line, p.column);
  };
  return place(a) < place(b);
}

bool same_place(const Problem& a, const Problem& b) {
  const bool same = a.file == b.file && a.line == b.line && a.column == b.column;
  return same && a.key == b.key;
}

/// The keys of values whose reference could not be replaced.
void collect_unresolved(const Node& node, const std::string& key, std::set<std::string>& keys) {
  if (node.scalar.find("${") != std::string::npos) keys.insert(key);
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    collect_unresolved(node.items[i], join_key(key, std::to_string(i)), keys);
  }
  for (const auto& entry : node.entries) collect_unresolved(entry.value, join_key(key, entry.key), keys);
}

/// Adds what checking found to what reading found, except about values that reading has already
/// complained of: those are not what the user meant.
void add_problems(const Layered& layered, std::vector<Problem> found, std::vector<Problem>& problems) {
  problems = layered.problems;
  std::set<std::string> unresolved;
  if (!problems.empty()) collect_unresolved(layered.root, "", unresolved);
  for (auto& problem : found) {
    const bool known = std::any_of(layered.problems.begin(), layered.problems.end(),
                                   [&](const Problem& earlier) { return same_place(earlier, problem); });
    if (!known && unresolved.count(problem.key) == 0) problems.push_back(std::move(problem));
  }
}

/// What is wrong with a value that the environment lacks is that it does.
void name_unset(const Layered& layered, std::vector<Problem>& found) {
  for (auto& problem : found) {
    for (const auto& unset : layered.unset) {
      if (same_place(problem, unset)) problem = unset;
    }
  }
}

/// Refuses a model that is made for other tasks than the recipe's, where there are models for that one.
void check_task(const Resolved& resolved, const Catalogue& catalogue, std::vector<Problem>& problems) {
  const std::string& task = resolved.recipe.task.kind.name;
  const std::string& model = resolved.recipe.model.architecture.name;
  const Entry* entry = model.empty() || task.empty() ? nullptr : catalogue.at("model").find(model);
  const auto tasks = entry == nullptr ? std::vector<std::string>() : tasks_of(*entry);
  if (tasks.empty() || is_for_task(*entry, task)) return;
  const auto& all_models = catalogue.at("model").entries();
  if (std::none_of(all_models.begin(), all_models.end(), [&](const Entry& one) { return is_for_task(one, task); }))
    return;
  std::string all;
  for (const auto& name : tasks) all += (all.empty() ? "" : ", ") + name;
  const Origin origin = origin_of(resolved.provenance, "model.name");
  problems.push_back({origin.file, origin.line, origin.column, "model.name",
                      model + " is made for " + all + ", and the task is " + task,
                      "`mlrun list models --task " + task + "` shows those that fit"});
}

Resolved check(Layered layered, const Spec& spec, const Catalogue& catalogue) {
  Resolved resolved;
  resolved.notes = std::move(layered.notes);
  std::vector<Problem> found;
  bind_node(layered.root, spec, catalogue, &resolved.recipe, "", resolved.provenance, found, &resolved.wording);
  name_unset(layered, found);
  check_task(resolved, catalogue, found);
  std::vector<Problem> problems;
  add_problems(layered, std::move(found), problems);
  if (!problems.empty()) {
    std::stable_sort(problems.begin(), problems.end(), stands_before);
    throw UserError(std::move(problems));
  }
  resolved.values = dump(spec, catalogue, &resolved.recipe);
  return resolved;
}

}  // namespace

Origin origin_of(const Provenance& provenance, const std::string& key) {
  if (const auto found = provenance.find(key); found != provenance.end()) return found->second;
  const std::string section = key + ".";
  for (auto at = provenance.lower_bound(section); at != provenance.end() && at->first.rfind(section, 0) == 0; ++at) {
    if (!at->second.file.empty()) return at->second;
  }
  return {};
}

UserError placed(const UserError& error, const Provenance& provenance) {
  std::vector<Problem> problems = error.problems();
  for (auto& problem : problems) {
    if (!problem.file.empty() || problem.key.empty()) continue;
    const Origin origin = origin_of(provenance, problem.key);
    problem.file = origin.file, problem.line = origin.line, problem.column = origin.column;
  }
  return UserError(std::move(problems), error.code());
}

Resolved resolve(const LayerRequest& request, const Catalogue& catalogue) {
  const auto spec = spec_of<Recipe>();
  Resolved resolved = check(read_layers(request, *spec, catalogue), *spec, catalogue);
  resolved.name = request.file.stem().string();
  return resolved;
}

Resolved resolve(const std::string& text, const LayerRequest& request, const Catalogue& catalogue) {
  const auto spec = spec_of<Recipe>();
  Resolved resolved = check(read_layers(text, request, *spec, catalogue), *spec, catalogue);
  resolved.name = request.file.stem().string();
  return resolved;
}

}  // namespace mlrun::config
