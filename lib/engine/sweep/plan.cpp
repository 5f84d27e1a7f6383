#include "engine/sweep/plan.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/paths.h"
#include "base/temporary.h"
#include "config/bind.h"
#include "engine/run/run_directory.h"
#include "engine/run/schema.h"
#include "engine/sweep/check.h"

namespace mlrun::engine {

namespace fs = std::filesystem;

namespace {

constexpr const char* kFile = "sweep.json";
constexpr const char* kRecipes = "recipes";

Json sets_json(const std::vector<config::Override>& sets) {
  Json json = Json::object();
  for (const auto& set : sets) json[set.key] = set.value;
  return json;
}

std::vector<config::Override> overrides_of(const Json& json) {
  std::vector<config::Override> sets;
  for (const auto& [key, value] : json.items()) sets.push_back({key, value.get<std::string>()});
  return sets;
}

Json plan_json(const SweepPlan& plan) {
  Json combinations = Json::array();
  for (const auto& combination : plan.combinations) {
    combinations.push_back({{"name", combination.name},
                            {"set", sets_json(combination.set)},
                            {"recipe_sha256", combination.recipe_sha256}});
  }
  Json json = {
      {"schema", kSweepSchema}, {"base", plan.base}, {"fixed", sets_json(plan.fixed)}, {"keys", sets_json(plan.keys)}};
  if (plan.random > 0) json["random"] = {{"count", plan.random}, {"seed", plan.seed}};
  json["combinations"] = std::move(combinations);
  return json;
}

SweepPlan plan_of(const Json& json) {
  SweepPlan plan;
  plan.base = json.at("base").get<std::string>();
  plan.fixed = overrides_of(json.at("fixed"));
  plan.keys = overrides_of(json.at("keys"));
  if (json.contains("random")) {
    plan.random = json.at("random").at("count").get<std::int64_t>();
    plan.seed = json.at("random").at("seed").get<std::uint64_t>();
  }
  for (const auto& entry : json.at("combinations")) {
    plan.combinations.push_back({entry.at("name").get<std::string>(), overrides_of(entry.at("set")),
                                 entry.at("recipe_sha256").get<std::string>()});
  }
  return plan;
}

void check_axes(const SweepRequest& request) {
  if (request.axes.empty()) throw UserError("nothing is swept", "give a key several values, as optimizer.lr=0.1,0.01");
  std::set<std::string> keys;
  for (const auto& set : request.layers.overrides) keys.insert(set.key);
  for (const auto& axis : request.axes) {
    if (!keys.insert(axis.key).second) throw UserError(axis.key + " is given twice", "keep one");
  }
}

/// Which part of the plan is another; empty where it is the same.
std::string difference(const Json& before, const Json& now) {
  for (const char* part : {"base", "fixed", "keys", "random"}) {
    if (before.value(part, Json()) != now.value(part, Json())) return part;
  }
  return before == now ? "" : "recipe";
}

std::string recipe_name(const SweepCombination& combination) { return combination.name + ".yaml"; }

/// True where `folder` holds these very recipes and nothing else: a plan was killed before it was there.
bool holds_recipes(const fs::path& folder, const SweepPlan& plan) {
  std::map<std::string, std::string> expected;
  for (const auto& combination : plan.combinations) expected[recipe_name(combination)] = combination.recipe_sha256;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const auto found = expected.find(entry->path().filename().string());
    if (found == expected.end() || !entry->is_regular_file() || sha256_file(entry->path()) != found->second)
      return false;
    expected.erase(found);
  }
  return expected.empty();
}

/// True where `folder` holds this very plan. UserError where it holds anything else but what a killed plan left.
bool holds_plan(const fs::path& folder, const SweepPlan& plan) {
  if (fs::exists(folder / kFile)) {
    const std::string part = difference(plan_json(read_sweep(folder)), plan_json(plan));
    if (part.empty()) return true;
    throw file_error(folder.string(), "holds another sweep: its " + part + (part == "keys" ? " differ" : " differs"),
                     "choose another folder with -o");
  }
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string(), hidden = hidden_target(name);
    if (hidden == kRecipes || hidden == kFile) continue;
    if (name == kRecipes && holds_recipes(entry->path(), plan)) continue;
    throw file_error(folder.string(), "is not empty and holds no sweep", "choose another folder with -o");
  }
  return false;
}

/// The recipe's `train.threads`; null where it leaves them to the machine.
bool sets_threads(const fs::path& recipe) {
  const config::Node root = config::read_yaml(recipe);
  const config::Node* train = root.find("train");
  const config::Node* threads = train == nullptr ? nullptr : train->find("threads");
  return threads != nullptr && threads->type == config::Node::Type::Scalar && threads->scalar != "null";
}

/// The threads that a run was told to use when it began; nothing where it has not begun.
std::optional<Json> recorded_threads(const fs::path& run) {
  if (!fs::exists(run / "run.json")) return std::nullopt;
  const RunDirectory directory = RunDirectory::open(run);
  const Json recipe = directory.info().value("recipe", Json());
  if (!recipe.is_object()) return std::nullopt;
  return recipe.value("train", Json::object()).value("threads", Json());
}

/// All recipes at once.
void write_recipes(const fs::path& folder, const SweepPlan& plan, const std::vector<std::string>& texts) {
  make_directories(folder);
  if (fs::exists(folder / kRecipes)) return;
  Draft recipes(folder / kRecipes, Links::Refuse);
  recipes.make_folder();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    write_file(recipes.path() / recipe_name(plan.combinations[i]), texts[i]);
  }
  recipes.publish();
}

}  // namespace

PlannedSweep write_sweep(const fs::path& folder, const SweepRequest& request, const config::Catalogue& catalogue) {
  check_axes(request);
  const auto combinations = request.random > 0 ? config::sweep_random(request.axes, request.random, request.seed)
                                               : config::sweep_grid(request.axes);
  const auto names = config::sweep_names(combinations);
  const auto recipes = check_combinations(request, combinations, names, catalogue);
  PlannedSweep planned;
  planned.plan = {request.base, request.layers.overrides, {}, request.random, request.seed, {}};
  for (const auto& axis : request.axes) planned.plan.keys.push_back({axis.key, axis.text});
  for (std::size_t i = 0; i < recipes.size(); ++i) {
    planned.plan.combinations.push_back({names[i], combinations[i], sha256(recipes[i].data(), recipes[i].size())});
  }
  planned.existed = holds_plan(folder, planned.plan);
  if (planned.existed) return planned;
  write_recipes(folder, planned.plan, recipes);
  remove_leftovers_of(folder / kFile);
  write_file(folder / kFile, json_text(plan_json(planned.plan), 2) + "\n", Links::Refuse);
  return planned;
}

SweepPlan read_sweep(const fs::path& folder) {
  const fs::path file = folder / kFile;
  if (!fs::exists(file)) {
    throw file_error(folder.string(), fs::exists(folder) ? "is no sweep: it has no sweep.json" : "does not exist",
                     "name the folder that `mlrun sweep plan` wrote");
  }
  const Json json = parse_json(read_file(file, 1U << 28U));
  if (json.is_object()) check_schema(json, kSweepSchema, file);
  SweepPlan plan;
  try {
    plan = plan_of(json);
  } catch (const Json::exception&) {
    throw file_error(file.string(), "is damaged: it is not what `mlrun sweep plan` writes", "plan the sweep again");
  }
  for (const auto& combination : plan.combinations) {
    if (is_file_name(combination.name)) continue;
    throw file_error(file.string(), "names a combination that is no name of a file", "plan the sweep again");
  }
  return plan;
}

std::string combination_text(const SweepCombination& combination) {
  std::string text;
  for (const auto& set : combination.set) text += (text.empty() ? "" : " ") + set.key + "=" + set.value;
  return text;
}

fs::path sweep_recipe_file(const fs::path& folder, const SweepCombination& combination) {
  return folder / kRecipes / recipe_name(combination);
}

fs::path sweep_run_folder(const fs::path& folder, const SweepCombination& combination) {
  return folder / "runs" / combination.name;
}

config::LayerRequest sweep_layers(const fs::path& folder, const SweepCombination& combination, std::int64_t threads) {
  const fs::path file = sweep_recipe_file(folder, combination);
  if (sha256_file(file) != combination.recipe_sha256) {
    throw file_error(file.string(), "has been changed since the sweep was planned",
                     "restore it, or plan another sweep with -o");
  }
  config::LayerRequest layers;
  layers.file = file;
  const auto recorded = recorded_threads(sweep_run_folder(folder, combination));
  if (recorded) {
    if (recorded->is_number_integer()) layers.overrides.push_back({"train.threads", json_text(*recorded)});
  } else if (threads > 0 && !sets_threads(file)) {
    layers.overrides.push_back({"train.threads", std::to_string(threads)});
  }
  return layers;
}

}  // namespace mlrun::engine
