#include "apps/mlrun/rate_plot.h"

#include <algorithm>

#include "base/files.h"
#include "engine/rate_curve.h"
#include "recipes/registry.h"
#include "report/chart.h"
#include "report/format.h"
#include "report/text_plot.h"

namespace mlrun::apps {
namespace {

/// The curve with few enough points for an SVG: of each stretch of steps the lowest and the highest.
report::Series thinned(const engine::RateCurve& curve) {
  constexpr std::size_t kStretches = 800;
  report::Series series;
  const std::size_t count = curve.rates.size(), length = std::max<std::size_t>(1, count / kStretches);
  const auto add = [&](std::size_t step) {
    series.x.push_back(static_cast<double>(step) / static_cast<double>(curve.steps_per_epoch));
    series.y.push_back(curve.rates[step]);
  };
  for (std::size_t begin = 0; begin < count; begin += length) {
    const auto from = curve.rates.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto [low, high] =
        std::minmax_element(from, from + static_cast<std::ptrdiff_t>(std::min(length, count - begin)));
    const auto first = static_cast<std::size_t>(std::min(low, high) - curve.rates.begin());
    const auto second = static_cast<std::size_t>(std::max(low, high) - curve.rates.begin());
    add(first);
    if (second != first) add(second);
  }
  return series;
}

Json to_json(const engine::RateCurve& curve) {
  Json epochs = Json::array();
  for (std::size_t step = 0; step < curve.rates.size(); step += static_cast<std::size_t>(curve.steps_per_epoch)) {
    epochs.push_back(curve.rates[step]);
  }
  return {{"epochs", curve.epochs},
          {"steps_per_epoch", curve.steps_per_epoch},
          {"assumption", curve.assumption.empty() ? Json() : Json(curve.assumption)},
          {"rates", epochs}};
}

std::string as_text(const std::string& name, const engine::RateCurve& curve) {
  const auto [low, high] = std::minmax_element(curve.rates.begin(), curve.rates.end());
  std::string text = name + ": " + report::grouped(curve.epochs) + " epochs of " +
                     report::grouped(curve.steps_per_epoch) + " steps, learning rate " +
                     report::significant(curve.rates.front(), 4) + " at first, " + report::significant(*high, 4) +
                     " at most, " + report::significant(*low, 4) + " at least, " +
                     report::significant(curve.rates.back(), 4) + " at last\n";
  if (!curve.assumption.empty()) text += curve.assumption + "; --samples N gives the number of training samples\n";
  return text + "\n" + report::text_plot({"epoch", "learning rate", 0, static_cast<double>(curve.epochs), curve.rates});
}

}  // namespace

Result plot_rates(const config::Resolved& resolved, const std::filesystem::path& file,
                  std::optional<std::int64_t> samples) {
  const engine::RateCurve curve = engine::rate_curve(recipes::tasks(), resolved.recipe, samples);
  Result result;
  result.json = {{"name", resolved.name}, {"learning_rate", to_json(curve)}};
  result.text = as_text(resolved.name, curve);
  if (file.empty()) return result;
  write_file(file, report::svg(report::LineChart{resolved.name, "epoch", "learning rate", false, {thinned(curve)}}));
  result.json["file"] = file.string();
  result.text = file.string() + "\n";
  return result;
}

}  // namespace mlrun::apps
