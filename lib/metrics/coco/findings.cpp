#include "metrics/coco/findings.h"

#include <cmath>
#include <utility>

#include "metrics/coco/errors.h"
#include "metrics/coco/explain.h"
#include "report/format.h"

namespace mlrun::metrics {
namespace {

using What = CocoChoice::What;

std::string percent_or_dash(double value) { return std::isnan(value) ? "-" : report::fixed(100 * value, 2); }
Json percent_or_null(double value) { return std::isnan(value) ? Json() : Json(100 * value); }

/// The figures of one class.
struct ClassFigures {
  std::int64_t objects = 0;
  double ap = 0, ap50 = 0, ap75 = 0, recall = 0;
};

ClassFigures figures_of(const CocoResult& result, std::size_t category) {
  const auto k = static_cast<std::ptrdiff_t>(category);
  const auto at = [&](double overlap) {
    const auto threshold = static_cast<std::ptrdiff_t>(result.settings.threshold(overlap));
    return mean_of(result, {What::Precision, threshold, k, 0, -1});
  };
  return {result.truths[category * result.settings.areas.size()], mean_of(result, {What::Precision, -1, k, 0, -1}),
          at(.5), at(.75), mean_of(result, {What::Recall, -1, k, 0, -1})};
}

report::Table class_table(const CocoResult& result, const std::vector<std::string>& classes) {
  const std::string recall = "AR" + std::to_string(result.settings.most_detections.back());
  report::Table table({{"class", report::Align::Left}, {"objects"}, {"AP"}, {"AP50"}, {"AP75"}, {recall}});
  for (std::size_t k = 0; k < result.categories; ++k) {
    const ClassFigures figures = figures_of(result, k);
    table.add({classes[k], std::to_string(figures.objects), percent_or_dash(figures.ap), percent_or_dash(figures.ap50),
               percent_or_dash(figures.ap75), percent_or_dash(figures.recall)});
  }
  return table;
}

/// What overlaps are called.
std::string overlap_name(const CocoSettings& settings) {
  return settings.kind == CocoKind::Keypoints ? "OKS " : "IoU ";
}

/// The mean of the classes' curves under one threshold; empty where no class has truths.
report::Series mean_curve(const CocoResult& result, std::size_t threshold) {
  const auto& recalls = result.settings.recalls;
  report::Series series{overlap_name(result.settings) + report::fixed(result.settings.thresholds[threshold], 2),
                        recalls, std::vector<double>(recalls.size(), 0)};
  std::size_t number = 0;
  for (std::size_t k = 0; k < result.categories; ++k) {
    const double* curve = result.curves.data() + result.curve(threshold, k);
    if (std::isnan(curve[0])) continue;
    for (std::size_t r = 0; r < recalls.size(); ++r) series.y[r] += curve[r];
    ++number;
  }
  if (number == 0) return {};
  for (double& value : series.y) value /= static_cast<double>(number);
  return series;
}

report::LineChart curves_of(const CocoResult& result) {
  report::LineChart chart{"precision by recall, mean of the classes", "recall", "precision", false, {}};
  for (const double overlap : {.5, .75, .9}) {
    const std::size_t threshold = result.settings.threshold(overlap);
    if (threshold == result.settings.thresholds.size()) continue;
    auto series = mean_curve(result, threshold);
    if (!series.x.empty()) chart.series.push_back(std::move(series));
  }
  return chart;
}

report::Table error_table(const std::vector<CocoErrorCost>& costs) {
  report::Table table({{"error", report::Align::Left}, {"count"}, {"AP50 lost"}});
  for (const auto& cost : costs) table.add({cost.name, std::to_string(cost.count), percent_or_dash(cost.gain)});
  return table;
}

report::Confusion confusion_of(const CocoEvaluation& evaluation, std::vector<std::string> classes) {
  classes.emplace_back("(background)");
  const auto& counts = evaluation.confusion();
  const auto size = static_cast<std::ptrdiff_t>(classes.size());
  report::Confusion confusion{std::move(classes), {}, "objects"};
  for (std::ptrdiff_t row = 0; row < size; ++row) {
    confusion.counts.emplace_back(counts.begin() + row * size, counts.begin() + (row + 1) * size);
  }
  return confusion;
}

}  // namespace

std::vector<report::Exhibit> coco_exhibits(const CocoEvaluation& evaluation, const CocoResult& result,
                                           const std::vector<std::string>& classes) {
  const std::string bounds = "scores from " + report::fixed(result.settings.confusion_score, 2) + ", " +
                             overlap_name(result.settings) + "from " + report::fixed(result.settings.shown_overlap, 2);
  std::vector<report::Exhibit> list = {
      {"per_class", "", class_table(result, classes)},
      {"precision_recall", "", curves_of(result)},
      {"errors", "What errors cost: AP50 that mending each kind alone would give",
       error_table(error_costs(evaluation))},
      {"confusion", "Found by true class, " + bounds, confusion_of(evaluation, classes)}};
  for (const auto& remark : remarks_on(evaluation, result)) {
    list.push_back({"remarks", "", report::Remark{remark.figure, remark.text}});
  }
  return list;
}

Json coco_details(const CocoEvaluation& evaluation, const CocoResult& result, const std::vector<std::string>& classes) {
  Json list = Json::array(), errors = Json::array(), remarks = Json::array();
  for (std::size_t k = 0; k < result.categories; ++k) {
    const ClassFigures figures = figures_of(result, k);
    list.push_back({{"class", classes[k]},
                    {"objects", figures.objects},
                    {"ap", percent_or_null(figures.ap)},
                    {"ap50", percent_or_null(figures.ap50)},
                    {"ap75", percent_or_null(figures.ap75)},
                    {"ar", percent_or_null(figures.recall)}});
  }
  for (const auto& cost : error_costs(evaluation)) {
    errors.push_back({{"error", cost.name}, {"count", cost.count}, {"ap50_lost", percent_or_null(cost.gain)}});
  }
  for (const auto& remark : remarks_on(evaluation, result)) {
    remarks.push_back({{"figure", remark.figure}, {"text", remark.text}});
  }
  const report::Confusion confusion = confusion_of(evaluation, classes);
  return {{"per_class", std::move(list)},
          {"errors", std::move(errors)},
          {"remarks", std::move(remarks)},
          {"confusion", {{"classes", confusion.classes}, {"matrix", confusion.counts}}}};
}

}  // namespace mlrun::metrics
