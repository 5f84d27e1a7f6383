#pragma once

#include <cstddef>
#include <vector>

#include "metrics/coco/evaluation.h"

namespace mlrun::metrics {

/// One thing that a detector got wrong in an image.
struct CocoMistake {
  CocoError kind = CocoError::Background;
  std::ptrdiff_t detection = -1;  ///< its row; of an object that was missed -1
  std::ptrdiff_t truth = -1;      ///< the object that it lies on or touches, or that was missed; -1: none
  double overlap = 0;             ///< of both
};

/// What became of the detections and objects of an image.
struct CocoJudgement {
  std::size_t objects = 0;            ///< that count
  std::size_t right = 0;              ///< of them those that were found
  std::vector<CocoMistake> mistakes;  ///< of detections by falling score, then objects that were missed

  std::size_t count(CocoError kind) const;
};

/// Holds all of them against each other under the settings' `shown` overlap: the best detections first, each finds the
/// free object of its class that it overlaps most. What lies on a crowd, or on what is ignored, is no mistake. Kinds
/// are those of `CocoError`; an object that a detection of a wrong class or place belongs to is not missed, too.
CocoJudgement judge_image(const CocoSettings& settings, const std::vector<CocoTruth>& truths,
                          const std::vector<CocoDetection>& detections);

}  // namespace mlrun::metrics
