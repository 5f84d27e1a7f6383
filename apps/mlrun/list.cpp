#include <fnmatch.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "apps/mlrun/arguments.h"
#include "apps/mlrun/command.h"
#include "models/registry.h"
#include "recipes/registry.h"
#include "report/format.h"
#include "report/table.h"

namespace mlrun::apps {

namespace fs = std::filesystem;

namespace {

/// What `mlrun list` calls a registry's kind.
const std::map<std::string, std::string>& listed_kinds() {
  static const std::map<std::string, std::string> kinds = {
      {"models", "model"},       {"sources", "source"}, {"transforms", "transform"}, {"optimizers", "optimizer"},
      {"schedules", "schedule"}, {"losses", "loss"},    {"metrics", "metric"},       {"tasks", "task"}};
  return kinds;
}

bool matches(const std::string& name, const std::string& pattern) {
  return pattern.empty() || fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
}

/// The first sentence of the comment that opens a recipe, as its description.
std::string opening_sentence(const fs::path& file) {
  std::ifstream in(file);
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

std::string metric_text(const Json& metrics, const char* name) {
  return metrics.is_object() && metrics.contains(name) ? report::fixed(metrics[name].get<double>(), 3) : "-";
}

Result list_models(const std::string& pattern) {
  Result result;
  result.json = Json::array();
  report::Table table({{"model", report::Align::Left},
                       {"params"},
                       {"multiply-adds"},
                       {"size"},
                       {"acc1"},
                       {"acc5"},
                       {"description", report::Align::Left}});
  for (const auto& entry : models::models().entries()) {
    if (!matches(entry.name, pattern)) continue;
    const models::ModelFacts facts = models::model_facts(entry.name);
    const Json metrics = entry.facts.value("metrics", Json());
    result.json.push_back({{"name", entry.name},
                           {"task", entry.facts.value("task", "")},
                           {"params", facts.params},
                           {"macs", facts.macs},
                           {"input_size", facts.input_size},
                           {"metrics", metrics},
                           {"description", entry.description}});
    table.add({entry.name, report::compact(static_cast<double>(facts.params)),
               report::compact(static_cast<double>(facts.macs)), std::to_string(facts.input_size),
               metric_text(metrics, "acc1"), metric_text(metrics, "acc5"), entry.description});
  }
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

Result run_list(const std::string& what, const std::string& pattern) {
  if (what == "recipes") return list_recipes(pattern);
  if (what == "models") return list_models(pattern);
  const auto kind = listed_kinds().find(what);
  if (kind != listed_kinds().end()) return list_registry(recipes::catalogue().at(kind->second), pattern);
  std::vector<std::string> known = {"recipes"};
  for (const auto& item : listed_kinds()) known.push_back(item.first);
  std::string all;
  for (const auto& name : known) all += (all.empty() ? "" : ", ") + name;
  const std::string guess = config::did_you_mean(what, known);
  throw UserError("there is no list of '" + what + "'", guess.empty() ? "choose one of " + all : guess);
}

}  // namespace

Command add_list(CLI::App& root) {
  CLI::App* app = root.add_subcommand("list", "List what recipes can name");
  const auto what = std::make_shared<std::string>();
  const auto pattern = std::make_shared<std::string>();
  app->add_option("KIND", *what,
                  "models, recipes, sources, transforms, optimizers, schedules, losses, metrics or tasks")
      ->required();
  app->add_option("PATTERN", *pattern, "only names that match, as 'resnet*'");
  return {app, [what, pattern](const OutputOptions&) { return run_list(*what, *pattern); }};
}

}  // namespace mlrun::apps
