#include <fnmatch.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <filesystem>
#include <map>
#include <sstream>

#include "apps/mlrun/arguments.h"
#include "apps/mlrun/command.h"
#include "base/input_file.h"
#include "base/log.h"
#include "models/listing.h"
#include "recipes/registry.h"
#include "report/format.h"
#include "report/table.h"

namespace mlrun::apps {

namespace fs = std::filesystem;

namespace {

/// What `mlrun list` calls a registry's kind.
const std::map<std::string, std::string>& listed_kinds() {
  static const std::map<std::string, std::string> kinds = {
      {"models", "model"},       {"sources", "source"},       {"transforms", "transform"}, {"optimizers", "optimizer"},
      {"schedules", "schedule"}, {"averagings", "averaging"}, {"samplers", "sampler"},     {"losses", "loss"},
      {"metrics", "metric"},     {"tasks", "task"},           {"batchings", "batching"}};
  return kinds;
}

bool matches(const std::string& name, const std::string& pattern) {
  return pattern.empty() || fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
}

/// The first sentence of the comment that opens a recipe, as its description.
std::string opening_sentence(const fs::path& file) {
  constexpr std::size_t kLongestComment = 1 << 16;
  std::istringstream in(read_head(file, kLongestComment));
  std::string text;
  for (std::string line; std::getline(in, line) && line.rfind("#", 0) == 0;) {
    const auto begin = line.find_first_not_of("# ");
    if (begin != std::string::npos) text += (text.empty() ? "" : " ") + line.substr(begin);
  }
  const auto stop = std::min(text.find(". "), text.find(": "));
  return stop == std::string::npos ? text : text.substr(0, stop);
}

Result list_recipes(const std::string& pattern) {
  std::map<std::string, std::string> found;  // the first folder that has a name wins
  for (const auto& folder : recipe_folders()) {
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (entry.path().extension() != ".yaml") continue;
      const std::string name = fs::relative(entry.path(), folder).replace_extension().generic_string();
      if (name.rfind("tables/", 0) == 0) continue;  // published tables are no recipes
      if (matches(name, pattern)) found.emplace(name, opening_sentence(entry.path()));
    }
  }
  Result result;
  result.json = Json::array();
  report::Table table({{"recipe", report::Align::Left}, {"description", report::Align::Left}});
  for (const auto& [name, description] : found) {
    result.json.push_back({{"name", name}, {"description", description}});
    table.add({name, description});
  }
  result.text = table.text();
  return result;
}

std::string metric_text(const Json& metrics, const std::string& name) {
  return metrics.is_object() && metrics.contains(name) ? report::fixed(metrics[name].get<double>(), 3) : "-";
}

struct ListArguments {
  std::string what, pattern, sort, task;
  std::string min_params, max_params, min_macs, max_macs;
  std::optional<double> min_acc1;

  bool filters() const { return min_acc1 || !(sort + task + min_params + max_params + min_macs + max_macs).empty(); }
};

/// UserError with the nearest names where there is no such task.
std::string known_task(const std::string& name) {
  if (!name.empty()) recipes::catalogue().at("task").at(name);
  return name;
}

models::ListQuery model_query(const ListArguments& arguments) {
  const auto count = [](const std::string& text, const char* option) {
    return text.empty() ? std::nullopt : std::optional<double>(models::parse_count(text, option));
  };
  models::ListQuery query;
  query.pattern = arguments.pattern;
  query.task = known_task(arguments.task);
  query.min_params = count(arguments.min_params, "--min-params");
  query.max_params = count(arguments.max_params, "--max-params");
  query.min_macs = count(arguments.min_macs, "--min-macs");
  query.max_macs = count(arguments.max_macs, "--max-macs");
  query.min_acc1 = arguments.min_acc1;
  query.sort = arguments.sort;
  return query;
}

Result model_table(const models::ListQuery& query) {
  const std::vector<Json> models = models::list_models(query);
  const auto metrics = models::published_metrics(models);
  std::vector<report::Column> columns = {{"model", report::Align::Left}, {"params"}, {"multiply-adds"}, {"size"}};
  for (const auto& name : metrics) columns.push_back({name});
  columns.push_back({"description", report::Align::Left});
  report::Table table(columns);
  for (const Json& model : models) {
    std::vector<std::string> cells = {
        model.at("name").get<std::string>(), report::compact(model.at("params").get<double>()),
        model.at("macs").is_null() ? "-" : report::compact(model.at("macs").get<double>()),
        std::to_string(model.at("input_size").get<int>())};
    for (const auto& name : metrics) cells.push_back(metric_text(model.at("metrics"), name));
    cells.push_back(model.at("description").get<std::string>());
    table.add(cells);
  }
  Result result;
  result.json = models;
  result.text = table.text();
  return result;
}

Result list_registry(const config::Registry& registry, const std::string& pattern) {
  Result result;
  result.json = Json::array();
  report::Table table({{registry.kind(), report::Align::Left}, {"description", report::Align::Left}});
  for (const auto& entry : registry.entries()) {
    if (!matches(entry.name, pattern)) continue;
    result.json.push_back({{"name", entry.name}, {"description", entry.description}});
    table.add({entry.name, entry.description});
  }
  result.text = table.text();
  return result;
}

/// The registries of a kind. There may be several: what is minimised of an image differs from what is of a pixel.
std::vector<const config::Registry*> registries_of(const std::string& kind) {
  std::vector<const config::Registry*> found;
  for (const auto* registry : recipes::catalogue().all()) {
    const std::string& own = registry->kind();
    const bool special = own.size() > kind.size() && own.substr(own.size() - kind.size() - 1) == "_" + kind;
    if (own == kind || special) found.push_back(registry);
  }
  return found;
}

/// Each name once, with all kinds that have it, as the first of them describes it.
Result list_registries(const std::vector<const config::Registry*>& registries, const std::string& pattern) {
  if (registries.size() == 1) return list_registry(*registries.front(), pattern);
  Result result;
  result.json = Json::array();
  for (const auto* registry : registries) {
    for (const auto& entry : registry->entries()) {
      if (!matches(entry.name, pattern)) continue;
      const auto same = [&](const Json& item) { return item.at("name") == entry.name; };
      const auto known = std::find_if(result.json.begin(), result.json.end(), same);
      if (known != result.json.end()) (*known)["kinds"].push_back(registry->kind());
      else
        result.json.push_back(
            {{"name", entry.name}, {"kinds", {registry->kind()}}, {"description", entry.description}});
    }
  }
  report::Table table(
      {{"name", report::Align::Left}, {"kinds", report::Align::Left}, {"description", report::Align::Left}});
  for (const Json& item : result.json) {
    std::string kinds;
    for (const Json& kind : item.at("kinds")) kinds += (kinds.empty() ? "" : ", ") + kind.get<std::string>();
    table.add({item.at("name").get<std::string>(), kinds, item.at("description").get<std::string>()});
  }
  result.text = table.text();
  return result;
}

Result run_list(const ListArguments& arguments) {
  const std::string& what = arguments.what;
  const std::string& pattern = arguments.pattern;
  if (what == "models") return model_table(model_query(arguments));
  if (arguments.filters()) throw UserError("tasks, sizes and orders are those of models", "write mlrun list models");
  if (what == "recipes") return list_recipes(pattern);
  const auto kind = listed_kinds().find(what);
  if (kind != listed_kinds().end()) return list_registries(registries_of(kind->second), pattern);
  std::vector<std::string> known = {"recipes"};
  for (const auto& item : listed_kinds()) known.push_back(item.first);
  std::string all;
  for (const auto& name : known) all += (all.empty() ? "" : ", ") + name;
  const std::string guess = config::did_you_mean(what, known);
  throw UserError("there is no list of '" + what + "'", guess.empty() ? "choose one of " + all : guess);
}

/// An empty table alone would look like a fault.
void note_nothing(const ListArguments& arguments) {
  const std::string& pattern = arguments.pattern;
  const bool plain = !pattern.empty() && pattern.find_first_of("*?[") == std::string::npos;
  log::warning("nothing in the list of " + arguments.what +
               (pattern.empty() ? " is within these bounds" : " matches '" + pattern + "'") +
               (plain ? "; a part of a name is written '" + pattern + "*'" : ""));
}

}  // namespace

Command add_list(CLI::App& root) {
  CLI::App* app = root.add_subcommand("list", "List what recipes can name");
  const auto arguments = std::make_shared<ListArguments>();
  app->add_option("KIND", arguments->what,
                  "models, recipes, sources, transforms, optimizers, schedules, averagings, samplers, batchings, "
                  "losses, metrics or "
                  "tasks")
      ->required();
  app->add_option("PATTERN", arguments->pattern, "only names that match, as 'resnet*'");
  const auto count = [app](const char* name, std::string& value, const char* help) {
    app->add_option(name, value, help)->type_name("N");
  };
  count("--max-params", arguments->max_params, "models of at most so many parameters, as 5M");
  count("--min-params", arguments->min_params, "models of at least so many parameters");
  count("--max-macs", arguments->max_macs, "models of at most so many multiply-adds, as 300M");
  count("--min-macs", arguments->min_macs, "models of at least so many multiply-adds");
  app->add_option("--task", arguments->task, "models that are made for this task")->type_name("NAME");
  app->add_option("--min-acc1", arguments->min_acc1, "models whose published accuracy is at least so many percent")
      ->type_name("PERCENT");
  app->add_option("--sort", arguments->sort, "order of models: name, params, macs or acc1 (best first)")
      ->type_name("KEY");
  return {app, [arguments](const OutputOptions&) {
            Result result = run_list(*arguments);
            if (result.json.empty()) note_nothing(*arguments);
            return result;
          }};
}

}  // namespace mlrun::apps
