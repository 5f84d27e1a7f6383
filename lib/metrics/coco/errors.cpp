#include "metrics/coco/errors.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "metrics/coco/neighbourhood.h"

namespace mlrun::metrics {
namespace {

constexpr auto kLast = std::numeric_limits<std::uint16_t>::max();  // among equal scores of an image

/// The rows that count under one threshold once all errors of a kind are mended, class by class.
std::vector<CocoRecords> mended(const CocoEvaluation& evaluation, CocoError kind, std::size_t threshold) {
  const std::size_t areas = evaluation.settings().areas.size();
  std::vector<CocoRecords> all(evaluation.records().size());
  for (std::size_t k = 0; k < all.size(); ++k) {
    const CocoRecords& records = evaluation.records()[k];
    all[k].truths = {records.truths[0] - (kind == CocoError::Missed ? records.missed : 0)};
    for (std::size_t row = 0; row < records.size(); ++row) {
      bool hit = (records.hits[row * areas] >> threshold & 1U) != 0;
      std::size_t category = k;
      if (kind != CocoError::None && records.errors[row] == kind) {
        if (records.mended[row] < 0) continue;
        category = static_cast<std::size_t>(records.mended[row]);
        hit = true;
      }
      CocoRecords& to = all[category];
      to.scores.push_back(records.scores[row]);
      to.images.push_back(records.images[row]);
      to.ranks.push_back(category == k ? records.ranks[row] : kLast);
      to.hits.push_back(hit ? 1 : 0);
      to.left_out.push_back(records.left_out[row * areas] >> threshold & 1U);
    }
  }
  return all;
}

double mean_precision(const std::vector<CocoRecords>& all, const std::vector<double>& recalls) {
  double sum = 0;
  std::int64_t number = 0;
  for (const auto& records : all) {
    const double precision = average_precision(records, recalls);
    if (std::isnan(precision)) continue;
    sum += precision;
    ++number;
  }
  return number > 0 ? sum / static_cast<double>(number) : std::numeric_limits<double>::quiet_NaN();
}

std::int64_t count_of(const CocoEvaluation& evaluation, CocoError kind) {
  std::int64_t count = 0;
  for (const auto& records : evaluation.records()) {
    if (kind == CocoError::Missed) count += records.missed;
    else count += std::count(records.errors.begin(), records.errors.end(), kind);
  }
  return count;
}

}  // namespace

void CocoEvaluation::sort_errors() {
  const auto& truths = image_.truths();
  const auto counts = [&](std::size_t g) { return !truths[g]->crowd && !truths[g]->ignored; };
  std::vector<char> found(truths.size(), 0), near(truths.size(), 0);
  for (std::size_t d = 0; d < image_.detections().size(); ++d) {
    if (image_.taken_by(d) >= 0) found[static_cast<std::size_t>(image_.taken_by(d))] = 1;
  }
  /// Of each truth that is not found the best detection that could be mended to find it.
  std::vector<std::pair<double, std::int32_t*>> best(truths.size(), {0, nullptr});
  const std::size_t areas = settings_.areas.size(), shown = settings_.threshold(settings_.shown_overlap);
  for (const auto& group : image_.groups()) {
    CocoRecords& records = records_[group.category];
    const std::size_t before = records.size() - (group.end - group.first);
    for (std::size_t d = group.first; d < group.end; ++d) {
      const std::size_t row = before + d - group.first;
      if (((records.hits[row * areas] | records.left_out[row * areas]) >> shown & 1U) != 0) continue;
      Neighbourhood here;
      for (std::size_t g = 0; g < truths.size(); ++g) {
        if (!counts(g)) continue;
        const bool own = truths[g]->category == group.category;
        (own ? here.own : here.other).look(g, image_.overlap(d, g));
        if (own && found[g] != 0) here.found.look(g, image_.overlap(d, g));
      }
      records.errors[row] = here.kind(settings_);
      const std::ptrdiff_t truth = records.errors[row] == CocoError::Place   ? here.own.truth
                                   : records.errors[row] == CocoError::Class ? here.other.truth
                                                                             : -1;
      if (truth < 0 || found[static_cast<std::size_t>(truth)] != 0) continue;
      auto& [score, mended] = best[static_cast<std::size_t>(truth)];
      if (mended == nullptr || records.scores[row] > score) score = records.scores[row], mended = &records.mended[row];
    }
  }
  for (std::size_t g = 0; g < truths.size(); ++g) {
    if (best[g].second != nullptr) *best[g].second = static_cast<std::int32_t>(truths[g]->category);
    else if (found[g] == 0 && counts(g)) ++records_[truths[g]->category].missed;
  }
}

std::string name_of(CocoError kind) {
  switch (kind) {
    case CocoError::None: return "right";
    case CocoError::Class: return "wrong class";
    case CocoError::Place: return "wrong place";
    case CocoError::Both: return "wrong class and place";
    case CocoError::Twice: return "found twice";
    case CocoError::Background: return "nothing there";
    case CocoError::Missed: return "missed";
  }
  return "";
}

std::vector<CocoErrorCost> error_costs(const CocoEvaluation& evaluation) {
  const auto& settings = evaluation.settings();
  const std::size_t shown = settings.threshold(settings.shown_overlap);
  std::vector<CocoErrorCost> costs;
  for (const CocoError kind : kCocoErrors) costs.push_back({kind, name_of(kind)});
  if (shown == settings.thresholds.size()) return {};
  const double now = mean_precision(mended(evaluation, CocoError::None, shown), settings.recalls);
  for (auto& cost : costs) {
    cost.count = count_of(evaluation, cost.kind);
    cost.gain = mean_precision(mended(evaluation, cost.kind, shown), settings.recalls) - now;
  }
  return costs;
}

}  // namespace mlrun::metrics
