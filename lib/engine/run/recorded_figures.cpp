#include "engine/run/recorded_figures.h"

#include <algorithm>

namespace mlrun::engine {
namespace {

constexpr int kMostDigits = 17;

bool ends_in_word(const std::string& text, const std::string& word) {
  if (text.size() < word.size() || text.compare(text.size() - word.size(), word.size(), word) != 0) return false;
  return text.size() == word.size() || std::string("/_").find(text[text.size() - word.size() - 1]) != std::string::npos;
}

report::Figure figure_by_name(const std::string& name, double value) {
  const bool small = ends_in_word(name, "loss") || ends_in_word(name, "brier");
  const bool lower = small || ends_in_word(name, "ece");
  return {name, value, lower ? report::Better::Lower : report::Better::Higher, small ? 4 : 2, ""};
}

}  // namespace

Json kind_json(const report::Figure& figure) {
  return {{"better", figure.better == report::Better::Lower ? "lower" : "higher"},
          {"digits", figure.digits},
          {"unit", figure.unit}};
}

Json kinds_json(const report::Figures& figures) {
  Json json = Json::object();
  for (const report::Figure& figure : figures) json[figure.name] = kind_json(figure);
  return json;
}

report::Figure recorded_figure(const std::string& name, double value, const Json& kind) {
  report::Figure figure = figure_by_name(name, value);
  if (!kind.is_object()) return figure;
  const Json better = kind.value("better", Json()), digits = kind.value("digits", Json());
  const Json unit = kind.value("unit", Json());
  if (better == "lower") figure.better = report::Better::Lower;
  if (better == "higher") figure.better = report::Better::Higher;
  if (digits.is_number_integer()) figure.digits = std::clamp(digits.get<int>(), 0, kMostDigits);
  if (unit.is_string()) figure.unit = unit.get<std::string>();
  return figure;
}

Json to_json(const Best& best, std::int64_t steps_per_epoch) {
  Json json = {{"metric", best.figure.name}, {"value", best.figure.value}, {"step", best.step}};
  if (steps_per_epoch > 0 && best.step % steps_per_epoch == 0) json["epoch"] = best.step / steps_per_epoch;
  json.update(kind_json(best.figure));
  return json;
}

}  // namespace mlrun::engine
