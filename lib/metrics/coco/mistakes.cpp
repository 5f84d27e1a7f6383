#include "metrics/coco/mistakes.h"

#include <algorithm>
#include <numeric>

#include "metrics/coco/neighbourhood.h"

namespace mlrun::metrics {
namespace {

class ImageJudge {
 public:
  ImageJudge(const CocoSettings& settings, const std::vector<CocoTruth>& truths,
             const std::vector<CocoDetection>& detections)
      : settings_(settings), truths_(truths), detections_(detections), found_(truths.size(), 0) {
    std::vector<const CocoTruth*> all_truths;
    std::vector<const CocoDetection*> all_detections;
    for (const auto& truth : truths) all_truths.push_back(&truth);
    for (const auto& detection : detections) all_detections.push_back(&detection);
    overlaps(settings, all_detections, all_truths, overlaps_);
    order_.resize(detections.size());
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::stable_sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) {
      return sortable(detections[a].score) > sortable(detections[b].score);
    });
  }

  CocoJudgement judge() {
    std::vector<std::size_t> wrong;
    for (const std::size_t d : order_) {
      if (!finds(d) && !on_ignored(d)) wrong.push_back(d);
    }
    CocoJudgement judgement;
    std::vector<char> explained = found_;
    for (const std::size_t d : wrong) {
      const CocoMistake mistake = mistake_of(d);
      const bool explains = mistake.kind == CocoError::Place || mistake.kind == CocoError::Class;
      if (explains) explained[static_cast<std::size_t>(mistake.truth)] = 1;
      judgement.mistakes.push_back(mistake);
    }
    for (std::size_t g = 0; g < truths_.size(); ++g) {
      if (!counts(g)) continue;
      ++judgement.objects;
      judgement.right += found_[g] != 0 ? 1 : 0;
      if (explained[g] == 0) judgement.mistakes.push_back({CocoError::Missed, -1, static_cast<std::ptrdiff_t>(g), 0});
    }
    return judgement;
  }

 private:
  bool counts(std::size_t g) const { return !truths_[g].crowd && !truths_[g].ignored; }
  bool same_class(std::size_t d, std::size_t g) const { return detections_[d].category == truths_[g].category; }
  double overlap(std::size_t d, std::size_t g) const { return overlaps_[d * truths_.size() + g]; }

  bool finds(std::size_t d) {
    Nearest nearest;
    for (std::size_t g = 0; g < truths_.size(); ++g) {
      if (counts(g) && found_[g] == 0 && same_class(d, g)) nearest.look(g, overlap(d, g));
    }
    if (nearest.overlap < settings_.shown_overlap) return false;
    found_[static_cast<std::size_t>(nearest.truth)] = 1;
    return true;
  }

  bool on_ignored(std::size_t d) const {
    for (std::size_t g = 0; g < truths_.size(); ++g) {
      if (!counts(g) && same_class(d, g) && overlap(d, g) >= settings_.shown_overlap) return true;
    }
    return false;
  }

  CocoMistake mistake_of(std::size_t d) const {
    Neighbourhood here;
    for (std::size_t g = 0; g < truths_.size(); ++g) {
      if (!counts(g)) continue;
      (same_class(d, g) ? here.own : here.other).look(g, overlap(d, g));
      if (same_class(d, g) && found_[g] != 0) here.found.look(g, overlap(d, g));
    }
    const CocoError kind = here.kind(settings_);
    Nearest on;
    if (kind == CocoError::Place) on = here.own;
    if (kind == CocoError::Twice) on = here.found;
    if (kind == CocoError::Class || kind == CocoError::Both) on = here.other;
    return {kind, static_cast<std::ptrdiff_t>(d), on.truth, on.overlap};
  }

  const CocoSettings& settings_;
  const std::vector<CocoTruth>& truths_;
  const std::vector<CocoDetection>& detections_;
  std::vector<char> found_;
  std::vector<double> overlaps_;
  std::vector<std::size_t> order_;
};

}  // namespace

std::size_t CocoJudgement::count(CocoError kind) const {
  return static_cast<std::size_t>(std::count_if(mistakes.begin(), mistakes.end(),
                                                [kind](const CocoMistake& mistake) { return mistake.kind == kind; }));
}

CocoJudgement judge_image(const CocoSettings& settings, const std::vector<CocoTruth>& truths,
                          const std::vector<CocoDetection>& detections) {
  return ImageJudge(settings, truths, detections).judge();
}

}  // namespace mlrun::metrics
