#include "apps/mlrun/rate_plot.h"

#include <algorithm>
#include <cmath>

#include "base/files.h"
#include "engine/train/rate_curve.h"
#include "recipes/registry.h"
#include "report/chart.h"
#include "report/format.h"
#include "report/text_plot.h"

namespace mlrun::apps {
namespace {

/// The curve with few enough points for an SVG: of each stretch of steps the lowest and the highest.
report::Series thinned(const engine::RateCurve& curve, const std::vector<double>& rates, const std::string& name) {
  constexpr std::size_t kStretches = 800;
  report::Series series;
  series.name = name;
  const std::size_t count = rates.size(), length = std::max<std::size_t>(1, count / kStretches);
  const auto add = [&](std::size_t step) {
    series.x.push_back(static_cast<double>(step) / static_cast<double>(curve.steps_per_epoch));
    series.y.push_back(rates[step]);
  };
  for (std::size_t begin = 0; begin < count; begin += length) {
    const auto from = rates.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto [low, high] =
        std::minmax_element(from, from + static_cast<std::ptrdiff_t>(std::min(length, count - begin)));
    const auto first = static_cast<std::size_t>(std::min(low, high) - rates.begin());
    const auto second = static_cast<std::size_t>(std::max(low, high) - rates.begin());
    add(first);
    if (second != first) add(second);
  }
  return series;
}

std::vector<report::Series> all_series(const engine::RateCurve& curve) {
  if (curve.by_model.empty()) return {thinned(curve, curve.rates, "")};
  std::vector<report::Series> all;
  for (const auto& [model, rates] : curve.by_model) all.push_back(thinned(curve, rates, model));
  return all;
}

/// The rate that each epoch begins with.
Json epoch_rates(const engine::RateCurve& curve, const std::vector<double>& rates) {
  Json epochs = Json::array();
  for (std::size_t step = 0; step < rates.size(); step += static_cast<std::size_t>(curve.steps_per_epoch)) {
    epochs.push_back(rates[step]);
  }
  return epochs;
}

Json to_json(const engine::RateCurve& curve) {
  Json json = {{"epochs", epochs_json(curve.epochs)},
               {"steps_per_epoch", curve.steps_per_epoch},
               {"steps", curve.rates.size()},
               {"assumption", curve.assumption.empty() ? Json() : Json(curve.assumption)},
               {"rates", epoch_rates(curve, curve.rates)}};
  for (const auto& [model, rates] : curve.by_model) json["models"][model] = epoch_rates(curve, rates);
  return json;
}

/// ` 0.1 at first, 0.1 at most, ...`.
std::string range_of(const std::vector<double>& rates) {
  const auto [low, high] = std::minmax_element(rates.begin(), rates.end());
  return report::significant(rates.front(), 4) + " at first, " + report::significant(*high, 4) + " at most, " +
         report::significant(*low, 4) + " at least, " + report::significant(rates.back(), 4) + " at last";
}

/// `6 epochs of 10 steps`, or `25 steps (2.5 epochs)`.
std::string length_of(const engine::RateCurve& curve) {
  const bool whole = curve.epochs == std::floor(curve.epochs);
  if (!whole)
    return report::grouped(static_cast<std::int64_t>(curve.rates.size())) + " steps (" +
           report::significant(curve.epochs, 4) + " epochs of " + report::grouped(curve.steps_per_epoch) + ")";
  return report::grouped(static_cast<std::int64_t>(curve.epochs)) + " epochs of " +
         report::grouped(curve.steps_per_epoch) + " steps";
}

std::string as_text(const std::string& name, const engine::RateCurve& curve) {
  std::string text = name + ": " + length_of(curve);
  if (curve.by_model.empty()) text += ", learning rate " + range_of(curve.rates);
  text += "\n";
  for (const auto& [model, rates] : curve.by_model) text += model + ": learning rate " + range_of(rates) + "\n";
  if (!curve.assumption.empty()) text += curve.assumption + "; --samples N gives the number of training samples\n";
  const auto plot = [&](const std::string& title, const std::vector<double>& rates) {
    return "\n" + report::text_plot({"epoch", title, 0, curve.epochs, rates});
  };
  if (curve.by_model.empty()) return text + plot("learning rate", curve.rates);
  for (const auto& [model, rates] : curve.by_model) text += plot("learning rate of " + model, rates);
  return text;
}

}  // namespace

Json epochs_json(double epochs) {
  return epochs == std::floor(epochs) ? Json(static_cast<std::int64_t>(epochs)) : Json(epochs);
}

Result plot_rates(const config::Resolved& resolved, const std::filesystem::path& file,
                  std::optional<std::int64_t> samples) {
  const engine::RateCurve curve = engine::rate_curve(recipes::tasks(), resolved.recipe, samples);
  Result result;
  result.json = {{"name", resolved.name}, {"learning_rate", to_json(curve)}};
  result.text = as_text(resolved.name, curve);
  if (file.empty()) return result;
  write_file(file, report::svg(report::LineChart{resolved.name, "epoch", "learning rate", false, all_series(curve)}));
  result.json["file"] = file.string();
  result.text = file.string() + "\n";
  return result;
}

}  // namespace mlrun::apps
