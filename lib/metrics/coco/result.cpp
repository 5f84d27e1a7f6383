#include "metrics/coco/result.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace mlrun::metrics {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

/// The rows of a class in the order in which they count: by score, then image, then rank in it.
std::vector<std::size_t> order_of(const CocoRecords& records) {
  std::vector<std::size_t> order(records.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    if (records.scores[a] != records.scores[b]) return records.scores[a] > records.scores[b];
    return records.images[a] != records.images[b] ? records.images[a] < records.images[b]
                                                  : records.ranks[a] < records.ranks[b];
  });
  return order;
}

/// The rows that one combination of class, area and most detections has, in their order.
struct Rows {
  std::vector<std::uint16_t> hits, left_out;
  std::vector<double> scores;

  void fill(const CocoRecords& records, const std::vector<std::size_t>& order, std::size_t areas, std::size_t area,
            std::size_t most) {
    hits.clear(), left_out.clear(), scores.clear();
    for (const std::size_t row : order) {
      if (records.ranks[row] >= most) continue;
      hits.push_back(records.hits[row * areas + area]);
      left_out.push_back(records.left_out[row * areas + area]);
      scores.push_back(records.scores[row]);
    }
  }
};

/// Precision at each recall, as COCO's API reads it: the best precision at that recall or beyond, 0 where it is never
/// reached.
class Curve {
 public:
  /// Takes the rows under one threshold; `truths` is at least 1. Gives the recall that all of them reach.
  double fill(const Rows& rows, std::size_t threshold, std::int64_t truths) {
    constexpr double kTiny = std::numeric_limits<double>::epsilon();
    precisions_.clear(), scores_.clear();
    truths_ = static_cast<double>(truths);
    first_score_ = rows.scores.empty() ? 0 : rows.scores.front();
    any_ = !rows.scores.empty();
    double hits = 0, counted = 0;
    for (std::size_t i = 0; i < rows.hits.size(); ++i) {
      if ((rows.left_out[i] >> threshold & 1U) != 0) continue;
      ++counted;
      if ((rows.hits[i] >> threshold & 1U) == 0) continue;
      precisions_.push_back(++hits / (counted + kTiny));
      scores_.push_back(rows.scores[i]);
    }
    for (std::size_t i = precisions_.size(); i-- > 1;)
      precisions_[i - 1] = std::max(precisions_[i - 1], precisions_[i]);
    return hits / truths_;
  }

  /// Writes one number for each recall, and gives their mean.
  double read(const std::vector<double>& recalls, double* precision, double* score) const {
    double sum = 0;
    std::size_t hit = 0;  // the first that reaches the recall
    for (std::size_t r = 0; r < recalls.size(); ++r) {
      while (hit < precisions_.size() && static_cast<double>(hit + 1) / truths_ < recalls[r]) ++hit;
      const bool reached = hit < precisions_.size(), at_once = recalls[r] <= 0 && any_;
      const double value = reached ? precisions_[hit] : 0;
      sum += value;
      if (precision != nullptr) precision[r] = value;
      if (score != nullptr) score[r] = at_once ? first_score_ : reached ? scores_[hit] : 0;
    }
    return sum / static_cast<double>(recalls.size());
  }

 private:
  std::vector<double> precisions_, scores_;  // of the hits
  double truths_ = 1, first_score_ = 0;
  bool any_ = false;
};

void fill_class(CocoResult& result, const CocoRecords& records, std::size_t category) {
  const CocoSettings& settings = result.settings;
  const auto order = order_of(records);
  Rows rows;
  Curve curve;
  for (std::size_t a = 0; a < settings.areas.size(); ++a) {
    if (records.truths[a] == 0) continue;
    for (std::size_t m = 0; m < settings.most_detections.size(); ++m) {
      rows.fill(records, order, settings.areas.size(), a, settings.most_detections[m]);
      const bool shown = a == 0 && m + 1 == settings.most_detections.size();
      for (std::size_t t = 0; t < settings.thresholds.size(); ++t) {
        const std::size_t place = result.place(t, category, a, m), from = result.curve(t, category);
        result.recalls[place] = curve.fill(rows, t, records.truths[a]);
        result.precisions[place] = curve.read(settings.recalls, shown ? &result.curves[from] : nullptr,
                                              shown ? &result.scores[from] : nullptr);
      }
    }
  }
}

}  // namespace

CocoResult result_of(const CocoEvaluation& evaluation) {
  CocoResult result;
  result.settings = evaluation.settings();
  result.categories = evaluation.records().size();
  const CocoSettings& settings = result.settings;
  const std::size_t curves = settings.thresholds.size() * result.categories * settings.recalls.size();
  result.precisions.assign(
      settings.thresholds.size() * result.categories * settings.areas.size() * settings.most_detections.size(), kNone);
  result.recalls = result.precisions;
  result.curves.assign(curves, kNone);
  result.scores.assign(curves, kNone);
  for (std::size_t k = 0; k < result.categories; ++k) {
    const CocoRecords& records = evaluation.records()[k];
    result.truths.insert(result.truths.end(), records.truths.begin(), records.truths.end());
    fill_class(result, records, k);
  }
  return result;
}

double average_precision(const CocoRecords& records, const std::vector<double>& recalls) {
  if (records.truths.at(0) <= 0) return kNone;
  Rows rows;
  Curve curve;
  rows.fill(records, order_of(records), 1, 0, std::numeric_limits<std::size_t>::max());
  curve.fill(rows, 0, records.truths[0]);
  return curve.read(recalls, nullptr, nullptr);
}

double mean_of(const CocoResult& result, const CocoChoice& choice) {
  const auto& values = choice.what == CocoChoice::What::Precision ? result.precisions : result.recalls;
  const std::size_t most =
      choice.most < 0 ? result.settings.most_detections.size() - 1 : static_cast<std::size_t>(choice.most);
  double sum = 0;
  std::int64_t number = 0;
  for (std::size_t t = 0; t < result.settings.thresholds.size(); ++t) {
    if (choice.threshold >= 0 && t != static_cast<std::size_t>(choice.threshold)) continue;
    for (std::size_t k = 0; k < result.categories; ++k) {
      if (choice.category >= 0 && k != static_cast<std::size_t>(choice.category)) continue;
      const double value = values[result.place(t, k, choice.area, most)];
      if (std::isnan(value)) continue;
      sum += value;
      ++number;
    }
  }
  return number > 0 ? sum / static_cast<double>(number) : kNone;
}

std::vector<std::pair<std::string, double>> coco_figures(const CocoResult& result) {
  using What = CocoChoice::What;
  const CocoSettings& settings = result.settings;
  std::vector<std::pair<std::string, double>> figures = {{"ap", mean_of(result, {})}};
  for (const int percent : {50, 75}) {
    const std::size_t threshold = settings.threshold(percent / 100.);
    if (threshold == settings.thresholds.size()) continue;
    figures.emplace_back("ap" + std::to_string(percent),
                         mean_of(result, {What::Precision, static_cast<std::ptrdiff_t>(threshold)}));
  }
  for (std::size_t a = 1; a < settings.areas.size(); ++a) {
    figures.emplace_back("ap_" + settings.areas[a].name, mean_of(result, {What::Precision, -1, -1, a}));
  }
  for (std::size_t m = 0; m < settings.most_detections.size(); ++m) {
    figures.emplace_back("ar" + std::to_string(settings.most_detections[m]),
                         mean_of(result, {What::Recall, -1, -1, 0, static_cast<std::ptrdiff_t>(m)}));
  }
  for (std::size_t a = 1; a < settings.areas.size(); ++a) {
    figures.emplace_back("ar_" + settings.areas[a].name, mean_of(result, {What::Recall, -1, -1, a}));
  }
  return figures;
}

}  // namespace mlrun::metrics
