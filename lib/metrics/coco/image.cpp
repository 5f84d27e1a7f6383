#include "metrics/coco/image.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mlrun::metrics {

double sortable(double score) { return std::isnan(score) ? -std::numeric_limits<double>::infinity() : score + 0.0; }

void CocoImage::fill(const CocoSettings& settings, std::size_t categories, const std::vector<CocoTruth>& truths,
                     const std::vector<CocoDetection>& detections) {
  detections_.clear(), truths_.clear(), groups_.clear();
  for (const auto& found : detections) {
    if (found.category < categories) detections_.push_back(&found);
  }
  for (const auto& truth : truths) {
    if (truth.category < categories) truths_.push_back(&truth);
  }
  std::stable_sort(detections_.begin(), detections_.end(), [](const CocoDetection* a, const CocoDetection* b) {
    return a->category != b->category ? a->category < b->category : sortable(a->score) > sortable(b->score);
  });
  std::stable_sort(truths_.begin(), truths_.end(),
                   [](const CocoTruth* a, const CocoTruth* b) { return a->category < b->category; });
  std::size_t kept = 0, d = 0, g = 0;
  while (d < detections_.size() || g < truths_.size()) {
    Group group;
    group.category = std::min(d < detections_.size() ? detections_[d]->category : categories,
                              g < truths_.size() ? truths_[g]->category : categories);
    group.first = kept, group.first_truth = g;
    for (; d < detections_.size() && detections_[d]->category == group.category; ++d) {
      if (kept - group.first < settings.most_detections.back()) detections_[kept++] = detections_[d];
    }
    while (g < truths_.size() && truths_[g]->category == group.category) ++g;
    group.end = kept, group.end_truth = g;
    groups_.push_back(group);
  }
  detections_.resize(kept);
  taken_by_.assign(kept, -1);
  overlaps(settings, detections_, truths_, overlaps_);
}

void CocoImage::find_candidates(const CocoSettings& settings, const Group& group) {
  constexpr double kMost = 1 - 1e-10;
  const double least = std::min(settings.thresholds.front(), kMost);
  candidates_.clear(), candidate_end_.clear();
  for (std::size_t d = group.first; d < group.end; ++d) {
    for (std::size_t g = group.first_truth; g < group.end_truth; ++g) {
      if (overlap(d, g) >= least) candidates_.push_back({g - group.first_truth, overlap(d, g)});
    }
    candidate_end_.push_back(candidates_.size());
  }
}

void CocoImage::match(const CocoSettings& settings, const Group& group, std::uint16_t* hits, std::uint16_t* left_out) {
  find_candidates(settings, group);
  for (std::size_t area = 0; area < settings.areas.size(); ++area) match_area(settings, group, area, hits, left_out);
}

void CocoImage::match_area(const CocoSettings& settings, const Group& group, std::size_t area, std::uint16_t* hits,
                           std::uint16_t* left_out) {
  constexpr double kMost = 1 - 1e-10;  // an overlap of 1 passes a threshold of 1, however it was rounded
  const AreaRange& range = settings.areas[area];
  const std::size_t shown = settings.threshold(settings.shown_overlap);
  const auto outside = [&](double size) { return size < range.least || size > range.most; };
  taken_.assign(group.end_truth - group.first_truth, 0);
  ignored_.clear();
  for (std::size_t g = group.first_truth; g < group.end_truth; ++g) {
    ignored_.push_back(truths_[g]->crowd || truths_[g]->ignored || outside(truths_[g]->area));
  }
  const auto* here = truths_.data() + group.first_truth;
  for (std::size_t d = 0; d < group.end - group.first; ++d) {
    unsigned hit = 0, out = 0;
    const bool stray = outside(detections_[group.first + d]->area);
    for (std::size_t t = 0; t < settings.thresholds.size(); ++t) {
      const unsigned bit = 1U << t;
      const auto truth = choose(std::min(settings.thresholds[t], kMost), bit, d);
      if (truth < 0 ? stray : ignored_[static_cast<std::size_t>(truth)] != 0) out |= bit;
      else if (truth >= 0) hit |= bit;
      if (truth >= 0 && area == 0 && t == shown) {
        taken_by_[group.first + d] = truth + static_cast<std::ptrdiff_t>(group.first_truth);
      }
      if (truth >= 0 && !here[truth]->crowd) {
        auto& taken = taken_[static_cast<std::size_t>(truth)];
        taken = static_cast<std::uint16_t>(taken | bit);
      }
    }
    hits[d * settings.areas.size() + area] = static_cast<std::uint16_t>(hit);
    left_out[d * settings.areas.size() + area] = static_cast<std::uint16_t>(out);
  }
}

std::ptrdiff_t CocoImage::choose(double bar, unsigned bit, std::size_t detection) const {
  const std::size_t first = detection == 0 ? 0 : candidate_end_[detection - 1], end = candidate_end_[detection];
  std::ptrdiff_t best = -1;
  for (const bool ignored : {false, true}) {  // what counts goes before what does not
    for (std::size_t i = first; i < end; ++i) {
      const Candidate& candidate = candidates_[i];
      if ((ignored_[candidate.truth] != 0) != ignored || (taken_[candidate.truth] & bit) != 0) continue;
      if (candidate.overlap < bar) continue;
      bar = candidate.overlap;  // of equal ones the later
      best = static_cast<std::ptrdiff_t>(candidate.truth);
    }
    if (best >= 0) break;
  }
  return best;
}

}  // namespace mlrun::metrics
