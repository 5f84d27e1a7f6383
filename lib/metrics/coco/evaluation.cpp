#include "metrics/coco/evaluation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

#include "base/error.h"

namespace mlrun::metrics {
namespace {

double farthest_of(const CocoShape& shape, CocoKind kind) {
  double farthest = 0;
  const auto look = [&](double value) {
    if (std::isfinite(value)) farthest = std::max(farthest, std::abs(value));
  };
  if (kind == CocoKind::Boxes) {
    look(shape.box.x + shape.box.width);
    look(shape.box.y + shape.box.height);
  }
  for (std::size_t i = 0; i + 1 < shape.keypoints.size(); i += 3)
    look(shape.keypoints[i]), look(shape.keypoints[i + 1]);
  return farthest;
}

template <class To, class From>
void append_rows(std::vector<To>& to, const std::vector<From>& from) {
  for (const From value : from) to.push_back(static_cast<To>(value));
}

}  // namespace

CocoEvaluation::CocoEvaluation(CocoSettings settings, std::size_t categories)
    : settings_(std::move(settings)), records_(categories), confusion_((categories + 1) * (categories + 1), 0) {
  MLRUN_ASSERT(!settings_.thresholds.empty() && settings_.thresholds.size() <= kMostThresholds, "too many thresholds");
  MLRUN_ASSERT(!settings_.most_detections.empty() && !settings_.areas.empty() &&
                   settings_.most_detections.back() <= std::numeric_limits<std::uint16_t>::max(),
               "an evaluation needs areas and a most of detections");
  for (auto& record : records_) record.truths.assign(settings_.areas.size(), 0);
}

void CocoEvaluation::see(std::int64_t image) {
  if (seen_.insert(image).second) return;
  throw UserError("the image " + std::to_string(image) + " was evaluated twice",
                  "each image counts once: give every process images of its own");
}

void CocoEvaluation::add(std::int64_t image, const std::vector<CocoTruth>& truths,
                         const std::vector<CocoDetection>& detections) {
  see(image);
  image_.fill(settings_, records_.size(), truths, detections);
  for (const auto& group : image_.groups()) take_group(image, group);
  sort_errors();
  count(truths, detections);
  confuse();
}

void CocoEvaluation::take_group(std::int64_t image, const CocoImage::Group& group) {
  CocoRecords& records = records_[group.category];
  const std::size_t areas = settings_.areas.size(), before = records.size();
  for (std::size_t g = group.first_truth; g < group.end_truth; ++g) {
    const CocoTruth& truth = *image_.truths()[g];
    for (std::size_t a = 0; a < areas; ++a) {
      const AreaRange& range = settings_.areas[a];
      const bool counts = !truth.crowd && !truth.ignored && !(truth.area < range.least || truth.area > range.most);
      records.truths[a] += counts ? 1 : 0;
    }
  }
  for (std::size_t d = group.first; d < group.end; ++d) {
    records.scores.push_back(sortable(image_.detections()[d]->score));
    records.images.push_back(image);
    records.ranks.push_back(static_cast<std::uint16_t>(d - group.first));
  }
  records.hits.resize(records.size() * areas);
  records.left_out.resize(records.size() * areas);
  records.errors.resize(records.size(), CocoError::None);
  records.mended.resize(records.size(), -1);
  if (group.end == group.first) return;
  image_.match(settings_, group, records.hits.data() + before * areas, records.left_out.data() + before * areas);
}

void CocoEvaluation::count(const std::vector<CocoTruth>& truths, const std::vector<CocoDetection>& detections) {
  totals_.truths += static_cast<std::int64_t>(image_.truths().size());
  totals_.detections += static_cast<std::int64_t>(image_.detections().size());
  for (const CocoTruth* truth : image_.truths()) totals_.ignored += truth->crowd || truth->ignored ? 1 : 0;
  for (const auto& truth : truths) {
    totals_.farthest_truth = std::max(totals_.farthest_truth, farthest_of(truth.shape, settings_.kind));
  }
  for (const auto& found : detections) {
    totals_.unknown += found.category < records_.size() ? 0 : 1;
    totals_.farthest_detection = std::max(totals_.farthest_detection, farthest_of(found.shape, settings_.kind));
  }
}

void CocoEvaluation::confuse() {
  const auto& detections = image_.detections();
  const auto& truths = image_.truths();
  std::vector<std::size_t> order(detections.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return sortable(detections[a]->score) > sortable(detections[b]->score);
  });
  const std::size_t classes = records_.size() + 1;
  std::vector<char> taken(truths.size(), 0);
  for (const std::size_t d : order) {
    bool near = false, right = false;
    for (std::size_t g = 0; g < truths.size(); ++g) {
      const bool here = image_.overlap(d, g) >= settings_.shown_overlap;
      near = near || here;
      right = right || (here && truths[g]->category == detections[d]->category);
    }
    totals_.near += near ? 1 : 0;
    totals_.right += right ? 1 : 0;
    if (!(detections[d]->score >= settings_.confusion_score)) continue;
    const std::ptrdiff_t truth = near ? taken_by(d, taken) : -1;
    const CocoTruth* one = truth < 0 ? nullptr : truths[static_cast<std::size_t>(truth)];
    if (one != nullptr && (one->crowd || one->ignored)) continue;
    if (one != nullptr) taken[static_cast<std::size_t>(truth)] = 1;
    ++confusion_[(one == nullptr ? classes - 1 : one->category) * classes + detections[d]->category];
  }
  for (std::size_t g = 0; g < truths.size(); ++g) {
    if (taken[g] == 0 && !truths[g]->crowd && !truths[g]->ignored) {
      ++confusion_[truths[g]->category * classes + classes - 1];
    }
  }
}

std::ptrdiff_t CocoEvaluation::taken_by(std::size_t detection, const std::vector<char>& taken) const {
  const auto& truths = image_.truths();
  const auto counts = [&](std::size_t g) { return !truths[g]->crowd && !truths[g]->ignored; };
  const auto own = [&](std::size_t g) { return truths[g]->category == image_.detections()[detection]->category; };
  std::ptrdiff_t best = -1;
  for (std::size_t g = 0; g < truths.size(); ++g) {
    const double overlap = image_.overlap(detection, g);
    if (taken[g] != 0 || overlap < settings_.shown_overlap) continue;
    if (best >= 0) {
      const auto b = static_cast<std::size_t>(best);
      const double most = image_.overlap(detection, b);
      if (counts(g) != counts(b) ? counts(b) : overlap != most ? overlap < most : own(b) || !own(g)) continue;
    }
    best = static_cast<std::ptrdiff_t>(g);
  }
  return best;
}

void CocoEvaluation::merge(const CocoEvaluation& other) {
  MLRUN_ASSERT(other.records_.size() == records_.size() && other.settings_.areas.size() == settings_.areas.size(),
               "evaluations of other classes");
  for (const std::int64_t image : other.seen_) see(image);
  for (std::size_t k = 0; k < records_.size(); ++k) {
    const CocoRecords& more = other.records_[k];
    append_rows(records_[k].scores, more.scores);
    append_rows(records_[k].images, more.images);
    append_rows(records_[k].ranks, more.ranks);
    append_rows(records_[k].hits, more.hits);
    append_rows(records_[k].left_out, more.left_out);
    append_rows(records_[k].errors, more.errors);
    append_rows(records_[k].mended, more.mended);
    records_[k].missed += more.missed;
    for (std::size_t a = 0; a < more.truths.size(); ++a) records_[k].truths[a] += more.truths[a];
  }
  for (std::size_t i = 0; i < confusion_.size(); ++i) confusion_[i] += other.confusion_[i];
  totals_.truths += other.totals_.truths;
  totals_.ignored += other.totals_.ignored;
  totals_.detections += other.totals_.detections;
  totals_.near += other.totals_.near;
  totals_.right += other.totals_.right;
  totals_.unknown += other.totals_.unknown;
  totals_.farthest_truth = std::max(totals_.farthest_truth, other.totals_.farthest_truth);
  totals_.farthest_detection = std::max(totals_.farthest_detection, other.totals_.farthest_detection);
}

}  // namespace mlrun::metrics
