#include "metrics/coco/voc.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "base/error.h"
#include "metrics/coco/image.h"

namespace mlrun::metrics {
namespace {

struct VocCurve {
  std::vector<double> recalls, precisions;  // after each detection that counts
};

/// The mean of the best precision at 11 recalls or beyond.
double at_eleven_points(const VocCurve& curve) {
  double sum = 0;
  for (int i = 0; i <= 10; ++i) {
    double best = 0;
    for (std::size_t k = 0; k < curve.recalls.size(); ++k) {
      if (curve.recalls[k] >= i * 0.1) best = std::max(best, curve.precisions[k]);
    }
    sum += best / 11;
  }
  return sum;
}

/// The area below the curve once it only falls.
double area_below(VocCurve curve) {
  for (std::size_t i = curve.precisions.size(); i-- > 1;) {
    curve.precisions[i - 1] = std::max(curve.precisions[i - 1], curve.precisions[i]);
  }
  double area = 0, before = 0;
  for (std::size_t i = 0; i < curve.recalls.size(); ++i) {
    area += (curve.recalls[i] - before) * curve.precisions[i];
    before = curve.recalls[i];
  }
  return area;
}

}  // namespace

void VocEvaluation::see(std::int64_t image) {
  if (seen_.insert(image).second) return;
  throw UserError("the image " + std::to_string(image) + " was evaluated twice",
                  "each image counts once: give every process images of its own");
}

double VocEvaluation::overlap_of(const CocoBox& a, const CocoBox& b) const {
  const double more = settings_.pixels;
  const double width = std::min(a.x + a.width, b.x + b.width) - std::max(a.x, b.x) + more;
  const double height = std::min(a.y + a.height, b.y + b.height) - std::max(a.y, b.y) + more;
  if (!(width > 0) || !(height > 0)) return 0;
  const double shared = width * height;
  return shared / ((a.width + more) * (a.height + more) + (b.width + more) * (b.height + more) - shared);
}

VocEvaluation::Verdict VocEvaluation::judge(const CocoDetection& found, const std::vector<CocoTruth>& truths,
                                            std::vector<char>& taken) const {
  std::size_t best = truths.size();
  double most = -1;
  for (std::size_t g = 0; g < truths.size(); ++g) {
    if (truths[g].category != found.category) continue;
    const double overlap = overlap_of(found.shape.box, truths[g].shape.box);
    if (overlap > most) most = overlap, best = g;
  }
  if (best == truths.size() || !(most > settings_.overlap)) return Verdict::Wrong;
  if (truths[best].ignored || truths[best].crowd) return Verdict::LeftOut;
  if (taken[best] != 0) return Verdict::Wrong;
  taken[best] = 1;
  return Verdict::Hit;
}

void VocEvaluation::add(std::int64_t image, const std::vector<CocoTruth>& truths,
                        const std::vector<CocoDetection>& detections) {
  see(image);
  for (const auto& truth : truths) {
    if (truth.category < records_.size() && !truth.ignored && !truth.crowd) ++records_[truth.category].truths;
  }
  std::vector<const CocoDetection*> order;
  for (const auto& found : detections) {
    if (found.category < records_.size()) order.push_back(&found);
  }
  std::stable_sort(order.begin(), order.end(), [](const CocoDetection* a, const CocoDetection* b) {
    return sortable(a->score) > sortable(b->score);
  });
  std::vector<char> taken(truths.size(), 0);
  for (std::size_t i = 0; i < order.size(); ++i) {
    const Verdict verdict = judge(*order[i], truths, taken);
    records_[order[i]->category].rows.push_back(
        {sortable(order[i]->score), image, static_cast<std::int64_t>(i), verdict});
  }
}

void VocEvaluation::merge(const VocEvaluation& other) {
  MLRUN_ASSERT(other.records_.size() == records_.size(), "evaluations of other classes");
  for (const std::int64_t image : other.seen_) see(image);
  for (std::size_t k = 0; k < records_.size(); ++k) {
    const Records& more = other.records_[k];
    records_[k].rows.insert(records_[k].rows.end(), more.rows.begin(), more.rows.end());
    records_[k].truths += more.truths;
  }
}

VocState VocEvaluation::state() const {
  VocState state;
  for (const Records& records : records_) {
    state.rows.push_back(static_cast<std::int64_t>(records.rows.size()));
    state.truths.push_back(records.truths);
    for (const Row& row : records.rows) {
      state.scores.push_back(row.score);
      state.images.push_back(row.image);
      state.ranks.push_back(row.rank);
      state.verdicts.push_back(static_cast<std::int64_t>(row.verdict));
    }
  }
  state.seen.assign(seen_.begin(), seen_.end());
  std::sort(state.seen.begin(), state.seen.end());
  return state;
}

bool VocEvaluation::restore(const VocState& state) {
  std::size_t rows = 0;
  for (const std::int64_t count : state.rows) {
    if (count < 0 || static_cast<std::size_t>(count) > state.scores.size()) return false;
    rows += static_cast<std::size_t>(count);
  }
  const auto fits = [&](const auto& list) { return list.size() == rows; };
  if (state.rows.size() != records_.size() || state.truths.size() != records_.size() || !fits(state.scores) ||
      !fits(state.images) || !fits(state.ranks) || !fits(state.verdicts)) {
    return false;
  }
  for (const std::int64_t verdict : state.verdicts) {
    if (verdict < 0 || verdict > static_cast<std::int64_t>(Verdict::LeftOut)) return false;
  }
  std::size_t at = 0;
  for (std::size_t k = 0; k < records_.size(); ++k) {
    records_[k] = {{}, state.truths[k]};
    for (std::int64_t i = 0; i < state.rows[k]; ++i, ++at) {
      records_[k].rows.push_back(
          {state.scores[at], state.images[at], state.ranks[at], static_cast<Verdict>(state.verdicts[at])});
    }
  }
  seen_ = {state.seen.begin(), state.seen.end()};
  return true;
}

double VocEvaluation::average_precision(std::size_t category, VocRule rule) const {
  const Records& records = records_.at(category);
  if (records.truths == 0) return std::numeric_limits<double>::quiet_NaN();
  auto rows = records.rows;
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    if (a.score != b.score) return a.score > b.score;
    return a.image != b.image ? a.image < b.image : a.rank < b.rank;
  });
  VocCurve curve;
  double hits = 0, counted = 0;
  for (const Row& row : rows) {
    if (row.verdict == Verdict::LeftOut) continue;
    ++counted;
    hits += row.verdict == Verdict::Hit ? 1 : 0;
    curve.recalls.push_back(hits / static_cast<double>(records.truths));
    curve.precisions.push_back(hits / counted);
  }
  return rule == VocRule::ElevenPoints ? at_eleven_points(curve) : area_below(std::move(curve));
}

double VocEvaluation::mean(VocRule rule) const {
  double sum = 0;
  std::int64_t number = 0;
  for (std::size_t k = 0; k < records_.size(); ++k) {
    const double precision = average_precision(k, rule);
    if (std::isnan(precision)) continue;
    sum += precision;
    ++number;
  }
  return number > 0 ? sum / static_cast<double>(number) : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace mlrun::metrics
