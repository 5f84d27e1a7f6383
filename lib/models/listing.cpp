#include "models/listing.h"

#include <fnmatch.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "config/tasks_of.h"
#include "models/registry.h"

namespace mlrun::models {
namespace {

/// The accuracy of the published weights; NaN where there are none.
double published_acc1(const Json& model) {
  const Json& metrics = model.at("metrics");
  return metrics.is_object() && metrics.contains("acc1") ? metrics.at("acc1").get<double>() : std::nan("");
}

/// NaN where it is not known.
double figure(const Json& model, const std::string& name) {
  return model.at(name).is_null() ? std::nan("") : model.at(name).get<double>();
}

bool within(double value, const std::optional<double>& low, const std::optional<double>& high) {
  return (!low || value >= *low) && (!high || value <= *high);  // NaN is within no bounds
}

bool wanted(const Json& model, const ListQuery& query) {
  const double params = figure(model, "params"), macs = figure(model, "macs");
  if (!within(params, query.min_params, query.max_params)) return false;
  if (!within(macs, query.min_macs, query.max_macs)) return false;
  return !query.min_acc1 || published_acc1(model) >= *query.min_acc1;
}

void sort_models(std::vector<Json>& models, const std::string& by) {
  const auto smaller = [&](const Json& a, const Json& b) {
    if (by == "name") return a.at("name").get<std::string>() < b.at("name").get<std::string>();
    const bool accuracy = by == "acc1";
    const double left = accuracy ? published_acc1(a) : figure(a, by);
    const double right = accuracy ? published_acc1(b) : figure(b, by);
    if (std::isnan(left) || std::isnan(right)) return !std::isnan(left);  // those without a figure come last
    return accuracy ? left > right : left < right;
  };
  std::stable_sort(models.begin(), models.end(), smaller);
}

}  // namespace

std::vector<Json> list_models(const ListQuery& query) {
  const std::vector<std::string> orders = {"name", "params", "macs", "acc1"};
  if (!query.sort.empty() && std::find(orders.begin(), orders.end(), query.sort) == orders.end()) {
    throw UserError("--sort: there is no order '" + query.sort + "'", "choose name, params, macs or acc1");
  }
  std::vector<Json> found;
  for (const auto& entry : models().entries()) {
    if (!query.pattern.empty() && ::fnmatch(query.pattern.c_str(), entry.name.c_str(), 0) != 0) continue;
    if (!query.task.empty() && !config::is_for_task(entry, query.task)) continue;
    const auto tasks = config::tasks_of(entry);
    const ModelFacts facts = model_facts(entry.name);
    Json model = {{"name", entry.name},
                  {"task", tasks.empty() ? "" : tasks.front()},
                  {"params", facts.params},
                  {"macs", facts.macs ? Json(*facts.macs) : Json()},
                  {"input_size", facts.input_size},
                  {"metrics", entry.facts.value("metrics", Json())},
                  {"description", entry.description}};
    if (wanted(model, query)) found.push_back(std::move(model));
  }
  if (!query.sort.empty()) sort_models(found, query.sort);
  return found;
}

std::vector<std::string> published_metrics(const std::vector<Json>& entries) {
  std::vector<std::string> names;
  for (const Json& entry : entries) {
    const Json& metrics = entry.at("metrics");
    if (!metrics.is_object()) continue;
    for (const auto& [name, value] : metrics.items()) {
      if (value.is_number() && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  return names;
}

double parse_count(const std::string& text, const std::string& option) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  double scale = 1;
  if (rest != end && error == std::errc()) {
    const auto unit = std::string("kMG").find(*rest);
    scale = unit == std::string::npos ? 0 : std::pow(1000.0, static_cast<double>(unit + 1));
  }
  const bool whole = error == std::errc() && (rest == end || rest + 1 == end);
  if (whole && scale > 0 && std::isfinite(value) && value >= 0) return value * scale;
  throw UserError(option + ": '" + text + "' is no count", "write a number, as 5M for 5,000,000");
}

}  // namespace mlrun::models
