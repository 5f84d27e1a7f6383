#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace mlrun::metrics {

/// What is compared: the overlap of boxes, that of masks, or the similarity of keypoints (OKS).
enum class CocoKind { Boxes, Masks, Keypoints };

/// Objects by their area in square pixels, both ends included.
struct AreaRange {
  std::string name;
  double least = 0, most = 0;
};

constexpr std::size_t kMostThresholds = 16;

/// How an evaluation counts; what `of` gives are COCO's own numbers.
struct CocoSettings {
  CocoKind kind = CocoKind::Boxes;
  std::vector<double> thresholds;            ///< of the overlap, ascending, at most 16
  std::vector<double> recalls;               ///< at which precision is read, ascending
  std::vector<std::size_t> most_detections;  ///< of a class in an image, ascending, at most 65535
  std::vector<AreaRange> areas;              ///< the first holds everything
  std::vector<double> sigmas;                ///< of keypoints: how far people place each apart, by the object's size
  double confusion_score = 0.25;             ///< detections below it stand in no confusion matrix
  double shown_overlap = 0.5;  ///< of curves, of the confusion matrix and of kinds of errors: one of the thresholds
  double least_overlap = 0.1;  ///< below it a detection has nothing to do with a truth

  static CocoSettings of(CocoKind kind);

  /// The place of a threshold; as many as there are where it is none of them.
  std::size_t threshold(double overlap) const;
};

/// `count` numbers from `first` to `last`, rounded as numpy.linspace rounds them.
std::vector<double> evenly(double first, double last, std::size_t count);

}  // namespace mlrun::metrics
